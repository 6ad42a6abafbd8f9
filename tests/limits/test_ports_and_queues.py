"""Running out of ports on each way to one, and accept queues that overflow."""

import errno
import socket
import struct
import time

import pytest

from fourtuple import Network


def outcome(call):
    try:
        return call()
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno]


def on_a_host(function, *args, **sysctl):
    with Network(seed=1) as network:
        host = network.host("alpha")
        for name, value in sysctl.items():
            host.sysctl[name.replace("__", ".")] = value
        process = host.spawn(function, *args)
        network.run()
        return process.result


RANGE = {"net__ipv4__ip_local_port_range": "40000 40009"}


def drain(make):
    """How often ``make`` succeeded, and what it failed with."""
    kept = []
    while not isinstance(made := outcome(make), str):
        kept.append(made)
        assert len(kept) < 1000
    return len(kept), made


def test_tcp_bind_runs_out_with_eaddrinuse() -> None:
    def make():
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        return s

    assert on_a_host(drain, make, **RANGE) == (10, "EADDRINUSE")


def test_tcp_connect_runs_out_per_destination_with_eaddrnotavail() -> None:
    def program():
        servers = [socket.create_server(("127.0.0.1", port), backlog=50) for port in (8001, 8002)]
        addresses = [s.getsockname() for s in servers]
        return [drain(lambda where=where: socket.create_connection(where)) for where in addresses]

    assert on_a_host(program, **RANGE) == [(10, "EADDRNOTAVAIL"), (10, "EADDRNOTAVAIL")]


def test_tcp_listen_without_a_port_runs_out_with_eaddrinuse() -> None:
    def make():
        s = socket.socket()
        s.listen(1)
        return s

    assert on_a_host(drain, make, **RANGE) == (10, "EADDRINUSE")


def test_udp_bind_runs_out_with_eaddrinuse() -> None:
    def make():
        s = socket.socket(type=socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        return s

    assert on_a_host(drain, make, **RANGE) == (10, "EADDRINUSE")


@pytest.mark.parametrize("how", ["connect", "sendto", "send"])
def test_udp_without_a_port_runs_out_with_eagain(how: str) -> None:
    def make():
        s = socket.socket(type=socket.SOCK_DGRAM)
        if how == "sendto":
            s.sendto(b"x", ("127.0.0.1", 9))
        else:
            s.connect(("127.0.0.1", 9))
        return s

    assert on_a_host(drain, make, **RANGE) == (10, "EAGAIN")


# Accept queues


def overflow(count):
    """What ``count`` clients see of a listener with backlog 1 that never accepts, after 3 seconds."""
    listener = socket.create_server(("127.0.0.1", 8000), backlog=1)
    clients = []
    states = []
    for _ in range(count):
        s = socket.socket()
        s.setblocking(False)
        outcome(lambda s=s: s.connect(("127.0.0.1", 8000)))
        clients.append(s)
    time.sleep(3)
    for s in clients:
        states.append(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0])
    errors = [s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for s in clients]
    accepted = 0
    listener.setblocking(False)
    while not isinstance(outcome(listener.accept), str):
        accepted += 1
    return states, errors, accepted


ESTABLISHED, SYN_SENT, CLOSE = 1, 2, 7


@pytest.mark.parametrize("cookies", [0, 1, 2])
def test_queue_of_backlog_one_takes_two_and_drops_the_rest(cookies: int) -> None:
    states, errors, accepted = on_a_host(overflow, 6, net__ipv4__tcp_syncookies=str(cookies))
    assert accepted == 2
    assert states[:2] == [ESTABLISHED, ESTABLISHED]
    assert errors == [0] * 6
    if cookies < 2:
        # No room: the SYN itself is dropped, and sent again.
        assert SYN_SENT in states[2:]


@pytest.mark.parametrize(("abort", "error"), [(0, 0), (1, errno.ECONNRESET)])
def test_last_ack_that_finds_the_queue_full(abort: int, error: int) -> None:
    """All SYNs come over the link before the first handshake ends, so the queue fills in between."""

    def server() -> int:
        listener = socket.create_server(("0.0.0.0", 8000), backlog=1)
        time.sleep(2)
        listener.setblocking(False)
        accepted = 0
        while not isinstance(outcome(listener.accept), str):
            accepted += 1
        return accepted

    def client() -> list[tuple[int, int]]:
        time.sleep(0.1)
        clients = [socket.socket() for _ in range(6)]
        for s in clients:
            s.setblocking(False)
            outcome(lambda s=s: s.connect(("beta", 8000)))
        time.sleep(0.5)
        errors = [s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for s in clients]
        for s in clients:
            # The listener drops the ACK silently: to the client the connection stands. Data shows.
            outcome(lambda s=s: s.send(b"x"))
        time.sleep(0.5)
        return [(error, s.getsockopt(6, 11, 1)[0]) for error, s in zip(errors, clients, strict=True)]

    with Network(seed=1) as network:
        alpha, beta = network.host("alpha"), network.host("beta")
        network.link(alpha, beta, latency="10ms")
        beta.sysctl["net.ipv4.tcp_abort_on_overflow"] = str(abort)
        serving, asking = beta.spawn(server), alpha.spawn(client)
        network.run()
    assert serving.result == 2
    state = CLOSE if abort else ESTABLISHED
    assert sorted(asking.result) == sorted([(0, ESTABLISHED)] * 2 + [(error, state)] * 4)


def test_connection_dropped_at_the_queue_is_made_when_there_is_room() -> None:
    def program():
        listener = socket.create_server(("127.0.0.1", 8000), backlog=1)
        clients = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            outcome(lambda s=s: s.connect(("127.0.0.1", 8000)))
            clients.append(s)
        answers = []
        for _ in range(4):
            listener.settimeout(60)
            accepted, _ = listener.accept()
            accepted.sendall(struct.pack("I", 7))
            accepted.close()
        for s in clients:
            s.settimeout(60)
            answers.append(s.recv(4))
        return answers

    assert on_a_host(program) == [struct.pack("I", 7)] * 4
