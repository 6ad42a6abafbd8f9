import asyncio

import aiomysql


async def main():
    async with aiomysql.create_pool(host="server", user="anna", minsize=2, maxsize=4) as pool:

        async def ask():
            async with pool.acquire() as connection, connection.cursor() as cursor:
                await cursor.execute("SELECT id, name FROM things")
                return len(await cursor.fetchall())

        print(await asyncio.gather(*(ask() for _ in range(6))))


asyncio.run(main())
