"""A packet socket: frames of this host's interfaces, and frames of its own (packet(7); af_packet.c)."""

from __future__ import annotations

from collections import deque
from errno import EINVAL, EMSGSIZE, ENETDOWN, ENODEV, ENOMSG, ENXIO
from typing import Final

from ..wire.address import V4_ANY
from ..wire.ethernet import HEADER_LENGTH, EthernetFrame
from ..wire.lenient import read_frame, read_frame_payload
from .base import SocketEvents
from .bpf import BpfProgram
from .datagram import ORIGIN_TIMESTAMPING, SocketError
from .datagram_socket import STAMP_KEYS, STAMP_ONLY, STAMP_SCHEDULED, STAMP_SENDING, STAMP_SOFTWARE
from .filtering import DROP, kept_of_frame
from .frame_tap import ETH_P_ALL, PACKET_OUTGOING, FrameListener, FrameTaps, TappedFrame
from .interface import Interface
from .ip_output import IpOutput
from .poll_bits import POLLERR, POLLIN, POLLOUT, POLLRDNORM, POLLWRBAND, POLLWRNORM
from .truesize import datagram_truesize

# Kinds of membership (PACKET_ADD_MEMBERSHIP).
PACKET_MR_MULTICAST: Final = 0
PACKET_MR_PROMISC: Final = 1
PACKET_MR_ALLMULTI: Final = 2
PACKET_MR_UNICAST: Final = 3

_VLAN_HEADER: Final = 4
_ETHERTYPE_VLAN: Final = 0x8100
_LEAST_ETHERTYPE: Final = 0x0600
_ETH_P_802_2: Final = 4
_READABLE: Final = POLLIN | POLLRDNORM
_WRITABLE: Final = POLLOUT | POLLWRNORM | POLLWRBAND


class QueuedFrame:
    """A frame in a receive queue, as far as the socket's filter kept it."""

    __slots__ = ("data", "frame", "length", "size")

    def __init__(self, frame: TappedFrame, data: bytes, length: int, size: int) -> None:
        self.frame = frame
        self.data = data
        self.length = length
        """Bytes it had before the filter."""
        self.size = size
        """What it charges the receive buffer with."""


class FrameMembership:
    """PACKET_ADD_MEMBERSHIP, and how often it was added."""

    __slots__ = ("address", "count", "ifindex", "kind")

    def __init__(self, ifindex: int, kind: int, address: bytes) -> None:
        self.ifindex = ifindex
        self.kind = kind
        self.address = address
        self.count: int = 1


