"""Event loops beside asyncio's: trio, anyio on both backends, Twisted's reactors, hypercorn on trio.

Each pair runs over a link with latency and loss, twice with one seed: equal digests.
"""

import sys
import textwrap

import pytest
from catalogue import need

from fourtuple import Network


def pair(server, client, expected, cwd=None):
    digests = []
    for _ in range(2):
        with Network(seed=4) as network:
            hosts = [network.host(name) for name in ("server", "client")]
            network.link(*hosts, latency="20ms", loss=0.02)
            serving = hosts[0].spawn(server, daemon=True, cwd=cwd)
            process = hosts[1].spawn(client, start="2s")
            network.run(until="200s")
            assert (process.stdout, process.exitcode) == (expected, 0), process.stderr + serving.stderr
            digests.append(network.digest)
    assert digests[0] == digests[1]


def script(code):
    return [sys.executable, "-c", textwrap.dedent(code)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio(backend):
    need("anyio", "trio")
    server = f"""
        import anyio

        async def echo(stream):
            async with stream:
                async for data in stream:
                    await stream.send(data.upper())

        async def main():
            listener = await anyio.create_tcp_listener(local_port=7000)
            await listener.serve(echo)

        anyio.run(main, backend={backend!r})
        """
    client = f"""
        import sys
        import anyio

        async def main():
            async with await anyio.connect_tcp("server", 7000) as stream:
                await stream.send(b"abc")
                print(await stream.receive())
            with anyio.move_on_after(2) as scope:
                await anyio.sleep(50)
            print(scope.cancelled_caught, await anyio.to_thread.run_sync(sum, [1, 2]))
            print((await anyio.run_process([sys.executable, "-c", "print(7)"])).stdout)

        anyio.run(main, backend={backend!r})
        """
    pair(script(server), script(client), "b'ABC'\nTrue 3\nb'7\\n'\n")


@pytest.mark.parametrize("reactor", ["epoll", "select", "poll", "asyncio"])
def test_twisted(reactor):
    need("twisted")
    head = f"""
        from twisted.internet import {reactor}reactor
        {reactor}reactor.install()
        from twisted.internet import endpoints, protocol, reactor, threads
        """
    server = f"""{head}
        class Echo(protocol.Protocol):
            def dataReceived(self, data):
                self.transport.write(data.upper())

        factory = protocol.Factory()
        factory.protocol = Echo
        reactor.listenTCP(7000, factory)
        reactor.run()
        """
    client = f"""{head}
        class Client(protocol.Protocol):
            def connectionMade(self):
                self.transport.write(b"hello")

            def dataReceived(self, data):
                print(data)
                self.transport.loseConnection()

            def connectionLost(self, reason):
                threads.deferToThread(lambda: 3).addCallback(self.done)

            def done(self, value):
                print(value, type(reactor).__name__)
                reactor.callLater(1, reactor.stop)

        endpoint = endpoints.HostnameEndpoint(reactor, b"server", 7000)
        endpoints.connectProtocol(endpoint, Client())
        reactor.run()
        """
    kind = {"epoll": "EPoll", "asyncio": "AsyncioSelector"}.get(reactor, reactor.capitalize())
    pair(script(server), script(client), f"b'HELLO'\n3 {kind}Reactor\n")


@pytest.mark.parametrize("worker", ["trio", "asyncio"])
def test_hypercorn(worker, tmp_path):
    need("hypercorn", "starlette", "httpx", "trio")
    (tmp_path / "app.py").write_text(
        textwrap.dedent(
            """
            import anyio
            from starlette.applications import Starlette
            from starlette.responses import PlainTextResponse
            from starlette.routing import Route

            async def home(request):
                await anyio.sleep(0.1)
                return PlainTextResponse("home")

            app = Starlette(routes=[Route("/", home)])
            """
        )
    )
    server = f"python -m hypercorn -k {worker} -b 0.0.0.0:7000 app:app"
    client = "import httpx; print(httpx.get('http://server:7000/', timeout=30).text)"
    pair(server, script(client), "home\n", tmp_path)
