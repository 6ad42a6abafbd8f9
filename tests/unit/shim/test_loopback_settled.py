"""A program and its host's loopback: as on Linux, a call that sends has delivered when it returns."""

import contextlib
import errno
import os
import select
import socket
import time

import pytest


@contextlib.contextmanager
def pair():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        served = server.accept()[0]
    with client, served:
        yield client, served


def poll_after_send():
    with pair() as (client, served):
        client.sendall(b"1")
        client.sendall(b"2")
        found = select.select([served], [], [], 0)[0] == [served]
        served.setblocking(False)
        return found, served.recv(10)


def epoll_sees_both_directions_at_once():
    with pair() as (client, served):
        epoll = select.epoll()
        for one in (client, served):
            epoll.register(one, select.EPOLLIN | select.EPOLLOUT)
        client.sendall(b"to")
        served.sendall(b"fro")
        return sorted(events for _, events in epoll.poll(0))


def nonblocking_connect_is_done_when_it_returns():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        with socket.socket() as client:
            client.setblocking(False)
            number = client.connect_ex(server.getsockname())
            accepted, address = server.accept()
            accepted.close()
            return number, client.getpeername() == server.getsockname(), address == client.getsockname()


def refusal_is_known_when_a_nonblocking_connect_returns():
    with socket.socket() as closed, socket.socket() as client:
        closed.bind(("127.0.0.1", 0))
        client.setblocking(False)
        number = client.connect_ex(closed.getsockname())
        return number, client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def second_datagram_to_a_closed_port_is_refused():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = sock.getsockname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.send(b"1")
        try:
            sock.send(b"2")
        except OSError as error:
            return error.errno
    return None


def close_of_unread_data_resets():
    with pair() as (client, served):
        client.sendall(b"unread")
        served.close()
        try:
            return client.recv(1)
        except OSError as error:
            return error.errno


def read_by_descriptor():
    with pair() as (client, served):
        client.sendall(b"1")
        served.setblocking(False)
        return os.read(served.fileno(), 5)


SAME_AS_LINUX = {
    poll_after_send: (True, b"12"),
    epoll_sees_both_directions_at_once: [5, 5],
    nonblocking_connect_is_done_when_it_returns: (errno.EINPROGRESS, True, True),
    refusal_is_known_when_a_nonblocking_connect_returns: (errno.EINPROGRESS, errno.ECONNREFUSED),
    second_datagram_to_a_closed_port_is_refused: errno.ECONNREFUSED,
    close_of_unread_data_resets: errno.ECONNRESET,
    read_by_descriptor: b"1",
}


@pytest.mark.parametrize("program", SAME_AS_LINUX, ids=lambda program: program.__name__)
def test_inside_as_on_linux(world, program):
    assert program() == SAME_AS_LINUX[program]
    assert world.call(program) == SAME_AS_LINUX[program]


def test_a_round_trip_takes_time(world):
    def program():
        with pair() as (client, served):
            began = time.monotonic_ns()
            client.sendall(b"1")
            served.recv(1)
            served.sendall(b"2")
            client.recv(1)
            return time.monotonic_ns() - began

    assert 20_000 <= world.call(program) < 100_000


def test_traffic_of_others_does_not_hold_a_call_for_long(world):
    """Two processes that never stop talking keep the loopback busy."""

    def talk():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.connect(sock.getsockname())
            for _ in range(300):
                sock.send(b"x")
                sock.recv(1)

    def look():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            began = time.monotonic_ns()
            for _ in range(5):
                select.select([sock], [], [], 0)
            return time.monotonic_ns() - began

    for _ in range(3):
        world.spawn(talk)
    looked = world.spawn(look)
    world.run()
    assert looked.result <= 5 * 110_000
