"""Packet, raw and ping sockets: the same program on the live kernel's loopback and on a simulated host."""

import ctypes
import socket
import struct
from typing import Any

from parity_programs import on_a_simulated_host, on_both, outcome, privileged

PACKET = 263
ETH_P_TEST = 0x88B5
LOCAL = ("127.0.0.1", 0)
BLANK = bytes(12)

pytestmark = privileged


def checksum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(kind: int, ident: int, sequence: int, data: bytes = b"data") -> bytes:
    head = struct.pack(">BBHHH", kind, 0, 0, ident, sequence) + data
    return head[:2] + struct.pack(">H", checksum(head)) + head[4:]


def ip_header(**fields: Any) -> bytes:
    values = {"first": 0x45, "total": 0, "ident": 0, "fragment": 0, "ttl": 5, "source": "0.0.0.0"}
    values |= fields
    return struct.pack(
        ">BBHHHBBH4s4s",
        values["first"],
        0,
        values["total"],
        values["ident"],
        values["fragment"],
        values["ttl"],
        253,
        0,
        socket.inet_aton(values["source"]),
        socket.inet_aton("127.0.0.1"),
    )


def filter_of(*instructions: tuple[int, int, int, int]) -> tuple[bytes, Any]:
    """A struct sock_fprog, and the memory it points to."""
    code = b"".join([struct.pack("=HBBI", *one) for one in instructions])
    buffer = ctypes.create_string_buffer(code, len(code))
    return struct.pack("@HP", len(instructions), ctypes.addressof(buffer)), buffer


# Packet sockets


def packet_names() -> list[Any]:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as s:
        seen = [s.getsockname(), outcome(s.getpeername), outcome(lambda: s.listen(1))]
        seen += [outcome(lambda: s.connect(("lo", 0))), outcome(lambda: s.shutdown(2))]
        seen += [outcome(lambda: s.bind(("nodev", 0))), outcome(lambda: s.bind(("lo", ETH_P_TEST)))]
        seen += [s.getsockname(), outcome(lambda: s.bind(("lo", 0))), s.getsockname()]
        seen += [s.getsockopt(1, 3), s.getsockopt(1, 38), s.getsockopt(1, 39)]
        return seen


def test_names_of_a_packet_socket() -> None:
    ours, linux = on_both(packet_names)
    assert ours == linux


def packet_sending() -> list[Any]:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    cooked = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_TEST))
    other = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_TEST))
    listener.settimeout(2)
    other.settimeout(2)
    frame = BLANK + struct.pack(">H", ETH_P_TEST) + b"payload"
    seen = [outcome(lambda: raw.send(frame)), outcome(lambda: raw.sendto(b"short", ("lo", 0)))]
    seen += [outcome(lambda: raw.sendto(bytes(65551), ("lo", 0)))]
    seen += [outcome(lambda: raw.sendto(frame, ("lo", 0))), listener.recvfrom(100), other.recvfrom(100)]
    target = ("lo", ETH_P_TEST, 0, 0, bytes(6))
    seen += [outcome(lambda: cooked.sendto(b"cooked", target)), listener.recvfrom(100), other.recvfrom(4)]
    raw.bind(("lo", 0))
    seen += [outcome(lambda: raw.send(frame)), listener.recvmsg(10, 0)]
    listener.setblocking(False)
    seen += [outcome(lambda: listener.recv(9)), outcome(lambda: listener.recv(9, socket.MSG_OOB))]
    for s in (raw, cooked, listener, other):
        s.close()
    return seen


def test_frames_sent_arrive_at_packet_sockets() -> None:
    ours, linux = on_both(packet_sending)
    assert ours == linux


