"""As much of a Kafka broker as producing, consuming, and a group of one member need."""

import asyncio
import struct

VERSIONS = {0: 3, 1: 4, 2: 1, 3: 4, 8: 2, 9: 1, 10: 0, 11: 1, 12: 0, 13: 0, 14: 0, 18: 0, 22: 0}
logs = {}
committed = {}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        (value,) = struct.unpack_from("!" + form, self.data, self.at)
        self.at += struct.calcsize("!" + form)
        return value

    def bytes(self, form="i"):
        size = self.take(form)
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size : self.at]

    def text(self):
        value = self.bytes("h")
        return None if value is None else value.decode()

    def array(self, read):
        return [read() for _ in range(self.take("i"))]


def text(value):
    return struct.pack("!h", len(value)) + value.encode()


def blob(value):
    return struct.pack("!i", len(value)) + value


def array(values):
    return struct.pack("!i", len(values)) + b"".join(values)


def by_partition(reader, read, answer):
    """Of every topic and partition asked for, the answer to what ``read`` took from the request."""
    topics = []
    for _ in range(reader.take("i")):
        topic = reader.text()
        parts = []
        for _ in range(reader.take("i")):
            number = reader.take("i")
            parts.append(struct.pack("!i", number) + answer(logs.setdefault(topic, []), *read()))
        topics.append(text(topic) + array(parts))
    return array(topics)


def append(log, records):
    """Keep batches, numbered on. The number of a batch is not under its checksum."""
    first = end(log)
    log.append((first, struct.pack("!q", first) + records[8:]))
    return struct.pack("!hqq", 0, first, -1)


def end(log):
    if not log:
        return 0
    first, batch = log[-1]
    return first + struct.unpack_from("!i", batch, 23)[0] + 1


def since(log, offset):
    found = b"".join(
        batch for first, batch in log if first + struct.unpack_from("!i", batch, 23)[0] >= offset
    )
    return struct.pack("!hqqi", 0, end(log), end(log), -1) + blob(found)


def versions():
    return array([struct.pack("!hhh", key, 0, highest) for key, highest in VERSIONS.items()])


BROKER = struct.pack("!i", 0) + text("server") + struct.pack("!i", 9092)


async def answer(key, version, reader):
    if key == 18:
        return struct.pack("!h", 0 if version == 0 else 35) + versions()
    if key == 3:
        topics = [topic for topic in reader.array(reader.text) if topic] or list(logs)
        part = struct.pack("!hii", 0, 0, 0) + array([struct.pack("!i", 0)]) * 2
        told = [struct.pack("!h", 0) + text(topic) + b"\0" + array([part]) for topic in topics]
        throttled = struct.pack("!i", 0) if version >= 3 else b""
        cluster = text("cluster") if version >= 2 else b""
        return throttled + array([BROKER + text("rack")]) + cluster + struct.pack("!i", 0) + array(told)
    if key == 0:
        reader.text(), reader.take("h"), reader.take("i")
        return by_partition(reader, lambda: (reader.bytes(),), append) + struct.pack("!i", 0)
    if key == 1:
        for form in "iiiib":
            reader.take(form)
        start = reader.at
        for _ in range(5):  # wait a while for more than nothing
            reader.at = start
            found = by_partition(reader, lambda: (reader.take("q"), reader.take("i"))[:1], since)
            if len(found) > 100:
                break
            await asyncio.sleep(0.1)
        return struct.pack("!i", 0) + found
    if key == 2:
        reader.take("i")
        return by_partition(
            reader,
            lambda: (reader.take("q"),),
            lambda log, time: struct.pack("!hqq", 0, -1, 0 if time == -2 else end(log)),
        )
    if key == 10:
        return struct.pack("!h", 0) + BROKER
    if key == 22:
        return struct.pack("!ihqh", 0, 0, 7, 0)
    group = reader.text()
    if key == 8:
        reader.take("i"), reader.text(), reader.take("q")

        def keep(log, offset, _):
            committed[group] = offset
            return struct.pack("!h", 0)

        return by_partition(reader, lambda: (reader.take("q"), reader.text()), keep)
    if key == 9:
        return by_partition(
            reader,
            tuple,
            lambda log: struct.pack("!q", committed.get(group, -1)) + text("") + struct.pack("!h", 0),
        )
    if key == 11:
        for _ in range(1 + version):
            reader.take("i")
        reader.text(), reader.text()
        protocols = reader.array(lambda: (reader.text(), reader.bytes()))
        name, metadata = protocols[0]
        members = array([text("member") + blob(metadata)])
        return struct.pack("!hi", 0, 1) + text(name) + text("member") + text("member") + members
    if key == 14:
        reader.take("i"), reader.text()
        ((_, assigned),) = reader.array(lambda: (reader.text(), reader.bytes()))
        return struct.pack("!h", 0) + blob(assigned)
    return struct.pack("!h", 0)  # a heartbeat, or leaving the group


async def serve(reader, writer):
    try:
        while True:
            (size,) = struct.unpack("!i", await reader.readexactly(4))
            request = Reader(await reader.readexactly(size))
            key, version, number = request.take("h"), request.take("h"), request.take("i")
            request.text()
            writer.write(blob(struct.pack("!i", number) + await answer(key, version, request)))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    async with await asyncio.start_server(serve, "0.0.0.0", 9092) as server:
        await server.serve_forever()


asyncio.run(main())
