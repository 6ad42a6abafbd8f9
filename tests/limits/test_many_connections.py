"""More connections to one listening port than there are port numbers."""

import resource
import socket
import sys
import time

import pytest

from fourtuple import Network
from fourtuple.clock.clock import MILLISECOND, Clock
from fourtuple.clock.streams import Stream
from fourtuple.kernel.kernel import Kernel
from fourtuple.kernel.limits import RLIMIT_NOFILE
from fourtuple.kernel.sockaddr import AF_INET, SOCK_STREAM, inet_address
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import parse_ip

COUNT = 100_000
BATCH = 1000
ADDRESSES = 4


def peak_memory() -> int:
    """Of this process, in MiB."""
    unit = 1024 if sys.platform == "linux" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_port_carries_100000_connections(capsys: pytest.CaptureFixture[str]) -> None:
    """Both ends of each are kept open by one process: 200,001 descriptors.

    The calls are the kernel's, so that no program's turns are measured.
    """
    before, began = peak_memory(), time.process_time()
    clock = Clock()
    kernel = Kernel(Stack("host", clock, Stream(1, "host")), {})
    null = kernel.null()
    process = kernel.spawn("test", ["test"], None, null, null, null)
    process.limits.set(RLIMIT_NOFILE, 524288, 524288, True)
    kernel.stack.sysctl.set("net.ipv4.tcp_max_syn_backlog", BATCH)
    there = inet_address(AF_INET, parse_ip("127.0.0.1"), 80)
    listener = kernel.socket(process, AF_INET, SOCK_STREAM, 0)
    process.fds.install(listener, True, 0)
    listener.bind(there)
    listener.listen(BATCH)
    clients, servers = [], []
    for start in range(0, COUNT, BATCH):
        for number in range(start, start + BATCH):
            client = kernel.socket(process, AF_INET, SOCK_STREAM, 0)
            process.fds.install(client, True, 0)
            client.set_nonblocking(True)
            client.setsockopt(0, 24, b"\1\0\0\0")
            client.bind(inet_address(AF_INET, parse_ip(f"127.0.0.{2 + number % ADDRESSES}"), 0))
            client.connect(there)
            clients.append(client)
        clock.run(clock.now + 5 * MILLISECOND, 1_000_000)
        while (server := listener.accept()) is not None:
            process.fds.install(server, True, 0)
            servers.append(server)
    assert len(servers) == COUNT
    assert {server.getsockname().port for server in servers} == {80}
    assert len({(server.getpeername().ip, server.getpeername().port) for server in servers}) == COUNT
    assert len(process.fds) == 2 * COUNT + 4
    for number in (0, 65_535, COUNT - 1):
        clients[number].send(b"number %d" % number, 0)
    clock.run(clock.now + 5 * MILLISECOND, 1_000_000)
    by_peer = {(server.getpeername().ip, server.getpeername().port): server for server in servers}
    for number in (0, 65_535, COUNT - 1):
        name = clients[number].getsockname()
        assert by_peer[name.ip, name.port].recv(99, 0) == b"number %d" % number
    took, memory = time.process_time() - began, peak_memory() - before
    with capsys.disabled():
        print(f"\n{COUNT} connections to one port: {took:.0f} s of one processor, {memory} MiB")


def both_ends(count: int) -> tuple[int, int]:
    """Open ``count`` connections from four addresses; how many there are, and on how many ports."""
    with socket.create_server(("127.0.0.1", 80)) as listener:
        clients, servers = [], []
        for number in range(count):
            client = socket.socket()
            client.setsockopt(socket.SOL_IP, 24, 1)
            client.bind((f"127.0.0.{2 + number % ADDRESSES}", 0))
            client.connect(("127.0.0.1", 80))
            clients.append(client)
            servers.append(listener.accept()[0])
        ports = {s.getsockname()[1] for s in servers}
    for s in clients + servers:
        s.close()
    return len(servers), len(ports)


def test_more_connections_than_ports_share_the_servers() -> None:
    with Network(seed=1) as network:
        host = network.host("alpha")
        host.sysctl["net.ipv4.ip_local_port_range"] = "40000 40024"
        process = host.spawn(both_ends, 100)
        network.run()
        assert process.result == (100, 1)