def packet_view_of_udp() -> list[Any]:
    """What ETH_P_ALL shows of one datagram: on its way out and on its way in."""
    a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    a.bind(LOCAL)
    port = a.getsockname()[1]
    program, memory = filter_of(
        (0x28, 0, 0, 12),
        (0x15, 0, 5, 0x800),
        (0x30, 0, 0, 23),
        (0x15, 0, 3, 17),
        (0x28, 0, 0, 36),
        (0x15, 0, 1, port),
        (0x06, 0, 0, 47),
        (0x06, 0, 0, 0),
    )
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(socket.SOL_SOCKET, 26, program)
    s.setsockopt(PACKET, 8, 1)
    s.bind(("lo", 3))
    s.settimeout(2)
    a.sendto(b"datagram", a.getsockname())
    seen: list[Any] = []
    for _ in range(2):
        data, control, flags, address = s.recvmsg(100, 100)
        # The kernel's checksums are not filled in on a loopback, ours are.
        seen += [data[:14], data[42:], flags, address, control[0][2][4:]]
    seen += [struct.unpack("II", s.getsockopt(PACKET, 6, 8)), struct.unpack("II", s.getsockopt(PACKET, 6, 8))]
    s.setsockopt(PACKET, 23, 1)
    a.sendto(b"again", a.getsockname())
    seen += [s.recvfrom(100)[1][2]]
    s.close()
    a.close()
    del memory
    return seen


def test_outgoing_and_incoming_frames_are_shown() -> None:
    ours, linux = on_both(packet_view_of_udp)
    assert ours == linux


# Raw sockets


def raw_names_and_refusals() -> list[Any]:
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
    seen = [s.getsockname(), outcome(lambda: s.bind(("8.8.8.8", 0))), outcome(lambda: s.send(b"x"))]
    seen += [outcome(lambda: s.bind(("127.0.0.1", 7))), s.getsockname(), outcome(lambda: s.bind(LOCAL))]
    seen += [outcome(lambda: s.listen(1)), outcome(s.getpeername), outcome(lambda: s.sendto(b"x", 1, LOCAL))]
    seen += [outcome(lambda: s.sendto(bytes(65516), LOCAL)), outcome(lambda: s.connect(("127.0.0.1", 5)))]
    seen += [s.getpeername(), outcome(lambda: s.bind(LOCAL)), s.getsockopt(0, 3), s.getsockopt(1, 2)]
    seen += [outcome(lambda: s.setsockopt(255, 1, bytes(4)))]
    s.close()
    v6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 253)
    seen += [v6.getsockname(), outcome(lambda: v6.bind(("::ffff:127.0.0.1", 0)))]
    seen += [outcome(lambda: v6.sendto(b"x", ("::1", 5))), outcome(lambda: v6.sendto(b"x", ("::1", 253)))]
    seen += [(outcome(lambda n=n: v6.setsockopt(41, 7, n)), v6.getsockopt(41, 7)) for n in (0, 1, 2, -1, -9)]
    seen += [outcome(lambda: v6.setsockopt(58, 1, bytes(32))), v6.getsockopt(41, 36)]
    v6.close()
    whole = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 255)
    seen += [whole.getsockopt(41, 36), outcome(lambda: whole.sendto(bytes(39), ("::1", 0)))]
    whole.close()
    return seen


def test_names_and_refusals_of_raw_sockets() -> None:
    ours, linux = on_both(raw_names_and_refusals)
    assert ours == linux


