"""Random classic BPF programs on a UDP socket of the live kernel and on one of ours: the same are accepted,
and the same datagrams arrive, cut at the same byte."""

import ctypes
import random
import socket
import struct
import sys

import pytest

from fourtuple.stack.bpf import PacketView
from fourtuple.stack.bpf_check import parse_program

LD = [0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x00, 0x60]
LDX = [0x01, 0x61, 0x81, 0xB1]
ALU = [
    base | where for base in (0x04, 0x14, 0x24, 0x34, 0x94, 0x54, 0x44, 0xA4, 0x64, 0x74) for where in (0, 8)
]
JMP = [base | where for base in (0x15, 0x25, 0x35, 0x45) for where in (0, 8)]
OTHERS = [0x02, 0x03, 0x07, 0x87, 0x84, 0x05]
RET = [0x06, 0x16]
ODD = [0x08, 0x11, 0x0E, 0xFF, 0x66]
UDP_HEADER = 8
DATA = bytes(range(64)) * 12


def random_program(numbers: random.Random) -> list[tuple[int, int, int, int]]:
    """Mostly right: each kind of instruction, operands small, jumps mostly inside."""
    length = numbers.randint(2, 14)
    rows = []
    for at in range(length - 1):
        kinds = [LD, LD, LDX, ALU, ALU, JMP, OTHERS, RET]
        code = numbers.choice(ODD if numbers.random() < 0.01 else numbers.choice(kinds))
        left = length - at - 2
        reach = max(left + (numbers.random() < 0.03), 0)
        jt, jf = (numbers.randint(0, min(reach, 255)), numbers.randint(0, min(reach, 255)))
        k = numbers.choice([0, 1, 2, 3, 5, 8, 16, 31, 40, 600, 767, 770, 780, 0xFFFFFFFF, 0x80000000])
        if code in (0x02, 0x03, 0x60, 0x61):
            k = numbers.randint(0, 3)
        elif code == 0x05:
            k = reach
        elif code & 7 == 0 and code & 0xE0 == 0x20 and numbers.random() < 0.1:
            # Ancillary data that are the same on both: protocol, packet type, no such thing.
            k = 0xFFFFF000 + numbers.choice([0, 4, 16, 44, 61])
        rows.append((code, jt, jf, k))
    rows.append((numbers.choice(RET), 0, 0, numbers.choice([0, 1, 7, 8, 9, 100, 776, 5000])))
    return rows


def ours(rows: list[tuple[int, int, int, int]]) -> str | bytes:
    program = parse_program(b"".join([struct.pack("<HBBI", *row) for row in rows]))
    if program is None:
        return "EINVAL"
    view = PacketView(bytes(UDP_HEADER) + DATA)
    view.data = struct.pack(">HHHH", 0, 0, UDP_HEADER + len(DATA), 0) + DATA
    view.protocol = 0x0800
    kept = program.run(view)
    return "dropped" if kept == 0 else DATA[: max(kept, UDP_HEADER) - UDP_HEADER]


class Live:
    """Two sockets on the loopback; what a datagram shows of ports and checksum no program loads."""

    def __init__(self) -> None:
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.bind(("127.0.0.1", 0))
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.connect(self.receiver.getsockname())
        self.receiver.setblocking(False)

    def outcome(self, rows: list[tuple[int, int, int, int]]) -> str | bytes:
        code = b"".join([struct.pack("=HBBI", *row) for row in rows])
        buffer = ctypes.create_string_buffer(code, len(code))
        try:
            value = struct.pack("@HP", len(rows), ctypes.addressof(buffer))
            self.receiver.setsockopt(socket.SOL_SOCKET, 26, value)
        except OSError:
            return "EINVAL"
        self.sender.send(DATA)
        try:
            return self.receiver.recv(4096)
        except BlockingIOError:
            return "dropped"

    def close(self) -> None:
        self.receiver.close()
        self.sender.close()


def loads_a_port(rows: list[tuple[int, int, int, int]]) -> bool:
    """Whether a program may read ports or checksum, which are not the same on both."""
    for code, _, _, k in rows:
        if code & 7 == 0 and code & 0xE0 == 0x40:
            return True
        if code & 7 in (0, 1) and code & 0xE0 in (0x20, 0xA0) and k < UDP_HEADER:
            return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")
def test_random_programs_do_the_same_on_linux() -> None:
    numbers = random.Random(1)
    live = Live()
    outcomes: dict[str, int] = {}
    try:
        done = 0
        while done < 1500:
            rows = random_program(numbers)
            if loads_a_port(rows):
                continue
            done += 1
            expected, got = live.outcome(rows), ours(rows)
            assert got == expected, rows
            kind = got if isinstance(got, str) else "cut" if len(got) < len(DATA) else "whole"
            outcomes[kind] = outcomes.get(kind, 0) + 1
    finally:
        live.close()
    # Each outcome occurs, so that each was compared.
    assert min(outcomes.get(kind, 0) for kind in ("EINVAL", "dropped", "cut", "whole")) >= 20, outcomes
