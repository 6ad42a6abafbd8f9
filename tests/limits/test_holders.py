"""Sockets held by several: descriptors passed on from process to process, and the end of each holder."""

import array
import errno
import signal
import socket
import time

import pytest

from fourtuple import Network

PORT = 8000


def send_fd(to: socket.socket, fd: int) -> None:
    to.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])


def take_fd(source: socket.socket) -> int:
    _, control, _, _ = source.recvmsg(1, socket.CMSG_SPACE(4))
    fds = array.array("i")
    fds.frombytes(control[0][2])
    return fds[0]


def unix_server(name: str) -> socket.socket:
    s = socket.socket(socket.AF_UNIX)
    s.bind("\0" + name)
    s.listen(5)
    return s


def unix_client(name: str) -> socket.socket:
    s = socket.socket(socket.AF_UNIX)
    for _ in range(100):
        try:
            s.connect("\0" + name)
            return s
        except ConnectionRefusedError:
            time.sleep(0.01)
    raise AssertionError(name)


def port_is_free() -> bool:
    """Whether a new server could have it: connections that are over, in TIME_WAIT, do not count."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", PORT))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        return True


def test_socket_passes_from_process_to_process_and_outlives_its_senders() -> None:
    """a makes a listener and sends it to b, b sends it to c, both end; c answers the client."""

    def a() -> None:
        listener = socket.create_server(("127.0.0.1", PORT))
        send_fd(unix_client("b"), listener.fileno())

    def b() -> None:
        here = unix_server("b")
        incoming, _ = here.accept()
        send_fd(unix_client("c"), take_fd(incoming))

    def c() -> bool:
        here = unix_server("c")
        incoming, _ = here.accept()
        # Both senders are gone by now; what they sent is not.
        time.sleep(1)
        listener = socket.socket(fileno=take_fd(incoming))
        connection, _ = listener.accept()
        connection.sendall(b"from c")
        connection.close()
        listener.close()
        return port_is_free()

    def client() -> bytes:
        time.sleep(2)
        with socket.create_connection(("127.0.0.1", PORT)) as s:
            return s.recv(99)

    with Network(seed=1) as network:
        host = network.host("alpha")
        processes = [host.spawn(program) for program in (a, b, c, client)]
        network.run()
        assert [process.exitcode for process in processes] == [0, 0, 0, 0]
        assert processes[3].result == b"from c"
        assert processes[2].result is True


def test_socket_in_a_message_nobody_read_dies_with_the_receiver() -> None:
    def program() -> list[bool]:
        a, b = socket.socketpair()
        listener = socket.create_server(("127.0.0.1", PORT))
        send_fd(a, listener.fileno())
        listener.close()
        held = port_is_free()
        a.close()
        still = port_is_free()
        b.close()
        return [held, still, port_is_free()]

    with Network(seed=1) as network:
        process = network.host("alpha").spawn(program)
        network.run()
        assert process.result == [False, False, True]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_cycle_of_sockets_in_each_others_messages_is_collected(length: int) -> None:
    """Each pair's end travels in the next pair's queue, the last in the first's; a port hangs on it."""

    def program() -> list[bool]:
        pairs = [socket.socketpair() for _ in range(length)]
        listener = socket.create_server(("127.0.0.1", PORT))
        send_fd(pairs[0][0], listener.fileno())
        listener.close()
        for number in range(length):
            send_fd(pairs[number][0], pairs[(number + 1) % length][1].fileno())
        before = port_is_free()
        for a, b in pairs:
            a.close()
            b.close()
        # Linux collects at the next close of a unix socket, if not at once.
        for s in socket.socketpair():
            s.close()
        return [before, port_is_free()]

    with Network(seed=1) as network:
        process = network.host("alpha").spawn(program)
        network.run()
        assert process.result == [False, True]


@pytest.mark.parametrize("end", ["kill", "exception", "exit"])
@pytest.mark.parametrize("first", ["maker", "sharer"])
def test_port_is_held_until_the_last_holder_ends(end: str, first: str) -> None:
    """However a holder ends: by SIGKILL, by an exception nobody catches, or by itself."""

    def last() -> None:
        if end == "exception":
            raise RuntimeError("the end")
        if end == "kill":
            time.sleep(1000)

    def maker() -> None:
        listener = socket.create_server(("127.0.0.1", PORT))
        send_fd(unix_client("share"), listener.fileno())
        time.sleep(2 if first == "maker" else 6)
        last()

    def sharer() -> None:
        incoming, _ = unix_server("share").accept()
        listener = socket.socket(fileno=take_fd(incoming))
        time.sleep(2 if first == "sharer" else 6)
        last()
        assert listener.fileno() >= 0

    def prober() -> list[object]:
        seen: list[object] = []
        for _ in range(3):
            time.sleep(3)
            try:
                with socket.create_connection(("127.0.0.1", PORT)):
                    seen.append("connected")
            except ConnectionRefusedError:
                seen.append("refused")
            seen.append(port_is_free())
        return seen

    with Network(seed=1) as network:
        host = network.host("alpha")
        holders = {"maker": host.spawn(maker), "sharer": host.spawn(sharer)}
        probing = host.spawn(prober)
        if end == "kill":
            other = "sharer" if first == "maker" else "maker"
            network.at("2500ms", lambda: holders[first].kill(signal.SIGKILL))
            network.at("6500ms", lambda: holders[other].kill(signal.SIGKILL))
        network.run()
        assert probing.result[0] == "connected"
        assert probing.result[1] is False
        assert probing.result[-2] == "refused"


@pytest.mark.parametrize("end", ["kill", "exception"])
def test_connection_survives_all_but_its_last_holder(end: str) -> None:
    def server() -> bytes:
        listener = socket.create_server(("127.0.0.1", PORT))
        connection, _ = listener.accept()
        send_fd(unix_client("heir"), connection.fileno())
        if end == "exception":
            raise RuntimeError("the end")
        time.sleep(1000)
        return b""

    def heir() -> None:
        incoming, _ = unix_server("heir").accept()
        time.sleep(2)
        connection = socket.socket(fileno=take_fd(incoming))
        connection.sendall(b"taken over")

    def client() -> list[bytes]:
        time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", PORT)) as s:
            return [s.recv(99), s.recv(99)]

    with Network(seed=1) as network:
        host = network.host("alpha")
        serving, _, asking = host.spawn(server), host.spawn(heir), host.spawn(client)
        if end == "kill":
            network.at("1s", lambda: serving.kill(signal.SIGKILL))
        network.run()
        assert asking.result == [b"taken over", b""]
