"""As much of an AMQP 0-9-1 broker as declaring, publishing with confirms and consuming needs."""

import asyncio
import struct
from collections import defaultdict, deque

queues = defaultdict(deque)
consumers = defaultdict(list)


def short(data, at):
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(), end


def text(value):
    return bytes([len(value)]) + value.encode()


def table(*entries):
    body = b"".join(entries)
    return struct.pack("!I", len(body)) + body


class Session:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.publishing = {}
        self.confirmed = {}
        self.delivered = 0

    def send(self, channel, kind, payload):
        self.writer.write(struct.pack("!BHI", kind, channel, len(payload)) + payload + b"\xce")

    def method(self, channel, major, minor, rest=b""):
        self.send(channel, 1, struct.pack("!HH", major, minor) + rest)

    async def serve(self):
        await self.reader.readexactly(8)
        able = table(*(text(name) + b"t\1" for name in ("publisher_confirms", "basic.nack")))
        properties = table(text("capabilities") + b"F" + able)
        self.method(0, 10, 10, b"\0\x09" + properties + b"\0\0\0\x05PLAIN\0\0\0\x05en_US")
        try:
            while True:
                kind, channel, size = struct.unpack("!BHI", await self.reader.readexactly(7))
                payload = (await self.reader.readexactly(size + 1))[:-1]
                if kind == 1:
                    self.called(channel, *struct.unpack_from("!HH", payload), payload[4:])
                elif kind == 2:
                    self.publishing[channel] += [struct.unpack_from("!Q", payload, 4)[0], payload[12:], b""]
                    self.complete(channel)
                elif kind == 3:
                    self.publishing[channel][3] += payload
                    self.complete(channel)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.writer.close()
        for name in consumers:
            consumers[name] = [entry for entry in consumers[name] if entry[0] is not self]

    def complete(self, channel):
        key, size, properties, body = self.publishing[channel]
        if len(body) < size:
            return
        queues[key].append((properties, body))
        if channel in self.confirmed:
            self.confirmed[channel] += 1
            self.method(channel, 60, 80, struct.pack("!QB", self.confirmed[channel], 0))
        deliver(key)

    def content(self, channel, properties, body):
        self.send(channel, 2, struct.pack("!HHQ", 60, 0, len(body)) + properties)
        for start in range(0, len(body), 4000):
            self.send(channel, 3, body[start : start + 4000])

    def called(self, channel, major, minor, rest):
        call = (major, minor)
        if call == (10, 11):
            self.method(0, 10, 30, struct.pack("!HIH", 100, 8192, 0))
        elif call == (10, 40):
            self.method(0, 10, 41, b"\0")
        elif call == (20, 10):
            self.method(channel, 20, 11, struct.pack("!I", 0))
        elif call == (50, 10):
            name = short(rest, 2)[0] or f"amq.gen-{len(queues)}"
            self.method(channel, 50, 11, text(name) + struct.pack("!II", len(queues[name]), 0))
        elif call == (60, 20):
            name, at = short(rest, 2)
            tag = short(rest, at)[0] or "consumer"
            self.method(channel, 60, 21, text(tag))
            consumers[name].append((self, channel, tag))
            deliver(name)
        elif call == (60, 30):
            tag = short(rest, 0)[0]
            for name in consumers:
                consumers[name] = [entry for entry in consumers[name] if entry[0] is not self]
            self.method(channel, 60, 31, text(tag))
        elif call == (60, 40):
            _, at = short(rest, 2)
            self.publishing[channel] = [short(rest, at)[0]]
        elif call == (60, 70):
            name = short(rest, 2)[0]
            if not queues[name]:
                self.method(channel, 60, 72, b"\0")
                return
            self.delivered += 1
            properties, body = queues[name].popleft()
            head = struct.pack("!QB", self.delivered, 0) + b"\0" + text(name)
            self.method(channel, 60, 71, head + struct.pack("!I", len(queues[name])))
            self.content(channel, properties, body)
        elif call == (85, 10):
            self.confirmed[channel] = 0
            self.method(channel, 85, 11)
        elif minor in (10, 20, 40, 50):  # declare, bind, close …: the answer is the next method
            self.method(channel, major, minor + 1, struct.pack("!I", 0) if call == (50, 40) else b"")


def deliver(name):
    while queues[name] and consumers[name]:
        consumers[name].append(consumers[name].pop(0))
        session, channel, tag = consumers[name][-1]
        session.delivered += 1
        properties, body = queues[name].popleft()
        session.method(
            channel, 60, 60, text(tag) + struct.pack("!QB", session.delivered, 0) + b"\0" + text(name)
        )
        session.content(channel, properties, body)


async def main():
    async def serve(reader, writer):
        await Session(reader, writer).serve()

    async with await asyncio.start_server(serve, "0.0.0.0", 5672) as server:
        await server.serve_forever()


asyncio.run(main())