class FrameSocket(FrameListener):
    """One packet socket. With ``raw`` (SOCK_RAW) frames have their link header, else (SOCK_DGRAM) not.

    Interfaces take every multicast, so only promiscuity changes what arrives.
    """

    def __init__(
        self, ip: IpOutput, taps: FrameTaps, raw: bool, protocol: int, events: SocketEvents | None
    ) -> None:
        self.ip = ip
        self.taps = taps
        self.raw = raw
        self.protocol: int = protocol
        """Ethertype, ETH_P_ALL, or 0 to receive nothing."""
        self.ifindex: int = 0
        """The interface bound to, 0 for all."""
        self.events = events
        self.rcvbuf: int = ip.sysctl.rmem_default
        self.filter: BpfProgram | None = None
        self.ignore_outgoing: bool = False
        self.bypass: bool = False
        """PACKET_QDISC_BYPASS: what it sends is not shown to other packet sockets."""
        self.error: int = 0
        self.rmem: int = 0
        self.packets: int = 0
        """Frames that came since the statistics were read, dropped ones too."""
        self.drops: int = 0
        self.stamps: int = 0
        """Which time stamps of what it sends it wants in its error queue: SO_TIMESTAMPING's bits."""
        self.stamp_key: int = 0
        """Number of the next frame that is stamped (SOF_TIMESTAMPING_OPT_ID)."""
        self._errors: deque[SocketError] = deque()
        self._queue: deque[QueuedFrame] = deque()
        self._memberships: list[FrameMembership] = []
        if protocol:
            taps.add(self)

    # --- binding ------------------------------------------------------------------------------

    def bind(self, ifindex: int, protocol: int) -> int:
        """Receive from this interface (0: all) and this protocol (0: as before); 0 or ENODEV."""
        interface: Interface | None = None
        if ifindex:
            interface = self.ip.paths.interface(ifindex)
            if interface is None:
                return ENODEV
        self.taps.remove(self)
        self.ifindex = ifindex
        self.protocol = protocol or self.protocol
        if self.protocol == 0:
            return 0
        if interface is None or interface.up:
            self.taps.add(self)
        else:
            self._fail(ENETDOWN)
        return 0

    def interface_down(self, ifindex: int) -> None:
        if self.ifindex == ifindex:
            self._fail(ENETDOWN)

    def _fail(self, code: int) -> None:
        self.error = code
        if self.events is not None:
            self.events.on_events(POLLERR)

    # --- receiving ----------------------------------------------------------------------------

    def wants(self, ethertype: int, ifindex: int, pkttype: int) -> bool:
        if self.ifindex and self.ifindex != ifindex:
            return False
        if self.protocol == ETH_P_ALL:
            return pkttype != PACKET_OUTGOING or not self.ignore_outgoing
        # A protocol's own hook sees what is received only.
        return pkttype != PACKET_OUTGOING and self.protocol == self._hook(ethertype)

    def _hook(self, ethertype: int) -> int:
        return ethertype if ethertype >= _LEAST_ETHERTYPE else _ETH_P_802_2

    def seen(self, frame: TappedFrame) -> None:
        data = frame.data if self.raw else frame.packet()
        length = len(data)
        if self.filter is not None:
            kept = kept_of_frame(self.filter, frame, self.raw, self.ip.stream)
            if kept == DROP:
                return
            data = data[:kept]
        self.packets += 1
        if self.is_full():
            self.drops += 1
            return
        size = datagram_truesize(len(frame.data), False, HEADER_LENGTH)
        self.rmem += size
        self._queue.append(QueuedFrame(frame, data, length, size))
        if self.events is not None:
            self.events.on_events(_READABLE)

    def is_full(self) -> bool:
        return self.rmem >= self.rcvbuf

    def receive(self, peek: bool) -> QueuedFrame | None:
        """The next frame, None if there is none. With ``peek`` it stays."""
        if not self._queue:
            return None
        if peek:
            return self._queue[0]
        found = self._queue.popleft()
        self.rmem -= found.size
        return found

    def next_size(self) -> int:
        """Bytes of the next frame (SIOCINQ), 0 if there is none."""
        return len(self._queue[0].data) if self._queue else 0

    def take_statistics(self) -> tuple[int, int]:
        """(frames, of them dropped) since this was last asked (PACKET_STATISTICS)."""
        counts = (self.packets, self.drops)
        self.packets = 0
        self.drops = 0
        return counts

    def take_error(self) -> int:
        """The pending error, which is then cleared (SO_ERROR); 0 if there is none."""
        code = self.error
        self.error = 0
        return code

    def poll(self) -> int:
        """Readiness (``datagram_poll``)."""
        mask = _WRITABLE
        if self._queue:
            mask |= _READABLE
        return mask | POLLERR if self.error or self._errors else mask

    def receive_error(self) -> SocketError | None:
        """The next entry of the error queue (MSG_ERRQUEUE): a time stamp."""
        if not self._errors:
            return None
        found = self._errors.popleft()
        self.rmem -= datagram_truesize(len(found.data), False, HEADER_LENGTH)
        return found

    # --- sending ------------------------------------------------------------------------------

    def send(self, ifindex: int, protocol: int, destination: bytes, data: bytes, stamps: int) -> int:
        """Send a frame (``raw``), or a packet to the MAC address ``destination``; 0 or an errno.

        ``stamps`` are the time stamps wanted of it, as in ``stamps``.
        ENXIO (no interface), ENETDOWN, EINVAL (no whole link header), EMSGSIZE.
        """
        interface = self.ip.paths.interface(ifindex) if ifindex else None
        if interface is None:
            return ENXIO
        if not interface.up:
            return ENETDOWN
        if self.raw:
            if len(data) > interface.mtu + HEADER_LENGTH and not _has_vlan_room(data, interface.mtu):
                return EMSGSIZE
            if len(data) < HEADER_LENGTH:
                return EINVAL
            frame = read_frame(data)
        else:
            if len(data) > interface.mtu:
                return EMSGSIZE
            mac = int.from_bytes(destination[:6].ljust(6, b"\0"), "big")
            payload = read_frame_payload(protocol, data)
            frame = EthernetFrame(mac, interface.mac, protocol, payload)
        interface.inject(frame, self, self.bypass)
        if stamps & STAMP_SENDING:
            self._stamp(frame, stamps)
        return 0

    def _stamp(self, frame: EthernetFrame, wanted: int) -> None:
        """Put the time stamps of a frame just sent into the error queue (``__skb_tstamp_tx``)."""
        data = b"" if self.stamps & STAMP_ONLY else frame.serialize()
        for flag, kind in ((STAMP_SCHEDULED, 1), (STAMP_SOFTWARE, 0)):
            # What passes the queueing discipline by is stamped by the driver alone.
            if wanted & flag == 0 or (self.bypass and flag == STAMP_SCHEDULED):
                continue
            entry = SocketError(ENOMSG, ORIGIN_TIMESTAMPING, 0, 0, kind, V4_ANY, V4_ANY, 0, data)
            entry.time = self.ip.clock.now
            if self.stamps & STAMP_KEYS:
                entry.key = self.stamp_key
            size = datagram_truesize(len(data), False, HEADER_LENGTH)
            if self.rmem + size < self.rcvbuf:
                self.rmem += size
                self._errors.append(entry)
        if self.stamps & STAMP_KEYS:
            self.stamp_key = (self.stamp_key + 1) & 0xFFFF_FFFF
        if self.events is not None:
            self.events.on_events(POLLERR)

    # --- memberships --------------------------------------------------------------------------

    def add_membership(self, ifindex: int, kind: int, address: bytes) -> int:
        """PACKET_ADD_MEMBERSHIP; 0, ENODEV, EINVAL (kind unknown, address of another length)."""
        interface = self.ip.paths.interface(ifindex)
        if interface is None:
            return ENODEV
        if len(address) > 6:
            return EINVAL
        for known in self._memberships:
            if known.ifindex == ifindex and known.kind == kind and known.address == address:
                known.count += 1
                return 0
        if not PACKET_MR_MULTICAST <= kind <= PACKET_MR_UNICAST:
            # Linux takes any other kind and does nothing.
            return 0
        if kind in (PACKET_MR_MULTICAST, PACKET_MR_UNICAST) and len(address) != 6:
            return EINVAL
        if kind in (PACKET_MR_PROMISC, PACKET_MR_UNICAST):
            interface.promiscuous += 1
        self._memberships.append(FrameMembership(ifindex, kind, address))
        return 0

    def drop_membership(self, ifindex: int, kind: int, address: bytes) -> None:
        """PACKET_DROP_MEMBERSHIP; one that was never added is no error in Linux either."""
        for known in self._memberships:
            if known.ifindex == ifindex and known.kind == kind and known.address == address:
                known.count -= 1
                if known.count == 0:
                    self._memberships.remove(known)
                    self._undo(known)
                return

    def _undo(self, membership: FrameMembership) -> None:
        interface = self.ip.paths.interface(membership.ifindex)
        if interface is not None and membership.kind in (PACKET_MR_PROMISC, PACKET_MR_UNICAST):
            interface.promiscuous -= 1

    def close(self) -> None:
        """Stop listening, and give up memberships and what was received."""
        self.taps.remove(self)
        for membership in self._memberships:
            self._undo(membership)
        self._memberships.clear()
        self._queue.clear()
        self._errors.clear()
        self.rmem = 0
        self.events = None


def _has_vlan_room(data: bytes, mtu: int) -> bool:
    """A VLAN tag may exceed the MTU (``packet_extra_vlan_len_allowed``)."""
    tagged = data[12:14] == _ETHERTYPE_VLAN.to_bytes(2, "big")
    return tagged and len(data) <= mtu + HEADER_LENGTH + _VLAN_HEADER
