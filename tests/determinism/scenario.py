"""One run that exercises much at once; prints the digests of the seeds it is given, as JSON.

``python scenario.py MODE SEED…`` with MODE ``objects`` or ``bytes``.
"""

import asyncio
import json
import socket
import socketserver
import sys
import threading
import time
from random import random

from fourtuple import Network
from fourtuple._compiled import is_compiled

ADDRESS = "10.0.0.1"


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(4096):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def serve_threaded() -> None:
    with Server(("", 7), Echo) as server:
        server.serve_forever()


def serve_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 9))
        while True:
            data, peer = sock.recvfrom(2048)
            sock.sendto(data.upper(), peer)


async def serve_async() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            await asyncio.sleep(0.003)
            writer.write(data[::-1])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "0.0.0.0", 8)
    async with server:
        await server.serve_forever()


async def serve_crowd() -> None:
    """Sends what one says to all, in the order of a set: what is in it is hashed by its identity."""
    crowd: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        crowd.add(writer)
        while data := await reader.read(1000):
            for each in crowd:
                each.write(data)
        crowd.remove(writer)
        writer.close()

    server = await asyncio.start_server(handle, "0.0.0.0", 10)
    async with server:
        await server.serve_forever()


async def crowd_client() -> None:
    pairs = [await asyncio.open_connection(ADDRESS, 10) for _ in range(7)]
    # Until the server has accepted the last, whatever is lost.
    await asyncio.sleep(30)
    for _, writer in pairs:
        writer.write(b"word")
    told = {asyncio.create_task(reader.readexactly(28)) for reader, _ in pairs}
    await asyncio.wait(told)
    for _, writer in pairs:
        writer.close()


def bulk_client() -> int:
    """Three threads at once, 60 kB each, echoed; returns the bytes that came back."""
    came = []

    def one(number: int) -> None:
        with socket.create_connection((ADDRESS, 7)) as sock:
            sent = bytes([number]) * 60_000
            sender = threading.Thread(target=lambda: (sock.sendall(sent), sock.shutdown(socket.SHUT_WR)))
            sender.start()
            data = b"".join(iter(lambda: sock.recv(8192), b""))
            sender.join()
            if data != sent:
                raise AssertionError(f"{len(data)} bytes came back, or not those sent")
            came.append(len(data))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(came)


async def async_client() -> None:
    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection(ADDRESS, 8)
        for turn in range(4):
            message = f"{number}/{turn}/{random()}".encode()
            writer.write(message)
            answer = await reader.readexactly(len(message))
            if answer != message[::-1]:
                raise AssertionError(answer)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one(number) for number in range(5)))


def udp_client() -> int:
    """Datagrams that got an answer, of 20."""
    answers = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.1)
        for number in range(20):
            sock.sendto(b"%d at %f" % (number, time.time()), (ADDRESS, 9))
            try:
                sock.recv(2048)
                answers += 1
            except TimeoutError:
                pass
    return answers


def digest(seed: int, *, bytes_on_wire: bool) -> str:
    with Network(seed=seed, bytes_on_wire=bytes_on_wire) as net:
        server = net.host("server", address=ADDRESS)
        client = net.host("client", address="10.0.0.2")
        net.link(server, client, latency="5ms", loss=0.03, bandwidth="20mbit")
        server.spawn(serve_threaded, daemon=True)
        server.spawn(serve_udp, daemon=True)
        server.spawn(lambda: asyncio.run(serve_async()), daemon=True)
        server.spawn(lambda: asyncio.run(serve_crowd()), daemon=True)
        bulk = client.spawn(bulk_client, start="50ms")
        others = [
            client.spawn(lambda: asyncio.run(async_client()), start="60ms"),
            client.spawn(udp_client, start="70ms"),
            client.spawn(lambda: asyncio.run(crowd_client()), start="80ms"),
        ]
        net.run(until="600s")
        failures = [p.stderr for p in (bulk, *others) if p.exitcode != 0]
        if failures or bulk.result != 180_000:
            raise AssertionError(f"seed {seed}: {bulk.result} bytes; {failures}")
        return net.digest


if __name__ == "__main__":
    digests = {seed: digest(int(seed), bytes_on_wire=sys.argv[1] == "bytes") for seed in sys.argv[2:]}
    # In an interpreter that has run others the same seed is the same run.
    again = {seed: digest(int(seed), bytes_on_wire=sys.argv[1] == "bytes") for seed in sys.argv[2:4]}
    if any(digests[seed] != again[seed] for seed in again):
        raise AssertionError(f"the digests were {digests}, then {again}")
    print(json.dumps({"compiled": is_compiled(), "digests": digests}))
