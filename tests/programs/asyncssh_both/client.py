import asyncio

import asyncssh


async def main():
    async with asyncssh.connect(
        "server", 8022, username="anna", password="foo", known_hosts=None, client_keys=None, config=None
    ) as connection:
        result = await connection.run("shout", input="one\ntwo\n")
        print(repr(result.stdout), result.exit_status)
    try:
        await asyncssh.connect(
            "server", 8022, username="anna", password="bar", known_hosts=None, client_keys=None, config=None
        )
    except asyncssh.PermissionDenied as error:
        print(error.reason.split(" for")[0])


asyncio.run(main())
