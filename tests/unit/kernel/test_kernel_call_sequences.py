"""Random sequences of socket calls, step by step on ours and on Linux, must answer alike."""

import random
import sys
import tempfile
from typing import Any

import pytest
from builders_kernel import LinuxHost, OurHost, outcome

BASIC = 0x201F
CALLS = (
    ["new"] * 3
    + ["bind"] * 3
    + ["listen"] * 3
    + ["connect"] * 5
    + ["accept"] * 4
    + ["send"] * 4
    + ["sendto"] * 2
    + ["recv"] * 4
    + ["recvfrom"] * 2
    + ["shutdown"] * 2
    + ["poll"] * 4
    + ["sockname", "peername", "error", "acceptconn", "inq", "reuse", "linger", "close"]
)


class Side:
    """One kernel, with the sockets of the sequence in the order they were made."""

    def __init__(self, host: Any, kind: str) -> None:
        self.host = host
        self.kind = kind
        self.sockets: list[Any] = []

    def shown(self, address: Any) -> Any:
        """An address without what the kernel chose: a port becomes the number of its socket."""
        if isinstance(address, str) or not address:
            return address
        if isinstance(address, bytes):
            return "chosen" if len(address) == 6 else address
        if address[1] in (0, 9):
            return address
        for number, s in enumerate(self.sockets):
            name = outcome(s.getsockname)
            if isinstance(name, tuple) and name[1] == address[1]:
                return address[0], f"port of {number}"
        return address[0], "a port"

    def step(self, call: str, a: float, b: float, c: float) -> Any:
        if call == "new":
            return self.make(a)
        if not self.sockets:
            return None
        s = self.sockets[int(a * len(self.sockets))]
        other = outcome(self.sockets[int(c * len(self.sockets))].getsockname)
        result = self.call(call, s, other, b, c)
        if self.kind == "inet":
            self.host.settle()
        return result

    def make(self, a: float) -> str:
        if len(self.sockets) < 5:
            if self.kind == "inet":
                self.sockets.append(self.host.socket(2, (1, 1, 1, 2)[int(a * 4)]))
            elif self.kind == "unix":
                self.sockets.append(self.host.socket(1, (1, 1, 2, 5)[int(a * 4)]))
            else:
                self.sockets.extend(self.host.socketpair((1, 2, 5)[int(a * 3)]))
        return "made"

    def call(self, call: str, s: Any, other: Any, b: float, c: float) -> Any:
        inet = self.kind == "inet"
        if call == "bind":
            name = b"\0fourtuple-%d" % int(b * 3)
            return outcome(lambda: s.bind((("127.0.0.1", 0) if b < 0.5 else other) if inet else name))
        if call == "listen":
            return outcome(lambda: s.listen(1 + int(b * 3)))
        if call == "connect":
            return self.connect(s, other, b)
        if call == "accept":
            child = outcome(s.accept)
            if not isinstance(child, str):
                self.sockets.append(child)
                return "accepted"
            return child
        if call == "send":
            return outcome(lambda: s.send(bytes(int(b * 50) + 1)))
        if call == "sendto":
            return outcome(lambda: s.sendto(b"dgram"[: int(b * 5)], other)) if other else None
        if call == "recv":
            return outcome(lambda: s.recv(int(b * 60) + 1, (0, 0, 2, 1)[int(c * 4)]))
        if call == "recvfrom":
            result = outcome(lambda: s.recvfrom(int(b * 60) + 1))
            return result if isinstance(result, str) else (result[0], self.shown(result[1]))
        if call == "shutdown":
            # A TCP socket shut down before it connects to itself is left out: nobody does.
            if inet and outcome(s.getpeername) == "ENOTCONN" and not s.getsockopt(1, 30):
                return None
            return outcome(lambda: s.shutdown(int(b * 3)))
        if call == "poll":
            return s.poll() & BASIC
        if call == "sockname":
            return self.shown(outcome(s.getsockname))
        if call == "peername":
            return self.shown(outcome(s.getpeername))
        if call == "error":
            return outcome(lambda: s.getsockopt(1, 4))
        if call == "acceptconn":
            return outcome(lambda: s.getsockopt(1, 30))
        if call == "inq":
            return outcome(lambda: s.ioctl(0x541B))
        if call == "reuse":
            return outcome(lambda: s.setsockopt(1, (2, 15)[int(c * 2)], int(b * 2)))
        if call == "linger":
            return outcome(lambda: s.setsockopt(1, 13, bytes((int(b * 2), 0, 0, 0, 0, 0, 0, 0))))
        self.sockets.remove(s)
        return s.close()

    def connect(self, s: Any, other: Any, b: float) -> Any:
        if self.kind == "inet":
            if b < 0.1:
                return outcome(lambda: s.connect(None))
            if b < 0.2:
                return outcome(lambda: s.connect(("127.0.0.1", 9)))
            return outcome(lambda: s.connect(other)) if other[1] else None
        return outcome(lambda: s.connect(other)) if other else None


def first_difference(kind: str, seed: int, ours: Any, linux: Any) -> str:
    """The steps up to the first that differs; empty if none does."""
    numbers = random.Random(seed)
    sides = [Side(ours, kind), Side(linux, kind)]
    steps: list[str] = []
    for _ in range(numbers.randint(8, 30)):
        call = numbers.choice(CALLS)
        a, b, c = numbers.random(), numbers.random(), numbers.random()
        one, two = [side.step(call, a, b, c) for side in sides]
        steps.append(f"{call} {a:.2f} {b:.2f} {c:.2f}: ours {one!r}, Linux {two!r}")
        if one != two:
            return f"seed {seed}\n" + "\n".join(steps)
    return ""


@pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")
@pytest.mark.parametrize(("kind", "count"), [("pair", 250), ("unix", 250), ("inet", 60)])
def test_call_sequences_answer_alike(kind, count):
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(count):
            ours, linux = OurHost(), LinuxHost(directory)
            try:
                difference = first_difference(kind, seed, ours, linux)
            finally:
                linux.close()
            assert not difference, difference
