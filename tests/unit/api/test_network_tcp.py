"""Programs that talk over links: what a run waits for, what is seen of it, and that it repeats."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fourtuple import Network, Process, deliver_after
from fourtuple.wire.ethernet import EthernetFrame

MS = 1_000_000


def serve(port: int, log: list[str] | None = None) -> None:
    """Echo to one client after another, for ever."""
    with socket.create_server(("", port)) as server:
        while True:
            peer, address = server.accept()
            with peer:
                while data := peer.recv(65536):
                    peer.sendall(data)
            if log is not None:
                log.append(f"{address[0]} left")


def call(host: str, port: int, size: int) -> int:
    """Send ``size`` bytes and count those that come back."""
    with socket.create_connection((host, port)) as sock:
        sock.sendall(bytes(size))
        sock.shutdown(socket.SHUT_WR)
        count = 0
        while data := sock.recv(65536):
            count += len(data)
        return count


def pair(network: Network, size: int = 5000, **settings: object) -> Process:
    """A server and a client on a link; the client's process."""
    server, client = network.host("server"), network.host("client")
    network.link(server, client, **settings)  # type: ignore[arg-type]
    server.spawn(serve, 80, daemon=True)
    return client.spawn(call, "server", 80, size, start="1ms")


def test_client_reaches_server_by_name_and_the_run_ends_with_it() -> None:
    with Network() as network:
        client = pair(network, latency="10ms")
        assert network.run()
        assert client.result == 5000
        assert 60 * MS < network.now < 100 * MS


def test_hosts_on_switches_reach_each_other() -> None:
    with Network() as network:
        left, right = network.switch("left"), network.switch("right")
        network.link(left, right, latency="1ms")
        server, client = network.host("server"), network.host("client")
        network.link(server, left)
        network.link(right, client)
        server.spawn(serve, 80, daemon=True)
        process = client.spawn(call, "server", 80, 100, start="1ms")
        network.run()
        assert process.result == 100


def test_hosts_with_ipv6_alone_reach_each_other_by_name() -> None:
    def answer() -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::", 80))
            data, address = sock.recvfrom(100)
            sock.sendto(data.upper(), address)

    def ask() -> bytes:
        *_, address = socket.getaddrinfo("server", 80, type=socket.SOCK_DGRAM)[0]
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"hello", address)
            return sock.recv(100)

    with Network() as network:
        server, client = network.host("server", "fd00::1"), network.host("client", "fd00::2")
        network.link(server, client, latency="1ms")
        server.spawn(answer)
        process = client.spawn(ask, start="1ms")
        network.run()
        assert process.result == b"HELLO"


SETTINGS: list[dict[str, object]] = [
    {"latency": "5ms", "loss": 0.05},
    {"latency": "5ms", "bandwidth": "10mbit", "queue": 5},
    {"latency": "5ms", "jitter": "3ms", "duplicate": 0.1, "corrupt": 0.05},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "+".join(settings))
def test_run_repeats_in_objects_and_in_bytes(settings: dict[str, object]) -> None:
    digests = []
    for seed, bytes_on_wire in ((1, False), (1, False), (1, True), (2, False)):
        with Network(seed, bytes_on_wire=bytes_on_wire) as network:
            client = pair(network, 100_000, **settings)
            network.run()
            assert client.result == 100_000
            digests.append(network.digest)
    assert digests[0] == digests[1] == digests[2] != digests[3]


def test_what_is_on_the_wire_at_the_end_still_arrives() -> None:
    log: list[str] = []
    with Network() as network:
        server, client = network.host("server"), network.host("client")
        network.link(server, client, latency="100ms")
        server.spawn(serve, 80, log, daemon=True)

        def leave() -> None:
            socket.create_connection(("server", 80)).close()

        process = client.spawn(leave, start="1ms")
        network.run()
        assert log == [f"{client.address} left"]
        assert process.ended_at is not None
        assert network.now - process.ended_at >= 100 * MS


def test_daemons_that_never_fall_silent_do_not_keep_the_run() -> None:
    def chatter(peer: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("", 7))
            while True:
                sock.sendto(b"still here", (peer, 7))
                time.sleep(0.001)

    with Network() as network:
        network.host("a"), network.host("b")
        network.link("a", "b", latency="10ms")
        for host, peer in (("a", "b"), ("b", "a")):
            network.hosts[host].spawn(chatter, peer, daemon=True)
        client = network.hosts["a"].spawn(time.sleep, 1)
        network.run()
        assert client.ended_at == 1000 * MS
        assert 1900 * MS < network.now <= 2000 * MS


def test_sockets_name_their_holders_while_daemons_run_and_go_with_them() -> None:
    with Network() as network:
        pair(network)
        network.run(stop_daemons=False)
        (row,) = network.hosts["server"].sockets()
        assert (row.protocol, row.state, row.local) == ("tcp", "LISTEN", "0.0.0.0:80")
        assert [(process.name, fd) for process, fd in row.holders] == [("serve", 3)]
    assert network.hosts["server"].sockets() == []


