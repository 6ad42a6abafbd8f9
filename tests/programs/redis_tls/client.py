import asyncio
import os

import redis
import redis.asyncio

authorities = os.environ["SSL_CERT_FILE"]
with redis.Redis.from_url(
    f"rediss://server:6380?ssl_ca_certs={authorities}", decode_responses=True
) as client:
    client.set("big", "x" * 50_000)
    print(client.strlen("big"), len(client.get("big")))
    listening = client.pubsub(ignore_subscribe_messages=True)
    listening.subscribe("news")
    listening.get_message(timeout=5)
    client.publish("news", "hello")
    print(listening.get_message(timeout=20)["data"])
    listening.close()


async def main():
    async with redis.asyncio.Redis(host="server", port=6380, ssl=True, ssl_ca_certs=authorities) as client:
        async with client.pipeline() as pipe:
            print(await pipe.incr("n").incr("n").execute())


asyncio.run(main())
