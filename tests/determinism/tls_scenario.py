"""Runs TLS of every kind for a seed and prints the digests: ``tls_scenario.py CERTIFICATES MODE SEED …``.

CERTIFICATES holds ca.pem, ecdsa.pem and rsa.pem (certificate and key).
"""

import asyncio
import json
import socket
import ssl
import sys
from pathlib import Path

from fourtuple import Network

directory = Path(sys.argv[1])


def server_context(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / f"{name}.pem")
    return context


def client_context(version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    context.maximum_version = version
    return context


# Made once outside and used by all runs, as a test module's are; another is made inside each process.
OUTSIDE = {name: server_context(name) for name in ("ecdsa", "rsa")}


def serve(name: str, port: int, outside: bool) -> None:
    context = OUTSIDE[name] if outside else server_context(name)
    with (
        socket.create_server(("", port)) as listener,
        context.wrap_socket(listener, server_side=True) as front,
    ):
        while True:
            tls, _ = front.accept()
            with tls:
                while data := tls.recv(4096):
                    tls.sendall(data.upper())
                tls.unwrap()


def call(port: int, version: ssl.TLSVersion) -> None:
    context = client_context(version)
    session = None
    for _ in range(3):
        with (
            socket.create_connection(("server", port)) as sock,
            context.wrap_socket(sock, server_hostname="server", session=session) as tls,
        ):
            tls.sendall(b"hello" * 1000)
            received = 0
            while received < 5000:
                received += len(tls.recv(5000))
            session = tls.session
            tls.unwrap()


async def serve_async() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, port=9000, ssl=OUTSIDE["ecdsa"])
    await server.serve_forever()


async def call_async() -> None:
    context = client_context(ssl.TLSVersion.TLSv1_3)
    reader, writer = await asyncio.open_connection("server", 9000, ssl=context)
    writer.write(b"hello\n")
    assert await reader.readline() == b"HELLO\n"
    writer.close()
    await writer.wait_closed()


def digest(seed: int, bytes_on_wire: bool) -> str:
    with Network(seed, bytes_on_wire=bytes_on_wire) as network:
        server, client = network.host("server"), network.host("client")
        network.link(server, client, latency="20ms", jitter="2ms", loss=0.02)
        clients = []
        for number, (name, outside) in enumerate((n, o) for n in OUTSIDE for o in (False, True)):
            server.spawn(serve, name, 4430 + number, outside, daemon=True)
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                clients.append(client.spawn(call, 4430 + number, version, start="10ms"))
        server.spawn(serve_async, daemon=True)
        clients.append(client.spawn(call_async, start="10ms"))
        network.run(until="120s")
        for process in clients:
            assert process.exitcode == 0, process.stderr
        return network.digest


if __name__ == "__main__":
    mode, seeds = sys.argv[2], sys.argv[3:]
    print(json.dumps({seed: digest(int(seed), mode == "bytes") for seed in seeds}))
