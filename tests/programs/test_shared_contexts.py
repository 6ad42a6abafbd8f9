"""The context that aiohttp makes when it is imported, once for all processes: each trusts what its own
environment names, whoever imported aiohttp first."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from catalogue import need
from test_libraries import certificates

from fourtuple import Network

SERVER = """
import os, ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

server = ThreadingHTTPServer(("", 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["TLS_CERT"])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""

CLIENT = """
import asyncio, aiohttp

async def main():
    async with aiohttp.ClientSession() as session:
        for verify in (True, False):
            try:
                async with session.get("https://server/", ssl=verify) as answer:
                    print(answer.status)
            except aiohttp.ClientConnectorCertificateError:
                print("not trusted")

asyncio.run(main())
"""


def answers() -> list[str]:
    """What three clients see, the first and the last of which are told of the authority."""
    variables = certificates()[1]
    with Network(seed=1) as net:
        server = net.host("server", address="10.0.0.1")
        client = net.host("client", address="10.0.0.2")
        net.link(server, client, latency="1ms")
        server.spawn(["python", "-c", SERVER], daemon=True, env=variables)
        asking = [
            client.spawn(["python", "-c", CLIENT], start=f"{second}s", env=env)
            for second, env in ((1, variables), (2, {}), (3, variables))
        ]
        net.run(until="60s")
        return [process.stdout + process.stderr for process in asking]


EXPECTED = ["204\n204\n", "not trusted\n204\n", "204\n204\n"]


def test_a_process_trusts_what_its_environment_names_when_the_outside_imported_aiohttp() -> None:
    need("aiohttp")
    import aiohttp.connector

    before = aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats()
    assert answers() == EXPECTED
    assert aiohttp.connector._SSL_CONTEXT_VERIFIED.cert_store_stats() == before


def test_the_outside_trusts_nothing_of_the_network_whose_process_imported_aiohttp() -> None:
    need("aiohttp")
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_shared_contexts import EXPECTED, answers, outside_trusts
assert "aiohttp" not in sys.modules
assert answers() == EXPECTED
print(*outside_trusts())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.fail(done.stderr)
    used, own = done.stdout.split()
    assert used == own


def outside_trusts() -> tuple[int, int]:
    """How many certificates aiohttp trusts here, and how many a context made here does."""
    import asyncio

    import aiohttp
    from yarl import URL

    async def used() -> ssl.SSLContext:
        async with aiohttp.TCPConnector() as connector:

            class Request:
                ssl = True
                url = URL("https://server/")

                def is_ssl(self) -> bool:
                    return True

            context = connector._get_ssl_context(Request())  # type: ignore[arg-type]
            assert context is not None
            return context

    there = asyncio.run(used())
    return len(there.get_ca_certs()), len(ssl.create_default_context().get_ca_certs())
