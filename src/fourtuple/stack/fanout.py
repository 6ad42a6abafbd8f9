"""Groups of packet sockets that share the frames of one hook (PACKET_FANOUT; ``packet_rcv_fanout``)."""

from __future__ import annotations

from errno import EALREADY, EINVAL
from typing import Final

from ..clock.streams import Stream
from .frame_socket import FrameSocket
from .frame_tap import PACKET_OUTGOING, FrameListener, FrameTaps, TappedFrame
from .siphash import siphash

FANOUT_HASH: Final = 0
FANOUT_LB: Final = 1
FANOUT_CPU: Final = 2
FANOUT_ROLLOVER: Final = 3
FANOUT_RND: Final = 4
FANOUT_QM: Final = 5
FLAG_ROLLOVER: Final = 0x10
FLAG_IGNORE_OUTGOING: Final = 0x40
_FLAGS: Final = FLAG_ROLLOVER | FLAG_IGNORE_OUTGOING

_ETHERTYPE_IPV4: Final = 0x0800
_ETHERTYPE_IPV6: Final = 0x86DD
_WITH_PORTS: Final = (6, 17, 136)


class FanoutGroup(FrameListener):
    """Its members in the order they joined; each frame goes to one of them."""

    def __init__(self, number: int, kind: int, flags: int, first: FrameSocket) -> None:
        self.number = number
        self.kind = kind
        self.flags = flags
        self.protocol = first.protocol
        self.ifindex = first.ifindex
        self.secret: bytes = first.ip.secret
        self.stream: Stream = first.ip.stream
        self.members: list[FrameSocket] = []
        self._turn: int = 0

    def wants(self, ethertype: int, ifindex: int, pkttype: int) -> bool:
        if self.flags & FLAG_IGNORE_OUTGOING and pkttype == PACKET_OUTGOING:
            return False
        return self.members[0].wants(ethertype, ifindex, pkttype)

    def includes(self, sender: FrameListener) -> bool:
        return sender in self.members

    def seen(self, frame: TappedFrame) -> None:
        at = self._choose(frame)
        if (self.kind == FANOUT_ROLLOVER or self.flags & FLAG_ROLLOVER) and self.members[at].is_full():
            count = len(self.members)
            for step in range(1, count):
                if not self.members[(at + step) % count].is_full():
                    at = (at + step) % count
                    break
        self.members[at].seen(frame)

    def _choose(self, frame: TappedFrame) -> int:
        count = len(self.members)
        if self.kind == FANOUT_HASH:
            found = siphash(self.secret, flow_of(frame))
            return int.from_bytes(found[:4], "little") * count >> 32
        if self.kind == FANOUT_LB:
            self._turn += 1
            return self._turn % count
        if self.kind == FANOUT_RND:
            return self.stream.below(count)
        # There is one CPU, and interfaces have one queue.
        return 0

    def interface_down(self, ifindex: int) -> None:
        for member in self.members:
            member.interface_down(ifindex)


class FanoutGroups:
    """The groups of one host, by number."""

    def __init__(self, taps: FrameTaps) -> None:
        self.taps = taps
        self._groups: dict[int, FanoutGroup] = {}

    def join(self, socket: FrameSocket, number: int, kind: int, flags: int) -> int:
        """Let ``socket`` be one of group ``number``; 0, EINVAL (another kind, hook, a kind that is not
        there), EALREADY."""
        if not FANOUT_HASH <= kind <= FANOUT_QM or flags & ~_FLAGS:
            return EINVAL
        if self.group_of(socket) is not None:
            return EALREADY
        if socket.protocol == 0:
            return EINVAL
        group = self._groups.get(number)
        if group is None:
            group = FanoutGroup(number, kind, flags, socket)
            self._groups[number] = group
        elif (group.kind, group.flags, group.protocol, group.ifindex) != (
            kind,
            flags,
            socket.protocol,
            socket.ifindex,
        ):
            return EINVAL
        self.taps.remove(socket)
        group.members.append(socket)
        if len(group.members) == 1:
            self.taps.add(group)
        return 0

    def leave(self, socket: FrameSocket) -> None:
        """The socket is closed; the last of the group takes its place (``__fanout_unlink``)."""
        group = self.group_of(socket)
        if group is None:
            return
        at = group.members.index(socket)
        last = group.members.pop()
        if last is not socket:
            group.members[at] = last
        if not group.members:
            self.taps.remove(group)
            del self._groups[group.number]

    def group_of(self, socket: FrameSocket) -> FanoutGroup | None:
        for group in self._groups.values():
            if socket in group.members:
                return group
        return None


def flow_of(frame: TappedFrame) -> bytes:
    """What tells the flow of a frame from others, both ways alike (``__skb_get_hash_symmetric``)."""
    data = frame.packet()
    if frame.ethertype == _ETHERTYPE_IPV4 and len(data) >= 20:
        protocol, ends, at = data[9], (data[12:16], data[16:20]), (data[0] & 15) << 2
        # No piece of a datagram shows ports, so that all of them go one way.
        whole = (data[6] << 8 | data[7]) & 0x3FFF == 0
    elif frame.ethertype == _ETHERTYPE_IPV6 and len(data) >= 40:
        protocol, ends, at, whole = data[6], (data[8:24], data[24:40]), 40, True
    else:
        return frame.ethertype.to_bytes(2, "big")
    low, high = sorted(ends)
    flow = bytes((protocol,)) + low + high
    if whole and protocol in _WITH_PORTS and len(data) >= at + 4:
        first, second = sorted((data[at : at + 2], data[at + 2 : at + 4]))
        flow += first + second
    return flow
