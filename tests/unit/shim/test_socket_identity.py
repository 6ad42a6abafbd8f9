"""What sockets are inside and outside: one class for both, and nothing changed for the real ones."""

import _socket
import asyncio.trsock
import gc
import os
import socket
import socketserver
import ssl
import threading
import time
import warnings
from socket import gethostname as bound_early
from socket import socket as socket_bound_early
from socket import socketpair as pair_bound_early

import pytest


def test_names_bound_early_make_simulated_sockets(world):
    def program():
        one = socket_bound_early()
        a, _b = pair_bound_early()
        return one.fileno(), a.fileno(), bound_early()

    assert world.call(program) == (3, 4, "alpha")


def test_classes_stay_what_they_were(world):
    one, other = _socket.socketpair()
    with socket.socket() as high:
        assert issubclass(ssl.SSLSocket, socket.socket)
        assert issubclass(socket.socket, _socket.socket)
        assert isinstance(high, _socket.socket)
        assert isinstance(one, _socket.socket)
        assert not isinstance(one, socket.socket)
        assert not isinstance(5, _socket.socket)
        assert not issubclass(int, _socket.socket)
        assert socket.SocketType is _socket.socket
        assert socket_bound_early is socket.socket
        assert socketserver.socket is socket
        assert asyncio.trsock.socket is socket
    one.close()
    other.close()


def test_subclass_of_the_low_class_knows_its_own(world):
    class Mine(_socket.socket):
        pass

    mine = Mine()
    with pytest.raises(OSError, match="Bad file descriptor"):
        Mine(fileno=mine.fileno() + 400)
    assert isinstance(mine, Mine)
    plain = _socket.socket()
    assert not isinstance(plain, Mine)
    plain.close()
    mine.close()


def test_sockets_outside_are_real_while_a_world_exists(world):
    world.call(lambda: socket.create_server(("127.0.0.1", 9000)))
    a, b = socket.socketpair()
    with a, b:
        a.sendall(b"real")
        assert os.read(b.fileno(), 10) == b"real"
        a.settimeout(0.001)
        assert a.timeout == 0.001
        assert (a.family, a.type, a.proto) == (socket.AF_UNIX, socket.SOCK_STREAM, 0)
        with pytest.raises(TimeoutError, match="timed out"):
            a.recv(1)
        assert _socket.socket.__repr__(a) == f"<socket object, fd={a.fileno()}, family=1, type=1, proto=0>"
    assert a.fileno() == -1


def test_real_socket_stays_real_inside(world):
    a, b = socket.socketpair()
    with a, b:
        assert world.call(lambda: (a.send(b"x"), b.recv(1), a.fileno())) == (1, b"x", a.fileno())


def test_simulated_socket_outside_can_be_asked_but_not_block(world):
    kept = []

    def program():
        kept.extend(socket.socketpair())
        kept[0].send(b"x")
        time.sleep(1)

    world.spawn(program)
    world.run(until=500_000_000)
    assert kept[0].fileno() == 3
    assert kept[1].recv(1) == b"x"
    with pytest.raises(RuntimeError, match="only block inside"):
        kept[1].recv(1)
    world.run()
    with pytest.raises(OSError, match="Bad file descriptor"):
        kept[1].recv(1)


def test_repr_shows_simulated_descriptor_and_names(world):
    def program():
        with socket.create_server(("127.0.0.1", 9000)) as listener:
            return repr(listener), _socket.socket.__repr__(listener)

    high, low = world.call(program)
    assert high.startswith("<socket.socket fd=3, family=2, type=1, proto=0, laddr=('127.0.0.1', 9000)")
    assert low == "<socket object, fd=3, family=2, type=1, proto=0>"


def test_dropped_socket_warns_and_closes_its_descriptor(world):
    def program():
        kept = socket.socket()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            socket.socket().bind(("127.0.0.1", 9000))
        with socket.create_server(("127.0.0.1", 9000)) as again:
            number = again.fileno()
        kept.close()
        first = caught[0]
        return len(caught), str(first.message)[:30], first.category, first.filename == __file__, number

    assert world.call(program) == (1, "unclosed <socket.socket fd=4, ", ResourceWarning, True, 4)


def test_socket_in_a_cycle_is_closed_by_the_clock_after_collection(world):
    def program():
        a, b = socket.socketpair()
        loop = [a]
        loop.append(loop)
        del a, loop
        gc.disable()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                gc.collect()
        finally:
            gc.enable()
        return b.recv(1), time.monotonic()

    assert world.call(program) == (b"", 0.0)


def test_socket_left_by_an_ended_process_goes_without_a_word(world):
    kept = []

    def program():
        kept.append(socket.socket())

    world.call(program)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.clear()


def test_failed_socket_call_leaves_an_object_that_is_closed(world):
    def program():
        made = socket.socket.__new__(socket.socket)
        with pytest.raises(OSError, match="Address family not supported"):
            made.__init__(77)
        return made.fileno()

    assert world.call(program) == -1


def test_real_thread_started_outside_sees_real_sockets(world):
    seen = []

    def real_thread():
        with socket.socket() as real:
            seen.append(os.fstat(real.fileno()).st_mode & 0o140000 == 0o140000)

    thread = threading.Thread(target=real_thread)
    thread.start()
    thread.join()
    assert seen == [True]


def test_program_cannot_rename_its_host(world):
    def program():
        with pytest.raises(PermissionError):
            socket.sethostname("other")
        return socket.gethostname()

    assert world.call(program) == "alpha"


def test_broken_pipe_sends_sigpipe_to_who_wants_it(world):
    def program():
        import signal

        caught = []
        signal.signal(signal.SIGPIPE, lambda number, frame: caught.append(number))
        a, b = socket.socketpair()
        b.close()
        for flags in (0, socket.MSG_NOSIGNAL):
            with pytest.raises(BrokenPipeError):
                a.send(b"x", flags)
        return caught

    assert world.call(program) == [13]
