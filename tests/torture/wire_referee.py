"""A referee at the wire: holds both TCPs to what RFC 9293 lets a peer see of them."""

from __future__ import annotations

from fourtuple.capture.tap import Tap, TapPoint
from fourtuple.wire.ethernet import EthernetFrame
from fourtuple.wire.ip import IpPacket
from fourtuple.wire.seqnum import seq_diff
from fourtuple.wire.tcp import ACK, FIN, RST, SYN, TcpSegment

_CARRIES = 2000
"""Segments remembered for a failure's report."""


def pattern(length: int, salt: int) -> bytes:
    """A stream in which neighbours differ and that repeats at no power of two, so misplaced bytes show."""
    block = bytes((number * 7 + salt) % 251 for number in range(251))
    return (block * (length // 251 + 1))[:length]


class Side:
    """What was seen of one end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        """All this end may ever send."""
        self.isn = -1
        self.scale = 0
        self.offers_scale = False
        self.sack = False
        self.edge = -1
        """Right edge it offered in what it sent, relative to the peer's ISN; -1 none."""
        self.sent_end = 0
        """Highest sequence number sent, relative; SYN is 0."""
        self.fin_at = -1
        self.got_end = 0
        """What of the peer's numbers has been delivered to it at most."""
        self.got_edge = -1
        """Right edge the peer offered in what was delivered to it."""
        self.acked = 0
        self.last_ts = -1
        self.reset = False


class Referee(Tap):
    """Watches one connection between ``client`` and ``server``, whose streams are known."""

    def __init__(self, client: bytes, server: bytes, shrinking: bool) -> None:
        self.sides = {"client": Side(client), "server": Side(server)}
        self.shrinking = shrinking
        """Windows may be taken back: tcp_shrink_window."""
        self.log: list[str] = []
        self.segments = 0
        self.disturbed = False
        """Packets are altered on the way, so what is delivered may not be what was sent."""

    def other(self, side: Side) -> Side:
        client, server = self.sides.values()
        return server if side is client else client

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        side = self.sides.get(point.node)
        packet = frame.payload
        if side is None or point.loopback or not isinstance(packet, IpPacket):
            return
        segment = packet.payload
        if not isinstance(segment, TcpSegment):
            return
        self.segments += 1
        if len(self.log) < _CARRIES:
            self.log.append(f"{now / 1e9:.6f} {point.node} {segment!r}")
        self._judge(side, segment)

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        side = self.sides.get(point.node)
        packet = frame.payload
        if side is None or point.loopback or not isinstance(packet, IpPacket):
            return
        segment = packet.payload
        if not isinstance(segment, TcpSegment):
            return
        peer = self.other(side)
        flags = segment.flags
        if flags & SYN and not flags & RST:
            side.got_end = max(side.got_end, 1)
        if peer.isn >= 0 and not flags & RST:
            end = self._relative(peer, segment.seq) + segment.seq_length()
            side.got_end = max(side.got_end, end)
        if flags & ACK and side.isn >= 0 and not flags & RST:
            window = segment.window << (0 if flags & SYN else peer.scale)
            edge = self._relative(side, segment.ack) + window
            side.got_edge = max(side.got_edge, edge)
        elif flags & SYN:
            # The window of a bare SYN counts from our first number.
            side.got_edge = max(side.got_edge, 1 + segment.window)

    def _relative(self, side: Side, number: int) -> int:
        near = side.sent_end
        return near + seq_diff(number, (side.isn + near) & 0xFFFF_FFFF)

    def _judge(self, side: Side, segment: TcpSegment) -> None:
        flags = segment.flags
        peer = self.other(side)
        if flags & SYN:
            self._syn(side, peer, segment)
        if flags & RST:
            side.reset = True
            return
        assert side.isn >= 0, "a segment before any SYN"
        seq = self._relative(side, segment.seq)
        data = segment.payload
        end = seq + segment.seq_length()
        assert seq >= 0
        if flags & SYN:
            assert seq == 0
        elif data:
            assert seq >= 1
            assert data == side.data[seq - 1 : seq - 1 + len(data)], "bytes that were never written there"
        if flags & FIN:
            assert side.fin_at in (-1, end), "FIN moved"
            side.fin_at = end
        assert side.fin_at < 0 or end <= side.fin_at, "data beyond FIN"
        if end > side.sent_end:
            if not flags & SYN:
                assert end <= side.got_edge, f"sent up to {end}, beyond the offered edge {side.got_edge}"
            side.sent_end = end
        options = segment.options
        if options is not None and options.timestamps and not flags & SYN:
            # A SYN cookie keeps options in the low bits of its timestamp.
            ts = options.ts_val
            assert side.last_ts < 0 or seq_diff(ts, side.last_ts) >= 0, "timestamps run backwards"
            side.last_ts = ts
        if flags & ACK and peer.isn >= 0:
            self._ack(side, peer, segment)

    def _syn(self, side: Side, peer: Side, segment: TcpSegment) -> None:
        # A SYN cookie is made anew for each SYN, and another minute's is another number.
        fresh_cookie = segment.flags & ACK and side.sent_end <= 1
        assert side.isn in (-1, segment.seq) or fresh_cookie, "another initial sequence number"
        side.isn = segment.seq
        options = segment.options
        side.offers_scale = options is not None and options.wscale >= 0
        side.sack = options is not None and options.sack_permitted
        if options is not None:
            side.scale = max(options.wscale, 0)
        if peer.isn >= 0 and not (side.offers_scale and peer.offers_scale):
            side.scale = peer.scale = 0

    def _ack(self, side: Side, peer: Side, segment: TcpSegment) -> None:
        ack = self._relative(peer, segment.ack)
        assert ack <= side.got_end, f"acknowledged {ack}, but only {side.got_end} arrived"
        assert ack >= side.acked, "the ACK moved back"
        side.acked = ack
        scale = 0 if segment.flags & SYN else side.scale
        edge = ack + (segment.window << scale)
        # A buffer made smaller has no room for what was promised: the window is closed (tcp_select_window).
        if not self.shrinking and edge < side.edge and segment.window:
            # With a scale of its own the SYN's window, which is not scaled, is rounded down.
            assert side.edge - edge < 1 << side.scale, f"the offered edge moved from {side.edge} to {edge}"
        side.edge = max(edge, side.edge) if segment.window else edge
        options = segment.options
        if options is None:
            return
        for left, right in options.sack:
            start, stop = self._relative(peer, left), self._relative(peer, right)
            assert start < stop
            assert stop <= side.got_end, "a SACK of what did not arrive"
            assert side.sack
            assert peer.sack
