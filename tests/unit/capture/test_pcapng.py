import io
import struct

import dpkt
import pytest

from fourtuple.capture.pcapng import INBOUND, OUTBOUND, PcapngWriter

EPOCH = 1_767_225_600 * 10**9


def blocks_of(data: bytes) -> list[tuple[int, bytes]]:
    """(type, body) of each block; checks that both lengths of each agree."""
    found = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, length - 4) == (length,)
        found.append((kind, data[8 : length - 4]))
        data = data[length:]
    return found


def options_of(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        code, length = struct.unpack_from("<HH", data)
        if code == 0:
            assert data == b"\0\0\0\0"
            break
        found.append((code, data[4 : 4 + length]))
        data = data[4 + (length + 3) // 4 * 4 :]
    return found


def written(*packets: tuple[int, int, bytes, int, tuple[str, ...]]) -> list[tuple[int, bytes]]:
    file = io.BytesIO()
    writer = PcapngWriter(file, EPOCH)
    writer.add_interface("a/eth0", "eth0 of a")
    for packet in packets:
        writer.write_packet(*packet)
    return blocks_of(file.getvalue())


def test_section_and_interface_are_described_first() -> None:
    (section_kind, section), (interface_kind, interface) = written()
    assert section_kind == 0x0A0D0D0A
    assert struct.unpack_from("<IHHq", section) == (0x1A2B3C4D, 1, 0, -1)
    assert options_of(section[16:]) == [(4, b"fourtuple")]
    assert interface_kind == 1
    assert struct.unpack_from("<HHI", interface) == (1, 0, 0)
    assert options_of(interface[8:]) == [(2, b"a/eth0"), (3, b"eth0 of a"), (9, b"\x09")]


def test_packet_has_nanosecond_time_since_the_epoch() -> None:
    kind, body = written((0, 1_000_000_007, b"frame", 0, ()))[2]
    interface, high, low, captured, original = struct.unpack_from("<IIIII", body)
    assert (kind, interface, captured, original) == (6, 0, 5, 5)
    assert high << 32 | low == EPOCH + 1_000_000_007
    assert body[20:] == b"frame\0\0\0"


def test_packet_has_direction_and_comments() -> None:
    _, body = written((0, 0, b"four", OUTBOUND, ("hôte a", "", "second")))[2]
    assert options_of(body[24:]) == [(1, "hôte a".encode()), (1, b"second"), (2, struct.pack("<I", 2))]
    _, body = written((0, 0, b"four", INBOUND, ()))[2]
    assert options_of(body[24:]) == [(2, struct.pack("<I", 1))]


def test_comment_too_long_is_cut_between_characters() -> None:
    _, body = written((0, 0, b"four", 0, ("x" + "é" * 40_000,)))[2]
    ((_, comment),) = options_of(body[24:])
    assert comment.decode() == "x" + "é" * 32_767


def test_comment_that_is_no_unicode_is_written_with_replacements() -> None:
    _, body = written((0, 0, b"four", 0, ("bad \udcff",)))[2]
    assert options_of(body[24:]) == [(1, b"bad ?")]


def test_interface_not_described_is_refused() -> None:
    writer = PcapngWriter(io.BytesIO(), EPOCH)
    assert writer.add_interface("a", "") == 0
    assert writer.add_interface("b", "") == 1
    for number in (-1, 2):
        with pytest.raises(ValueError, match=f"no interface {number}: 2 were described"):
            writer.write_packet(number, 0, b"", 0, ())


def test_dpkt_reads_the_frames_back() -> None:
    file = io.BytesIO()
    writer = PcapngWriter(file, EPOCH)
    writer.add_interface("a/eth0", "")
    frames = [bytes(range(length)) for length in range(14, 22)]
    for frame in frames:
        writer.write_packet(0, 0, frame, 0, ("c",))
    file.seek(0)
    reader = dpkt.pcapng.Reader(file)
    assert [data for _, data in reader] == frames
