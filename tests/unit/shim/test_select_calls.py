"""select, poll, epoll and the selectors that stand on them, in virtual time."""

import array
import os
import select
import selectors
import socket
import threading
import time

import pytest

MS = 1_000_000


class Holder:
    """An object with a fileno()."""

    def __init__(self, number):
        self.number = number

    def fileno(self):
        return self.number


SELECT_ARGUMENTS = [
    "select.select([], [], [], 0)",
    "select.select([-1], [], [], 0)",
    "select.select([2000], [], [], 0)",
    "select.select(5, [], [], 0)",
    "select.select(['x'], [], [], 0)",
    "select.select([1.5], [], [], 0)",
    "select.select([2**70], [], [], 0)",
    "select.select([Holder('x')], [], [], 0)",
    "select.select([Holder(-1)], [], [], 0)",
    "select.select([], [], [], -1)",
    "select.select([], [], [], -1e-10)",
    "select.select([], [], [], 'x')",
    "select.select([], [], [], 1e300)",
    "select.select([], [], [], float('nan'))",
    "select.select([], [w, w], [], 0) == ([], [w, w], [])",
    "select.select([r], (one for one in [w]), {r: 1}, 0) == ([], [w], [])",
    "select.select([], [holder], [], 0) == ([], [holder], [])",
]
POLL_ARGUMENTS = [
    "p.register(r), p.register(w, 4), p.poll(0) == [(w, 4)]",
    "p.register(w), p.modify(w, 0), p.poll(0)",
    "p.modify(500, 1)",
    "p.unregister(500)",
    "p.register(500), p.poll(0)",
    "p.register(-1)",
    "p.register('x')",
    "p.register(r, 'x')",
    "p.register(r, -1)",
    "p.register(r, 1 << 17)",
    "p.poll(0.0001)",
    "p.poll('x')",
    "p.poll(1e300)",
    "p.poll(2**40)",
    "p.poll(float('nan'))",
    "type(p)()",
    "type(p).__module__, type(p).__name__",
]
EPOLL_ARGUMENTS = [
    "e.register(w), e.poll(0) == [(w, 4)], e.poll(0, 1) == [(w, 4)]",
    "e.register(r), e.register(r)",
    "e.poll(0, 0)",
    "e.poll(0, -2)",
    "e.poll('x')",
    "e.poll(1e300)",
    "e.poll(3e6)",
    "e.poll(float('nan'))",
    "e.poll(timeout=0, maxevents=5)",
    "e.modify(500, 1)",
    "e.modify(r, 1)",
    "e.unregister(500)",
    "e.unregister(r)",
    "e.register(500)",
    "e.register(-1)",
    "e.register('x')",
    "e.register(r, 'x')",
    "e.register(r, -1)",
    "e.register(e.fileno())",
    "e.close(), e.close(), e.closed",
    "e.close(), e.fileno()",
    "e.close(), e.poll(0)",
    "e.close(), e.register(r)",
    "e.close(), e.__enter__()",
    "e.__enter__() is e, e.__exit__(None, None, None), e.closed",
    "isinstance(e, select.epoll), isinstance(5, select.epoll)",
    "select.epoll(0)",
    "select.epoll(-2)",
    "select.epoll('x')",
    "select.epoll(5).closed",
    "select.epoll(flags=1)",
    "select.epoll(flags=select.EPOLL_CLOEXEC).closed",
    "select.epoll.fromfd('x')",
    "select.epoll.fromfd(500).closed",
    "select.epoll.fromfd(os.dup(e.fileno())).poll(0)",
    "select.epoll.fromfd(os.dup(r)).poll(0)",
    "select.epoll.fromfd(os.dup(r)).register(w)",
]


def outcome(text: str) -> object:
    r, w = os.pipe()
    names = {"r": r, "w": w, "holder": Holder(w), "Holder": Holder, "select": select, "os": os}
    try:
        with select.epoll() as e:
            return eval(text, {**names, "e": e, "p": select.poll()})
    except Exception as error:
        return type(error), error.args
    finally:
        os.close(r)
        os.close(w)


