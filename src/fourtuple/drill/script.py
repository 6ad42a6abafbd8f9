"""What a packet script says, as objects: options, events, packets, calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

NO_TIME: Final = -1

ABSOLUTE: Final = "absolute"
RELATIVE: Final = "relative"
ANY: Final = "any"


@dataclass
class Time:
    """When an event is to happen, in ns: since the first event, or since the one before (``relative``).

    ``end`` is the end of a range, NO_TIME without one. ``kind`` ANY has neither.
    """

    kind: str
    start: int = 0
    end: int = NO_TIME


# Expressions


@dataclass
class Expression:
    """Part of a call's arguments or result."""


@dataclass
class Ellipsis(Expression):
    """``...``: whatever the runner gives."""


@dataclass
class Number(Expression):
    value: int


@dataclass
class Word(Expression):
    """A symbol such as ``SO_REUSEADDR``."""

    name: str


@dataclass
class Text(Expression):
    value: bytes


@dataclass
class Or(Expression):
    left: Expression
    right: Expression


@dataclass
class Assignment(Expression):
    """``NAME=value`` outside a structure: an attribute of a netlink list."""

    name: str
    value: Expression


@dataclass
class Items(Expression):
    """``[a, b]``, or ``{a, b}`` if ``braces``."""

    items: list[Expression]
    braces: bool = False


@dataclass
class Structure(Expression):
    """``{name=value, other(size)=value}``; the sizes are in ``sizes``."""

    fields: dict[str, Expression]
    sizes: dict[str, Expression] = field(default_factory=dict)


@dataclass
class Function(Expression):
    """``htons(8080)``, ``inet_addr("10.0.0.1")``."""

    name: str
    argument: Expression


@dataclass
class Opaque(Expression):
    """A value that is read and cannot be used here: a GRE header or MPLS labels as a socket option."""

    what: str


# Packets

CHECK_NOTHING: Final = ""
CHECK_ECN: Final = "ecn"
CHECK_ECT01: Final = "ect01"
CHECK_TOS: Final = "tos"


@dataclass
class IpInfo:
    """What is said of the IP header: ``tos`` as ``check`` says; 0 leaves label and TTL unsaid."""

    check: str = CHECK_NOTHING
    tos: int = 0
    flow_label: int = 0
    ttl: int = 0


@dataclass
class TcpOption:
    """One option: its kind, its data as on the wire and how the script writes it.

    ``data`` is None for the one-byte options, EOL and NOP.
    """

    kind: int
    data: bytes | None
    text: str


@dataclass
class Segment:
    """A TCP segment. ``ports`` 0 are the connection's, ``window`` -1 is not said, ``ace`` neither.

    ``options`` None stands for ``<...>``.
    """

    ports: tuple[int, int]
    flags: int
    ace: int
    seq: int
    length: int
    ack: int
    window: int
    urgent: int
    options: list[TcpOption] | None


@dataclass
class Datagram:
    """A UDP datagram with ``length`` bytes of payload."""

    ports: tuple[int, int]
    length: int


@dataclass
class Icmp:
    """An ICMP or ICMPv6 message by name.

    ``echoed`` is the protocol of the packet it quotes: ``tcp``, ``udp``, or ``raw`` for ``length``
    bytes of message and no packet.
    """

    type: str
    code: str
    mtu: int
    ident: int
    echoed: str
    seq: int
    length: int


@dataclass
class Layer:
    """An encapsulating header: ``ipv4``, ``ipv6``, ``gre`` or ``mpls`` with its fields."""

    kind: str
    info: IpInfo = field(default_factory=IpInfo)
    source: str = ""
    destination: str = ""
    flags: int = 0
    words: tuple[int, int, int, int] = (0, 0, 0, 0)
    labels: list[tuple[int, int, bool, int]] = field(default_factory=list)


@dataclass
class Packet:
    inbound: bool
    info: IpInfo
    layers: list[Layer]
    body: Segment | Datagram | Icmp


# Events


@dataclass
class Call:
    """A system call. ``end`` is when it must return (ns, as its time), NO_TIME if it does not block.

    ``errno`` is the error's name, empty for none.
    """

    name: str
    arguments: list[Expression]
    result: Expression
    errno: str
    end: int = NO_TIME


@dataclass
class Command:
    """A line for the shell."""

    text: str
    line: int


@dataclass
class Code:
    """Python; ``line`` is that of its first character."""

    text: str
    line: int


@dataclass
class Event:
    line: int
    column: int
    time: Time
    action: Packet | Call | Command | Code
    text: str
    """As the script has it, spaces collapsed."""


@dataclass
class Script:
    path: str
    text: str
    options: list[tuple[str, str | None, int]]
    """Name, value and line of each ``--option`` of the script."""
    init: Command | None
    events: list[Event]
    cleanup: Command | None
