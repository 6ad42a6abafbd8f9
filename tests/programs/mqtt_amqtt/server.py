import asyncio

from amqtt.broker import Broker

config = {
    "listeners": {"default": {"type": "tcp", "bind": "0.0.0.0:1883"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


async def main():
    broker = Broker(config)
    await broker.start()
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
