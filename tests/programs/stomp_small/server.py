"""As much of a STOMP 1.2 broker as sending, subscribing and heartbeats need."""

import asyncio
import itertools

subscribers = {}
numbers = itertools.count(1)


def frame(command, headers, body=b""):
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    return f"{command}\n{lines}\n".encode() + body + b"\0"


async def read(reader):
    while (line := await reader.readline()) == b"\n":
        pass  # a heartbeat
    headers = {}
    while header := (await reader.readline()).decode().strip():
        name, _, value = header.partition(":")
        headers[name] = value
    if "content-length" in headers:
        body = (await reader.readexactly(int(headers["content-length"]) + 1))[:-1]
    else:
        body = (await reader.readuntil(b"\0"))[:-1]
    return line.decode().strip(), headers, body


async def beat(writer):
    while True:
        await asyncio.sleep(1)
        writer.write(b"\n")


async def serve(reader, writer):
    beating = None
    try:
        while True:
            command, headers, body = await read(reader)
            if command in ("CONNECT", "STOMP"):
                writer.write(frame("CONNECTED", {"version": "1.2", "heart-beat": "1000,1000"}))
                beating = asyncio.create_task(beat(writer))
            elif command == "SUBSCRIBE":
                subscribers.setdefault(headers["destination"], []).append((writer, headers["id"]))
            elif command == "SEND":
                for other, subscription in subscribers.get(headers["destination"], []):
                    told = {
                        "subscription": subscription,
                        "message-id": next(numbers),
                        "destination": headers["destination"],
                        "content-length": len(body),
                    }
                    other.write(frame("MESSAGE", told, body))
            if "receipt" in headers:
                writer.write(frame("RECEIPT", {"receipt-id": headers["receipt"]}))
    except (asyncio.IncompleteReadError, ConnectionError):
        if beating is not None:
            beating.cancel()
        writer.close()


async def main():
    async with await asyncio.start_server(serve, "0.0.0.0", 61613) as server:
        await server.serve_forever()


asyncio.run(main())
