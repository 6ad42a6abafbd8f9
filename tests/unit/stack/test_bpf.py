"""Classic BPF: which programs are accepted, and what they compute. tests/parity holds both against Linux."""

import struct

import pytest

from fourtuple.stack.bpf import BpfProgram, PacketView
from fourtuple.stack.bpf_check import instructions_of, parse_program

RET_K = 0x06
RET_A = 0x16
LD_W, LD_H, LD_B = 0x20, 0x28, 0x30


def program(*instructions: tuple[int, int, int, int]) -> BpfProgram | None:
    return parse_program(b"".join([struct.pack("<HBBI", *one) for one in instructions]))


def result(data: bytes, *instructions: tuple[int, int, int, int]) -> int:
    made = program(*instructions)
    assert made is not None
    return made.run(PacketView(data))


@pytest.mark.parametrize(
    "instructions",
    [
        [],
        [(0x00, 0, 0, 1)],
        [(0xFF, 0, 0, 0), (RET_K, 0, 0, 1)],
        [(0x34, 0, 0, 0), (RET_K, 0, 0, 1)],
        [(0x64, 0, 0, 32), (RET_K, 0, 0, 1)],
        [(0x02, 0, 0, 16), (RET_K, 0, 0, 1)],
        [(0x60, 0, 0, 1), (RET_K, 0, 0, 1)],
        [(0x15, 1, 0, 0), (0x02, 0, 0, 1), (0x60, 0, 0, 1), (RET_K, 0, 0, 1)],
        [(0x15, 0, 1, 0), (RET_K, 0, 0, 1)],
        [(0x05, 0, 0, 1), (RET_K, 0, 0, 1)],
        [(LD_W, 0, 0, 0xFFFFF002), (RET_K, 0, 0, 1)],
        [(RET_K, 0, 0, 1)] * 4097,
    ],
    ids=[
        "empty",
        "no return",
        "no such code",
        "division by 0",
        "shift by 32",
        "memory beyond 15",
        "memory not written",
        "memory not written on one way",
        "conditional jump out",
        "jump out",
        "no such ancillary",
        "too long",
    ],
)
def test_wrong_program_is_refused(instructions: list[tuple[int, int, int, int]]) -> None:
    assert program(*instructions) is None


def test_program_shows_the_instructions_it_was_made_of() -> None:
    rows = [(LD_H, 0, 0, 12), (0x15, 0, 1, 0x800), (RET_K, 0, 0, 96), (RET_K, 0, 0, 0)]
    data = b"".join([struct.pack("<HBBI", *one) for one in rows])
    made = parse_program(data)
    assert made is not None
    assert instructions_of(made) == data


@pytest.mark.parametrize(
    ("load", "value"),
    [
        ((LD_W, 0, 0, 1), 0x02030405),
        ((LD_H, 0, 0, 1), 0x0203),
        ((LD_B, 0, 0, 1), 0x02),
        ((0x80, 0, 0, 0), 8),
        ((0x00, 0, 0, 77), 77),
        ((LD_W, 0, 0, 5), 0),
        ((LD_B, 0, 0, 8), 0),
    ],
    ids=["word", "half", "byte", "length", "immediate", "word beyond the end", "byte beyond the end"],
)
def test_loads(load: tuple[int, int, int, int], value: int) -> None:
    assert result(bytes(range(1, 9)), load, (RET_A, 0, 0, 0)) == value


@pytest.mark.parametrize(
    ("code", "k", "value"),
    [
        (0x04, 1, 0),
        (0x14, 1, 0xFFFFFFFE),
        (0x24, 2, 0xFFFFFFFE),
        (0x34, 2, 0x7FFFFFFF),
        (0x94, 16, 15),
        (0x54, 0xFF, 0xFF),
        (0x44, 1, 0xFFFFFFFF),
        (0xA4, 1, 0xFFFFFFFE),
        (0x64, 4, 0xFFFFFFF0),
        (0x74, 4, 0x0FFFFFFF),
        (0x84, 0, 1),
    ],
)
def test_arithmetic_is_of_32_bits_without_sign(code: int, k: int, value: int) -> None:
    assert result(b"", (0x00, 0, 0, 0xFFFFFFFF), (code, 0, 0, k), (RET_A, 0, 0, 0)) == value


def test_division_by_an_index_of_zero_drops_the_packet() -> None:
    assert result(b"", (0x00, 0, 0, 5), (0x01, 0, 0, 0), (0x3C, 0, 0, 0), (RET_K, 0, 0, 9)) == 0


def test_header_length_load_takes_the_low_nibble_times_four() -> None:
    assert result(b"\x46", (0xB1, 0, 0, 0), (0x87, 0, 0, 0), (RET_A, 0, 0, 0)) == 24


def test_ancillary_loads_tell_what_is_not_in_the_bytes() -> None:
    view = PacketView(b"")
    view.protocol, view.pkttype, view.ifindex, view.hatype, view.random = 0x800, 4, 3, 772, 99
    values = []
    for offset in (0, 4, 8, 28, 56):
        made = program((LD_W, 0, 0, 0xFFFFF000 + offset), (RET_A, 0, 0, 0))
        assert made is not None
        values.append(made.run(view))
    assert values == [0x800, 4, 3, 772, 99]


def test_negative_offsets_reach_the_network_and_the_link_header() -> None:
    view = PacketView(b"payload")
    view.network = b"\x45network"
    view.link = b"\xaalink"
    for k, value in ((0xFFF00000, 0x45), (0xFFE00000, 0xAA)):
        made = program((LD_B, 0, 0, k), (RET_A, 0, 0, 0))
        assert made is not None
        assert made.run(view) == value
