import asyncio
import os

from amqtt.broker import Broker

config = {
    "listeners": {
        "default": {"type": "tcp", "bind": "0.0.0.0:1883"},
        "sealed": {
            "type": "tcp",
            "bind": "0.0.0.0:8883",
            "ssl": True,
            "certfile": os.environ["TLS_CERT"],
            "keyfile": os.environ["TLS_KEY"],
        },
        "web": {"type": "ws", "bind": "0.0.0.0:8080"},
    },
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


async def main():
    await Broker(config).start()
    await asyncio.get_running_loop().create_future()


asyncio.run(main())
