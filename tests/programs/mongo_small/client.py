import asyncio

import pymongo
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

with pymongo.MongoClient("mongodb://server", serverSelectionTimeoutMS=60_000) as client:
    things = client.shop.things
    print(
        len(things.insert_many({"number": number, "text": "x" * 100} for number in range(300)).inserted_ids)
    )
    print(things.find_one({"number": 7})["text"][:3], len(list(things.find())))
    try:
        things.drop()
    except OperationFailure as error:
        print(error.code)


async def main():
    async with pymongo.AsyncMongoClient("mongodb://server", serverSelectionTimeoutMS=60_000) as client:
        found = await asyncio.gather(
            *(client.shop.things.find_one({"number": number}) for number in range(5))
        )
        print([thing["number"] for thing in found])


asyncio.run(main())
try:
    pymongo.MongoClient("mongodb://server:1", serverSelectionTimeoutMS=2000).shop.command("ping")
except ServerSelectionTimeoutError as error:
    print("Connection refused" in str(error))
