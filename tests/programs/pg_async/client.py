import asyncio
import ssl

import asyncpg
import pg8000.native

context = ssl.create_default_context()
with pg8000.native.Connection(
    "anna", host="server", password="secret", database="shop", ssl_context=context
) as connection:
    print(len(connection.run("SELECT id, name FROM things")))


async def main():
    connection = await asyncpg.connect(
        user="anna", host="server", password="secret", database="shop", ssl=context, timeout=60
    )
    rows = await connection.fetch("SELECT id, name FROM things")
    print(len(rows), rows[0])
    try:
        await connection.fetch("SELECT id, name FROM missing")
    except asyncpg.UndefinedTableError as error:
        print(error)
    await connection.close()


asyncio.run(main())
