"""A ladder diagram: two hosts, time running down, each packet an arrow between them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from ..api.host import Host
from .packets import PacketStory, stories

MIN_WIDTH = 24
MAX_WIDTH = 56
_TIME_WIDTH = 12
_MARGIN = 2

_LOST = "bold red"
_AGAIN = "yellow"
_HANDSHAKE = "cyan"
_DATA = "green"
_PLAIN = "default"


def ladder(left: Host, right: Host) -> Ladder:
    """The TCP and UDP packets between two hosts so far. Raises ValueError unless the network keeps
    its trace."""
    trace = left.network.fabric.trace
    if not trace.keep:
        raise ValueError("the network keeps no trace: make it with keep_trace=True")
    ends = {host.name: host.node.addresses() for host in (left, right)}
    return Ladder((left.name, right.name), [name_line(left), name_line(right)], stories(trace.events, ends))


def name_line(host: Host) -> str:
    return f"{host.name} {host.addresses[0]}" if host.addresses else host.name


class Ladder:
    """A rich renderable. Lost packets end in a cross with the reason; what is sent again says so."""

    def __init__(self, names: tuple[str, str], titles: Sequence[str], packets: Sequence[PacketStory]) -> None:
        self.names = names
        self.titles = titles
        self.packets = packets

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width - 2 * (_TIME_WIDTH + _MARGIN) - 2
        width = max(MIN_WIDTH, min(MAX_WIDTH, width))
        # The last column is left free: a terminal may wrap a line that fills it.
        left, right = (title[: _TIME_WIDTH + width // 2] for title in self.titles)
        space = " " * (_TIME_WIDTH + 1)
        gap = " " * (width + 2 - len(left) - len(right))
        yield Text(f"{space}{left}{gap}{right}", style="bold", no_wrap=True)
        for packet in self.packets:
            yield self._row(packet, width)

    def _row(self, packet: PacketStory, width: int) -> Text:
        rightward = packet.sender == self.names[0]
        style = _style(packet)
        label = f" {packet.label}{' (again)' if packet.again else ''} "
        if packet.lost:
            # It ends under way, and the side it never reaches shows no time.
            shaft = width * 2 // 3
            body = _arrow(label, shaft - 1, rightward)
            reason = f" lost: {packet.lost} "[: width - shaft]
            arrow = f"{body}✗{reason:<{width - shaft}}" if rightward else f"{reason:>{width - shaft}}✗{body}"
            far = ""
        else:
            body = _arrow(label, width - 1, rightward)
            arrow = f"{body}▶" if rightward else f"◀{body}"
            far = "under way" if packet.arrived is None else clock_text(packet.arrived)
        near = clock_text(packet.sent)
        first, last = (near, far) if rightward else (far, near)
        row = Text(no_wrap=True, overflow="ignore")
        row.append(f"{first:>{_TIME_WIDTH}} │")
        row.append(arrow, style=style)
        row.append(f"│ {last}".rstrip())
        return row


def clock_text(nanoseconds: int) -> str:
    """Virtual time in seconds to the microsecond: ``0.110000``."""
    return f"{nanoseconds // 1_000_000_000}.{nanoseconds // 1_000 % 1_000_000:06d}"


def _arrow(label: str, length: int, rightward: bool) -> str:
    if len(label) > length - 2:
        label = label[: max(0, length - 3)] + "…"
    rest = length - len(label)
    before = rest // 2
    return "─" * before + label + "─" * (rest - before)


def _style(packet: PacketStory) -> str:
    if packet.lost:
        return _LOST
    if packet.again:
        return _AGAIN
    if packet.carries_data:
        return _DATA
    return _HANDSHAKE if "SYN" in packet.label or "FIN" in packet.label else _PLAIN
