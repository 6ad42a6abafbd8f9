"""The pairs of examples/upper: they print the same on the real kernel and on a simulated network."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fourtuple import Network

UPPER = Path(__file__).parents[2] / "examples" / "upper"
PAIRS = [
    pytest.param("server.py", "client.py", socket.SOCK_STREAM, id="tcp"),
    pytest.param("server_async.py", "client_async.py", socket.SOCK_STREAM, id="asyncio"),
    pytest.param("server_udp.py", "client_udp.py", socket.SOCK_DGRAM, id="udp"),
]


def free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def wait_until_bound(server: subprocess.Popen[str], port: int, kind: int) -> None:
    """A TCP server is ready when it accepts; a UDP server when its port is no longer to be had."""
    for _ in range(400):
        assert server.poll() is None, server.communicate()
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                if kind == socket.SOCK_STREAM:
                    probe.connect(("127.0.0.1", port))
                    return
                probe.bind(("", port))
            except ConnectionRefusedError:
                pass
            except OSError:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing on port {port}")


def on_the_real_kernel(server_name: str, client_name: str, kind: int) -> tuple[str, str]:
    """What server and client print, run as real processes over the real loopback."""
    port = free_port(kind)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, UPPER / server_name, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as server:
        try:
            wait_until_bound(server, port, kind)
            client = subprocess.run(
                [sys.executable, UPPER / client_name, "127.0.0.1", str(port)],
                capture_output=True,
                text=True,
                timeout=30,
            )
        finally:
            server.send_signal(signal.SIGTERM)
        printed, _ = server.communicate(timeout=10)
    assert client.returncode == 0, client.stderr
    return printed, client.stdout


def on_a_simulated_host(server_name: str, client_name: str) -> tuple[str, str]:
    with Network(seed=1) as net:
        host = net.host("alpha", address="10.0.0.1")
        server = host.spawn(f"python {server_name}", cwd=str(UPPER), daemon=True)
        client = host.spawn(f"python {client_name} 127.0.0.1 9999", cwd=str(UPPER), start="100ms")
        net.run(until="60s")
        assert client.exitcode == 0, client.stderr
        return server.stdout, client.stdout


@pytest.mark.parametrize(("server", "client", "kind"), PAIRS)
def test_pair_on_one_host_prints_what_it_prints_on_the_real_loopback(
    server: str, client: str, kind: int
) -> None:
    real = on_the_real_kernel(server, client, kind)
    assert real == ("127.0.0.1 sent: Hello socket!\n", "Received: HELLO SOCKET!\n")
    assert on_a_simulated_host(server, client) == real


@pytest.mark.parametrize("loss", [0.0, 0.2])
@pytest.mark.parametrize(("server", "client", "kind"), PAIRS)
def test_pair_over_a_link_finds_its_server_by_name(server: str, client: str, kind: int, loss: float) -> None:
    with Network(seed=3) as net:
        net.host("server", address="10.0.0.1")
        net.host("client", address="10.0.0.2")
        net.link("server", "client", latency="10ms", loss=loss)
        serving = net.hosts["server"].spawn(f"python {server}", cwd=str(UPPER), daemon=True)
        asking = net.hosts["client"].spawn(f"python {client} server 9999", cwd=str(UPPER), start="100ms")
        net.run(until="120s")
        assert asking.exitcode == 0, asking.stderr
        assert asking.stdout == "Received: HELLO SOCKET!\n"
        # A lost answer makes the UDP client ask again.
        assert set(serving.stdout.splitlines()) == {"10.0.0.2 sent: Hello socket!"}
        assert net.now >= 140_000_000
