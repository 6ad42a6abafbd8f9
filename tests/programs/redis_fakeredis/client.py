import asyncio
import threading

import redis
import redis.asyncio

client = redis.Redis(host="server", decode_responses=True)
print(client.ping())
client.set("greeting", "hello", ex=100)
print(client.get("greeting"), 0 < client.ttl("greeting") <= 100)
with client.pipeline() as pipe:
    for number in range(50):
        pipe.rpush("list", number)
    pipe.llen("list")
    print(pipe.execute()[-1])
client.hset("hash", mapping={"a": 1, "b": 2})
print(client.hgetall("hash"))


def work():
    for _ in range(10):
        client.incr("counter")


threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(client.get("counter"))
client.close()


async def main():
    async with redis.asyncio.Redis(host="server", decode_responses=True) as asynchronous:
        await asynchronous.set("k", "v")
        print(await asyncio.gather(asynchronous.get("k"), asynchronous.get("greeting")))


asyncio.run(main())
