import asyncio
from concurrent.futures import ThreadPoolExecutor

import aiomcache
from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient
from pymemcache.serde import pickle_serde

client = Client("server", serde=pickle_serde, timeout=60)
client.set("things", {"a": [1, 2, 3]})
client.set("count", 0, noreply=False)
print(client.get("things"), client.get("none", "default"))
pool = PooledClient(("server", 11211), max_pool_size=4, timeout=60)
with ThreadPoolExecutor(4) as threads:
    print(sorted(threads.map(lambda _: pool.incr("count", 1), range(8))))
value, stamp = client.gets("things")
print(client.cas("things", 1, stamp), client.cas("things", 2, stamp))
ring = HashClient([("server", 11211)], timeout=60)
print(
    ring.set_many({f"key{n}": b"x" * 2000 for n in range(20)}),
    len(ring.get_many([f"key{n}" for n in range(20)])),
)


for one in (client, pool, ring):
    one.close()


async def main():
    client = aiomcache.Client("server", 11211)
    await client.set(b"greeting", b"hello")
    print(await client.get(b"greeting"), await client.delete(b"greeting"), await client.get(b"greeting"))
    await client.close()


asyncio.run(main())
try:
    Client(("server", 1)).get("x")
except ConnectionRefusedError as error:
    print(error)
