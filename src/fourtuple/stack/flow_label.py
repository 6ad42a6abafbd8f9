"""IPv6 flow labels (RFC 6437): which one a packet gets (``ip6_make_flowlabel``)."""

from __future__ import annotations

from typing import Final

from ..wire.ipv6 import Ipv6Packet
from ..wire.packet import Payload
from ..wire.tcp import TcpSegment
from ..wire.udp import UdpDatagram
from .siphash import siphash
from .sysctl import Sysctl

# Instead of a label: what the sender asks for.
LABEL_DEFAULT: Final = -1
"""As net.ipv6.auto_flowlabels says."""
LABEL_WANTED: Final = -2
"""IPV6_AUTOFLOWLABEL is on."""
LABEL_UNWANTED: Final = -3
"""IPV6_AUTOFLOWLABEL is off."""

# net.ipv6.auto_flowlabels
_OFF: Final = 0
_UNLESS_UNWANTED: Final = 1
_IF_WANTED: Final = 2
_MOST_KEPT: Final = 4096


class FlowLabels:
    """The labels one host gives: a keyed hash of addresses, protocol and ports."""

    def __init__(self, sysctl: Sysctl, secret: bytes) -> None:
        self.sysctl = sysctl
        self.secret = secret
        self._known: dict[int, int] = {}

    def automatic(self, asked: int) -> bool:
        """Whether packets of a sender that asks for LABEL_* get a label."""
        mode = self.sysctl.ipv6_auto_flowlabels
        if mode == _OFF:
            return False
        if mode == _UNLESS_UNWANTED:
            return asked != LABEL_UNWANTED
        return mode != _IF_WANTED or asked == LABEL_WANTED

    def label_for(self, packet: Ipv6Packet, asked: int, salt: int) -> int:
        """The label of ``packet``: ``asked`` itself if it is one, else a hash or 0. With another ``salt``
        the same flow has another label."""
        if asked > 0:
            return asked
        if asked == 0:
            asked = LABEL_DEFAULT
        if not self.automatic(asked):
            return 0
        ports = _ports(packet.payload)
        flow = (packet.source << 128 | packet.destination) << 72 | ports << 40 | packet.protocol << 32 | salt
        label = self._known.get(flow)
        if label is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            label = int.from_bytes(siphash(self.secret, flow.to_bytes(41, "big")), "little") & 0xFFFFF
            self._known[flow] = label
        return label


def _ports(payload: Payload) -> int:
    if isinstance(payload, TcpSegment):
        return payload.source_port << 16 | payload.destination_port
    if isinstance(payload, UdpDatagram):
        return payload.source_port << 16 | payload.destination_port
    return 0