@pytest.mark.parametrize("text", [*SELECT_ARGUMENTS, *POLL_ARGUMENTS, *EPOLL_ARGUMENTS])
def test_call_answers_as_the_real_one(world, text):
    expected = outcome(text)
    assert world.call(outcome, text) == expected


def test_closed_descriptor_is_refused_by_select(world):
    def program():
        with pytest.raises(OSError, match="Bad file descriptor"):
            select.select([99], [], [], 0)
        return True

    assert world.call(program)


def waited(call) -> tuple[object, int]:
    begin = time.monotonic_ns()
    return call(), time.monotonic_ns() - begin


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: select.select([], [], [], 0.0000011), 2_000),
        (lambda: select.select([], [], [], 1), 1000 * MS),
        (lambda: select.poll().poll(1.1), 2 * MS),
        (lambda: select.poll().poll(0.1), 1 * MS),
        (lambda: select.epoll().poll(0.0011), 2 * MS),
        (lambda: selectors.DefaultSelector().select(0.0011), 2 * MS),
    ],
    ids=["select-us", "select", "poll-ms", "poll-least", "epoll-ms", "selector"],
)
def test_timeout_is_rounded_up_to_what_the_kernel_counts_in(world, call, expected):
    assert world.call(waited, call)[1] == expected


WAITS = {
    "select": lambda one: select.select([one], [], [])[0] == [one],
    "poll": lambda one: _polled(one) == [(one.fileno(), select.POLLIN)],
    "epoll": lambda one: _epolled(one) == [(one.fileno(), select.EPOLLIN)],
}


def _polled(one):
    poll = select.poll()
    poll.register(one, select.POLLIN)
    return poll.poll()


def _epolled(one):
    with select.epoll() as epoll:
        epoll.register(one, select.EPOLLIN)
        return epoll.poll()


@pytest.mark.parametrize("wait", WAITS)
def test_blocked_call_ends_when_data_comes(world, wait):
    def program():
        a, b = socket.socketpair()
        threading.Thread(target=lambda: (time.sleep(0.25), b.send(b"x"))).start()
        return WAITS[wait](a), time.monotonic()

    assert world.call(program) == (True, 0.25)


def test_pipes_sockets_and_stdin_mix(world):
    def program():
        a, b = socket.socketpair()
        reader, writer = os.pipe()
        os.write(writer, b"x")
        readable = [select.select([0, a, reader], [], [], 0)[0]]
        b.close()
        readable.append(select.select([0, a, reader], [], [], 0)[0])
        readable[1][0] = "a" if readable[1][0] is a else None
        return readable, reader

    readable, reader = world.call(program)
    # Nothing was given as input, so standard input blocks.
    assert readable == [[reader], ["a", reader]]


def test_listener_and_connecting_socket_become_ready(world):
    def program():
        listener = socket.create_server(("127.0.0.1", 9000))
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", 9000))
        readable, writable, _ = select.select([listener], [client], [], 0)
        return writable == [client], readable == [listener], time.monotonic() < 0.001

    assert world.call(program) == (True, True, True)


def test_refused_connection_shows_as_error_and_hangup(world):
    def program():
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", 9000))
        poll = select.poll()
        poll.register(client, select.POLLOUT)
        return poll.poll(1000)[0][1]

    expected = select.POLLOUT | select.POLLERR | select.POLLHUP
    assert world.call(program) == expected


def test_descriptor_closed_by_another_thread_stays_watched(world):
    def program():
        a, b = socket.socketpair()
        number = a.fileno()

        def close_then_send():
            time.sleep(0.1)
            a.close()
            b.send(b"x")

        threading.Thread(target=close_then_send).start()
        return select.select([number], [], [], 1)[0] == [number], time.monotonic()

    assert world.call(program) == (True, 0.1)


