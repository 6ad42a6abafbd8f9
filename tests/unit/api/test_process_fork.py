"""Process.fork and current_process."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from fourtuple import Network, current_process


@pytest.fixture
def net() -> Iterator[Network]:
    with Network(seed=3) as net:
        net.host("server", address="10.0.0.1")
        net.host("client", address="10.0.0.2")
        net.link("server", "client", latency="10ms")
        yield net


def test_children_accept_on_one_listener(net: Network) -> None:
    def worker(listener: socket.socket, name: str) -> int:
        served = 0
        listener.settimeout(3)
        try:
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(f"{name} {os.getpid()} {os.getppid()}".encode())
                served += 1
        except TimeoutError:
            return served

    def server() -> tuple[list[int], list[object]]:
        listener = socket.create_server(("", 80))
        me = current_process()
        children = [me.fork(worker, listener, name=f"w{number}") for number in range(3)]
        # Theirs is another descriptor of the same socket.
        listener.close()
        codes = []
        for child in children:
            assert child.pid is not None
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1]))
        return codes, [child.result for child in children]

    def client() -> set[bytes]:
        answers = set()
        for _ in range(12):
            with socket.create_connection(("server", 80)) as connection:
                answers.add(connection.recv(100))
        return answers

    serving = net.hosts["server"].spawn(server)
    asking = net.hosts["client"].spawn(client, start="100ms")
    net.run()
    codes, served = serving.result  # type: ignore[misc]  # a callable's result is an object
    assert codes == [0, 0, 0]
    assert sum(served) == 12
    assert asking.result == {b"w0 3 2", b"w1 4 2", b"w2 5 2"}


def test_child_works_on_a_copy(net: Network) -> None:
    class Counter:
        def __init__(self) -> None:
            self.count = 0
            self.lock = threading.Lock()

    marker = object()

    def program() -> object:
        counter, names = Counter(), ["parent"]
        number = 1

        def child(same: object) -> object:
            nonlocal number
            with counter.lock:
                counter.count += 1
            names.append("child")
            number += 1
            return counter.count, names, number, same is marker

        forked = current_process().fork(child, marker)
        counter.lock.acquire()
        os.wait()
        return forked.result, (counter.count, names, number)

    process = net.hosts["server"].spawn(program)
    net.run()
    assert process.result == ((1, ["parent", "child"], 2, True), (0, ["parent"], 1))


def test_fork_from_outside_and_its_end(net: Network) -> None:
    parent = net.hosts["server"].spawn(time.sleep, 10)
    children = []

    def fork() -> None:
        children.append(parent.fork(lambda: (os.getppid(), time.monotonic())))
        children.append(parent.fork(time.sleep, 100))

    net.at("1s", fork)
    net.run()
    assert children[0].result == (2, 1.0)
    # The run ended, its parent being gone.
    assert children[1].exitcode == -signal.SIGTERM
    with pytest.raises(RuntimeError, match="does not run"):
        parent.fork(print)


def test_only_oneself_is_forked(net: Network) -> None:
    other = net.hosts["server"].spawn(time.sleep, 1)
    process = net.hosts["server"].spawn(lambda: other.fork(print))
    net.run()
    with pytest.raises(RuntimeError, match="by itself only"):
        _ = process.result
    with pytest.raises(RuntimeError, match="not in a simulated process"):
        current_process()


def test_child_that_raises_tells_so(net: Network) -> None:
    def program() -> int:
        return os.waitstatus_to_exitcode((current_process().fork(lambda: 1 / 0), os.wait())[1][1])

    process = net.hosts["server"].spawn(program)
    net.run()
    assert process.result == 1
    assert process.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_globals_of_a_script_are_separate(net: Network, tmp_path: object) -> None:
    source = (
        "import os\n"
        "from fourtuple import current_process\n"
        "count, names = 0, []\n"
        "def child():\n"
        "    global count\n"
        "    count += 1\n"
        "    names.append(count)\n"
        "    print('child', count, names, current_process().name, flush=True)\n"
        "for _ in range(2):\n"
        "    current_process().fork(child)\n"
        "while True:\n"
        "    try:\n"
        "        os.wait()\n"
        "    except ChildProcessError:\n"
        "        break\n"
        "print('parent', count, names)\n"
    )
    process = net.hosts["server"].spawn(["python", "-c", source])
    net.run()
    assert process.stdout == "child 1 [1] child\nchild 1 [1] child\nparent 0 []\n"
