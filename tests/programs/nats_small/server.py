"""As much of a NATS server as publishing and asking needs."""

import asyncio

subscribers = {}


async def serve(reader, writer):
    writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,"headers":true}\r\n')
    mine = []
    while line := await reader.readline():
        words = line.decode().split()
        if words[0] == "PING":
            writer.write(b"PONG\r\n")
        elif words[0] == "SUB":
            subscribers.setdefault(words[1], []).append((writer, words[-1]))
            mine.append(words[1])
        elif words[0] == "PUB":
            payload = await reader.readexactly(int(words[-1]) + 2)
            reply = f" {words[2]}" if len(words) == 4 else ""
            for subject, listeners in list(subscribers.items()):
                if subject == words[1] or (subject.endswith("*") and words[1].startswith(subject[:-1])):
                    for other, sid in listeners:
                        head = f"MSG {words[1]} {sid}{reply} {len(payload) - 2}\r\n"
                        other.write(head.encode() + payload)


async def main():
    async with await asyncio.start_server(serve, "0.0.0.0", 4222) as server:
        await server.serve_forever()


asyncio.run(main())
