import asyncio
import ssl

import websocket
from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_sync


async def main():
    async with connect("wss://server") as socket:
        await socket.send("x" * 30_000 + "y")
        print((await socket.recv())[:3])
        await asyncio.sleep(3)
        print(socket.transport.get_extra_info("cipher")[1])


asyncio.run(main())
with connect_sync("wss://server") as socket:
    socket.send("abc")
    print(socket.recv(timeout=30))
plain = websocket.create_connection("wss://server", timeout=60)
plain.send("websocket-client")
print(plain.recv())
plain.close()
try:
    websocket.create_connection("wss://10.0.0.1", timeout=60)
except ssl.SSLCertVerificationError as error:
    print(error.verify_message)