def raw_headers() -> list[Any]:
    """What IP_HDRINCL fills in, and what it refuses. The identification is the kernel's choice."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
    receiver.settimeout(0.2)
    seen: list[Any] = []
    for fields in (
        {},
        {"total": 99},
        {"ident": 7},
        {"source": "127.0.0.9"},
        {"fragment": 0x4000, "ident": 8},
        {"first": 0x4F},
        {"first": 0x44},
        {"first": 0x65},
    ):
        seen.append(outcome(lambda fields=fields: sender.sendto(ip_header(**fields) + b"body", LOCAL)))
        got = outcome(lambda: receiver.recvfrom(100))
        if isinstance(got, tuple):
            data, address = got
            seen += [data[:4], data[4:6] if "ident" in fields else b"", data[6:10], data[12:], address]
        else:
            seen.append(got)
    seen += [
        outcome(lambda: sender.sendto(bytes(19), LOCAL)),
        outcome(lambda: sender.sendto(bytes(65537), LOCAL)),
    ]
    sender.close()
    receiver.close()
    return seen


def test_headers_a_program_includes() -> None:
    ours, linux = on_both(raw_headers)
    assert ours == linux


def raw_icmp() -> list[Any]:
    """A raw socket sees its own echo, the reply, and neither with ICMP_FILTER."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.bind(("127.0.0.77", 0))
    s.settimeout(2)
    there = ("127.0.0.77", 0)
    seen: list[Any] = []
    s.sendto(echo(8, 4711, 1), there)
    seen += [s.recvfrom(100)[0][20:], s.recvfrom(100)[0][20:]]
    s.setsockopt(255, 1, struct.pack("I", 1 << 8))
    s.sendto(echo(8, 4711, 2), there)
    seen += [s.recvfrom(100)[0][20:], s.getsockopt(255, 1, 4)]
    s.setsockopt(255, 1, bytes(4))
    wrong = echo(8, 4711, 3)[:2] + b"\0\1" + echo(8, 4711, 3)[4:]
    s.sendto(wrong, there)
    seen += [s.recvfrom(100)[0][20:]]
    s.settimeout(0.1)
    seen += [outcome(lambda: s.recv(100))]
    s.close()
    return seen


def test_echoes_over_a_raw_socket() -> None:
    ours, linux = on_both(raw_icmp)
    assert ours == linux


def raw_icmp6() -> list[Any]:
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    # All types but echo requests and replies stay away.
    block = bytearray(b"\xff" * 32)
    block[16] = 0xFC
    s.setsockopt(58, 1, bytes(block))
    s.settimeout(2)
    s.sendto(echo(128, 4712, 1), ("::1", 0))
    seen: list[Any] = [s.recvfrom(100), s.recvfrom(100)]
    s.close()
    plain = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 253)
    plain.setsockopt(41, 7, 2)
    plain.settimeout(2)
    plain.sendto(b"abcdefg", ("::1", 0))
    seen += [plain.recvfrom(100), outcome(lambda: plain.sendto(b"abc", ("::1", 0)))]
    plain.close()
    return seen


def test_raw_sockets_of_ipv6() -> None:
    ours, linux = on_both(raw_icmp6)
    assert ours == linux


def raw_errors() -> list[Any]:
    """ICMP errors reach a connected raw socket of the protocol they are about."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    raw.connect(("127.0.0.78", 1))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.sendto(b"nobody", ("127.0.0.78", 9))
    raw.settimeout(2)
    got = outcome(lambda: raw.recv(100))
    raw.close()
    udp.close()
    return [got if isinstance(got, str) else "data"]


def test_icmp_error_reaches_a_raw_socket() -> None:
    ours, linux = on_both(raw_errors)
    assert ours == linux == ["ECONNREFUSED"]


# Ping sockets, which no group may open on a fresh Linux


def ping() -> list[Any]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    s.settimeout(2)
    refused = [outcome(lambda data=data: s.sendto(data, LOCAL)) for data in (b"", b"1234567", echo(0, 1, 1))]
    s.sendto(echo(8, 1, 9), LOCAL)
    data, address = s.recvfrom(100)
    ident = s.getsockname()[1]
    return [refused, data[:2], data[4:6] == struct.pack(">H", ident), data[6:], address]


def test_ping_socket_fills_in_its_identifier() -> None:
    refused = ["EINVAL", "EINVAL", "EINVAL"]
    assert on_a_simulated_host(ping, net__ipv4__ping_group_range="0 0") == [
        refused,
        b"\0\0",
        True,
        b"\0\x09data",
        ("127.0.0.1", 0),
    ]


def test_ping_socket_needs_a_group_in_the_range() -> None:
    ours, _ = on_both(lambda: outcome(lambda: socket.socket(2, 2, 1).close()))
    assert ours == "EACCES"