def delays(change: Callable[[Network], None]) -> int:
    """How much later a client is done, in ms, if the network is changed before the run."""
    ends = []
    for changed in (False, True):
        with Network() as network:
            client = pair(network, latency="10ms")
            if changed:
                change(network)
            network.run()
            assert client.result == 5000
            assert client.ended_at is not None
            ends.append(client.ended_at)
    return (ends[1] - ends[0]) // MS


def test_partition_delays_until_it_is_repaired() -> None:
    def change(network: Network) -> None:
        network.at("25ms", network.links[0].partition)
        network.at("3s", network.links[0].repair)

    assert 2900 < delays(change) < 7000


def test_held_packets_go_on_when_released() -> None:
    def change(network: Network) -> None:
        network.at("25ms", lambda: network.links[0].hold(sender="client"))
        network.at("65ms", lambda: network.links[0].release(sender="client"))

    assert 10 <= delays(change) <= 60


def test_latency_can_change_while_running() -> None:
    assert delays(lambda network: network.at("25ms", lambda: network.links[0].set(latency="30ms"))) >= 60


def test_rule_delays_what_it_chooses() -> None:
    def change(network: Network) -> None:
        def slow(frame: EthernetFrame, now: int) -> object:
            return deliver_after(15 * MS)

        network.links[0].add_rule(slow, sender="server")  # type: ignore[arg-type]

    assert delays(change) >= 45


def capture_of(path: Path, **options: object) -> bytes:
    with Network() as network:
        pair(network)
        network.capture(path, **options)  # type: ignore[arg-type]
        network.run()
    return path.read_bytes()


def test_capture_has_an_interface_for_each_end_and_names_processes(tmp_path: Path) -> None:
    data = capture_of(tmp_path / "x.pcapng")
    for name in (b"server/eth0", b"client/eth0", b"server/lo"):
        assert name in data
    assert b"sent by client: call[2] fd 3" in data
    assert b"taken by server: serve[2] fd 4" in data
    assert b"taken by server: serve[2] fd 4, closed (LAST_ACK)" in data


def test_capture_of_one_host_has_its_interfaces_alone(tmp_path: Path) -> None:
    data = capture_of(tmp_path / "x.pcapng", hosts=["client"])
    assert b"client/eth0" in data
    assert b"server/eth0" not in data
    assert b"taken by client: call[2] fd 3" in data


def test_capture_without_arrivals_has_each_packet_once(tmp_path: Path) -> None:
    both = capture_of(tmp_path / "x.pcapng")
    once = capture_of(tmp_path / "y.pcapng", arrivals=False)
    assert len(once) < 0.6 * len(both)
    assert b"taken by" not in once


@pytest.mark.parametrize("bytes_on_wire", [False, True])
def test_capture_of_a_loopback_names_both_ends_of_a_packet(tmp_path: Path, bytes_on_wire: bool) -> None:
    with Network(bytes_on_wire=bytes_on_wire) as network:
        host = network.host("h")
        host.spawn(serve, 80, daemon=True)
        host.spawn(call, "127.0.0.1", 80, 5000, start="1ms")
        network.capture(tmp_path / "x.pcapng")
        network.run()
    data = (tmp_path / "x.pcapng").read_bytes()
    assert b"sent by h: call[3] fd 3" in data
    assert b"taken by h: serve[2] fd 4" in data


def test_events_are_kept_on_request_only() -> None:
    for keep in (False, True):
        with Network(keep_trace=keep) as network:
            pair(network)
            network.run()
            assert bool(network.events) is keep


def test_fast_open_saves_a_round_trip() -> None:
    def answer() -> None:
        with socket.create_server(("", 80)) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
            while True:
                peer, _ = server.accept()
                with peer:
                    peer.sendall(peer.recv(5000).upper()[:5])

    def ask() -> list[tuple[bytes, float]]:
        found: list[tuple[bytes, float]] = []
        for _ in range(2):
            began = time.monotonic()
            with socket.socket() as sock:
                sent = sock.sendto(b"x" * 1000, socket.MSG_FASTOPEN, ("server", 80))
                assert sent == 1000
                reply = sock.recv(5)
                found.append((reply, time.monotonic() - began))
        return found

    with Network() as network:
        server, client = network.host("server"), network.host("client")
        network.link(server, client, latency="100ms")
        server.sysctl["net.ipv4.tcp_fastopen"] = 3
        server.spawn(answer, daemon=True)
        process = client.spawn(ask, start="1ms")
        assert network.run()
        (first, slow), (second, quick) = process.result
    assert first == second == b"XXXXX"
    assert slow >= 0.4
    assert 0.2 <= quick < 0.25
