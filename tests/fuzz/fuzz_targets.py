"""What takes bytes or text from strangers, each with the only exceptions it may raise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from fourtuple.cli.network_file import read_network_file
from fourtuple.cli.sections import NetworkFileError
from fourtuple.clock.clock import Clock
from fourtuple.clock.streams import Stream
from fourtuple.drill.errors import ScriptError
from fourtuple.drill.parser import parse_script
from fourtuple.drill.settings import Settings
from fourtuple.network.node import Node
from fourtuple.network.units import (
    parse_duration,
    parse_probability,
    parse_queue,
    parse_rate,
    parse_size,
)
from fourtuple.shim.sockaddr_convert import from_sockaddr, to_sockaddr
from fourtuple.stack.bpf import PacketView
from fourtuple.stack.bpf_check import instructions_of, parse_program
from fourtuple.wire.address import parse_ip, parse_mac
from fourtuple.wire.arp import parse_arp
from fourtuple.wire.ethernet import parse_frame
from fourtuple.wire.extension import parse_extension
from fourtuple.wire.icmp import parse_icmp
from fourtuple.wire.icmpv6 import parse_icmpv6
from fourtuple.wire.igmp import parse_igmp
from fourtuple.wire.ipv4 import parse_ipv4, parse_quoted_ipv4
from fourtuple.wire.ipv6 import parse_ipv6, parse_quoted_ipv6
from fourtuple.wire.lenient import read_frame
from fourtuple.wire.ndp import parse_nd_options
from fourtuple.wire.packet import WireError
from fourtuple.wire.tcp import parse_tcp
from fourtuple.wire.tcp_options import parse_tcp_options
from fourtuple.wire.udp import parse_udp
from fourtuple.wire.udplite import parse_udplite

V4_A, V4_B = parse_ip("10.0.0.1"), parse_ip("10.0.0.2")
V6_A, V6_B = parse_ip("fd00::1"), parse_ip("fd00::2")


class Target:
    """``call`` takes any bytes and raises nothing but ``allowed``."""

    def __init__(self, name: str, call: Callable[[bytes], object], *allowed: type[Exception]) -> None:
        self.name = name
        self.call = call
        self.allowed = allowed

    def __call__(self, data: bytes) -> None:
        try:
            self.call(data)
        except self.allowed as error:
            text = str(error)
        else:
            return
        # One line that says what is wrong.
        assert text.strip()
        assert "\n" not in text.strip()


def frame_round_trip(data: bytes) -> None:
    """What was parsed can be written, and what is written is parsed to the same."""
    frame = parse_frame(data)
    written = frame.serialize()
    again = parse_frame(written)
    assert again.serialize() == written
    assert len(written) == frame.wire_length()
    repr(frame)


def lenient_round_trip(data: bytes) -> None:
    frame = read_frame(data)
    written = frame.serialize()
    assert read_frame(written).serialize() == written


def options_round_trip(data: bytes) -> None:
    options = parse_tcp_options(data)
    repr(options)
    try:
        written = options.serialize()
    except WireError:
        # More options were repeated than a header holds once each is padded.
        return
    assert parse_tcp_options(written).serialize() == written


def filter_program(data: bytes) -> None:
    """A packet filter: what is accepted terminates, on every packet."""
    program = parse_program(data[: len(data) // 2 & ~7])
    if program is not None:
        program.run(PacketView(data))
        assert parse_program(instructions_of(program)) is not None


def network_file(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.toml"
        file.write_bytes(data)
        read_network_file(file)


def packet_script(data: bytes) -> None:
    parse_script("fuzz.pkt", data.decode("utf-8", "replace"), Settings("ipv4", []))


def _text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode("latin-1"))


_NODE = Node("fuzz", 1, Clock(), Stream(1, "fuzz"), {"localhost": [V4_A]})

_FAMILIES = (1, 2, 10, 17)


def socket_address(data: bytes) -> None:
    """An address as a program passes it: host text, port and more."""
    if len(data) < 8:
        return
    family = _FAMILIES[data[0] & 3]
    number = int.from_bytes(data[2:6], "big", signed=True) >> (data[1] & 31)
    host: object = (data[6:], data[6:].decode("latin-1"), "10.0.0.1", "::1", "", None, number)[data[1] % 7]
    shapes = (
        host,
        (host, number),
        (host, number, number, number),
        (host, number, number),
        [host, number],
        (),
        (number, host, number, number, data[6:]),
    )
    address = to_sockaddr(_NODE.kernel, family, shapes[data[7] % len(shapes)], "connect")
    from_sockaddr(address)


ADDRESS_ERRORS = (OSError, TypeError, OverflowError, ValueError)

TARGETS = [
    Target("frame", frame_round_trip, WireError),
    Target("frame, lenient", lenient_round_trip, WireError),
    Target("arp", parse_arp, WireError),
    Target("ipv4", parse_ipv4, WireError),
    Target("ipv4, quoted", parse_quoted_ipv4, WireError),
    Target("ipv6", parse_ipv6, WireError),
    Target("ipv6, quoted", parse_quoted_ipv6, WireError),
    Target("ipv6 extension", lambda data: parse_extension(data[0] if data else 0, data, 0), WireError),
    Target("tcp", lambda data: parse_tcp(data, V4_A, V4_B), WireError),
    Target("tcp options", options_round_trip, WireError),
    Target("udp", lambda data: parse_udp(data, V4_A, V4_B), WireError),
    Target("udplite", lambda data: parse_udplite(data, V6_A, V6_B), WireError),
    Target("icmp", parse_icmp, WireError),
    Target("icmpv6", lambda data: parse_icmpv6(data, V6_A, V6_B), WireError),
    Target("igmp", parse_igmp, WireError),
    Target("neighbour discovery options", parse_nd_options, WireError),
    Target("packet filter", filter_program),
    Target("network file", network_file, NetworkFileError),
    Target("packet script", packet_script, ScriptError),
    Target("ip address", _text(parse_ip), ValueError),
    Target("mac address", _text(parse_mac), ValueError),
    Target("duration", _text(parse_duration), ValueError),
    Target("rate", _text(parse_rate), ValueError),
    Target("size", _text(parse_size), ValueError),
    Target("queue", _text(parse_queue), ValueError),
    Target("probability", _text(parse_probability), ValueError),
    Target("socket address", socket_address, *ADDRESS_ERRORS),
]
