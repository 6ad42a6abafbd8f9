"""Real, effective and saved ids: what each call leaves, and what may be done then, on the live kernel (in a
child) and on a simulated host."""

import itertools
import os
import pickle
import socket
from collections.abc import Callable
from typing import Any

from parity_programs import outcome, privileged

from fourtuple import Network

CALLS = (
    ("setuid", (0,)),
    ("setuid", (1000,)),
    ("seteuid", (0,)),
    ("seteuid", (1000,)),
    ("seteuid", (1001,)),
    ("setreuid", (1000, -1)),
    ("setreuid", (-1, 1000)),
    ("setreuid", (0, 1000)),
    ("setreuid", (1000, 0)),
    ("setresuid", (-1, 1000, 0)),
    ("setresuid", (1000, 1000, -1)),
    ("setresuid", (1000, 1001, 1000)),
)


def privileges() -> Any:
    """Whether the process may bind a port below 1024 and open a raw socket."""

    def bind() -> str:
        with socket.socket() as made:
            made.bind(("127.0.0.1", 0))
        with socket.socket(type=socket.SOCK_DGRAM) as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind(("127.0.0.9", 7))
        return "bound"

    def raw() -> str:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()
        return "made"

    return outcome(bind), outcome(raw)


def after(calls: tuple[tuple[str, tuple[int, ...]], ...]) -> list[Any]:
    seen: list[Any] = []
    for name, ids in calls:
        seen.append(outcome(lambda name=name, ids=ids: getattr(os, name)(*ids)))
        seen.append((os.getuid(), os.geteuid(), os.getresuid(), privileges()))
    seen.append(outcome(lambda: os.kill(1, 0)))
    return seen


def in_a_child(function: Callable[[], Any]) -> Any:
    """What ``function`` returns in a process of its own, whose ids it may change."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, pickle.dumps(function()))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    return pickle.loads(data)


@privileged
def test_ids_and_the_rights_that_go_with_them() -> None:
    pairs = list(itertools.product(CALLS, CALLS))
    with Network(seed=1) as network:
        host = network.host("alpha")
        spawned = [host.spawn(after, pair) for pair in pairs]
        network.run()
        ours = [process.result for process in spawned]
    for pair, seen in zip(pairs, ours, strict=True):
        assert seen == in_a_child(lambda pair=pair: after(pair)), pair