def test_epoll_edges_are_told_once(world):
    def program():
        a, b = socket.socketpair()
        with select.epoll() as epoll:
            epoll.register(a, select.EPOLLIN | select.EPOLLET)
            b.send(b"x")
            results = [bool(epoll.poll(0)), bool(epoll.poll(0))]
            b.send(b"y")
            results.append(bool(epoll.poll(0)))
            epoll.modify(a, select.EPOLLIN | select.EPOLLONESHOT)
            results += [bool(epoll.poll(0)), bool(epoll.poll(0))]
        return results

    assert world.call(program) == [True, False, True, True, False]


def test_epoll_forgets_a_closed_socket(world):
    def program():
        a, b = socket.socketpair()
        with select.epoll() as epoll:
            epoll.register(a)
            b.send(b"x")
            a.close()
            return epoll.poll(0)

    assert world.call(program) == []


def test_dropped_epoll_gives_its_descriptor_back(world):
    def program():
        number = select.epoll().fileno()
        with select.epoll() as again:
            return number, again.fileno()

    assert world.call(program) == (3, 3)


def test_real_file_is_always_ready_and_no_matter_for_epoll(world, tmp_path):
    (tmp_path / "file").write_bytes(b"x")

    def program():
        with open(tmp_path / "file", "rb") as file:
            readable = select.select([file], [], [], 1)[0] == [file]
            poll = select.poll()
            poll.register(file, select.POLLIN)
            events = poll.poll(1000)
            with select.epoll() as epoll, pytest.raises(PermissionError):
                epoll.register(file)
        closed = poll.poll(0)
        return readable, events[0][1], closed[0][1], time.monotonic()

    assert world.call(program) == (True, select.POLLIN, select.POLLNVAL, 0.0)


def test_poll_object_serves_one_call_at_a_time(world):
    def program():
        poll = select.poll()
        reader, _writer = os.pipe()
        poll.register(reader)
        thread = threading.Thread(target=lambda: poll.poll(1000))
        thread.start()
        time.sleep(0.1)
        with pytest.raises(RuntimeError, match="concurrent"):
            poll.poll(0)
        thread.join()
        return poll.poll(0)

    assert world.call(program) == []


def test_list_that_shrinks_while_it_is_read_ends_there(world):
    def program():
        members = []

        class Shrinking:
            def fileno(self):
                del members[-1]
                return 1

        members.extend(Shrinking() for _ in range(10))
        return len(select.select([], members, [], 0)[1])

    assert world.call(program) == 5


def test_loop_that_asks_without_blocking_lets_time_pass(world):
    def program():
        a, b = socket.socketpair()
        threading.Thread(target=lambda: (time.sleep(0.01), b.send(b"x"))).start()
        # The second descriptor is always ready, so no call blocks.
        while a not in select.select([a], [a], [])[0]:
            pass
        return a.recv(1), time.monotonic() < 0.02

    assert world.call(program) == (b"x", True)


@pytest.mark.parametrize("kind", [selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector])
def test_selector_tells_readers_from_writers(world, kind):
    def program():
        a, b = socket.socketpair()
        with kind() as selector:
            selector.register(a, selectors.EVENT_READ, "a")
            selector.register(b, selectors.EVENT_WRITE, "b")
            before = [(key.data, events) for key, events in selector.select(0)]
            b.send(b"x")
            after = sorted((key.data, events) for key, events in selector.select())
            return before, after

    assert world.call(program) == ([("b", 2)], [("a", 1), ("b", 2)])


def test_real_objects_outside_are_the_real_classes(world):
    with select.epoll() as epoll:
        assert type(epoll).__name__ == "epoll"
        assert not hasattr(epoll, "_process")
        reader, writer = os.pipe()
        epoll.register(writer)
        assert epoll.poll(0) == [(writer, select.EPOLLOUT)]
        os.close(reader)
        os.close(writer)


def test_array_of_descriptors_is_a_sequence_too(world):
    def program():
        _reader, writer = os.pipe()
        return select.select(array.array("i"), array.array("i", [writer]), [], 0)[1] == [writer]

    assert world.call(program) is True
