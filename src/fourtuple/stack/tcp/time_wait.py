"""TIME-WAIT (RFC 9293 §3.6.1, §3.10.7.4): a small record that answers for a connection that is over.

It also stands for an orphan in FIN-WAIT-2, whose only task left is to wait for the peer's FIN.
"""

from __future__ import annotations

from typing import Final

from ...clock.timers import Timer
from ...ports.endpoint import Endpoint
from ...ports.timewait import TimeWaitOwner
from ...wire.ip import PROTOCOL_TCP, IpPacket
from ...wire.tcp import ACK, FIN, RST, SYN, TcpSegment
from ...wire.tcp_options import TcpOptions
from .seqwindow import in_window, may_loop
from .state import FIN_WAIT_2, MASK32, MS, OPT_TIMESTAMPS, TIME_WAIT, TIME_WAIT_LENGTH
from .tcb import Tcb, TcpLayer

# What segment_arrives() decides.
DEALT_WITH: Final = 0
RESET: Final = 1
"""Answer with RST."""
REOPEN: Final = 2
"""A SYN that may begin a new connection: give it to a listener."""


class TimeWait(TimeWaitOwner):
    """What has to be known of a connection in TIME-WAIT, its timer included."""

    __slots__ = (
        "dont_fragment",
        "endpoint",
        "entered_at",
        "last_oow_ack",
        "layer",
        "rcv_nxt",
        "rcv_wnd",
        "rcv_wscale",
        "snd_nxt",
        "timer",
        "tos",
        "ts_offset",
        "ts_recent",
        "ts_recent_at",
        "ttl",
    )

    def __init__(self, layer: TcpLayer, endpoint: Endpoint, tcb: Tcb, substate: int) -> None:
        super().__init__()
        self.layer = layer
        self.endpoint = endpoint
        self.substate = substate
        self.timestamps = tcb.options_on & OPT_TIMESTAMPS != 0
        self.rcv_nxt: int = tcb.rcv_nxt
        self.snd_nxt: int = tcb.snd_nxt
        self.rcv_wnd: int = tcb.receive_window()
        self.rcv_wscale: int = tcb.rcv_wscale
        self.ts_recent: int = tcb.ts_recent
        self.ts_recent_at: int = tcb.ts_recent_at
        self.ts_offset: int = tcb.ts_offset
        self.tos: int = tcb.tos
        self.ttl: int = tcb.ttl
        self.dont_fragment: bool = tcb.sets_df()
        self.entered_at: int = layer.clock.now
        self.last_oow_ack: int = -1
        self.timer: _Expiry = _Expiry(self)

    def age(self) -> int:
        return self.layer.clock.now - self.entered_at

    def taken_over(self, by: Endpoint) -> None:
        """connect() reuses the four-tuple: the new connection goes on from here (RFC 6191).

        Its sequence numbers begin above all of ours, and its timestamps have to be newer.
        """
        self.forget()
        tcb = by.owner
        if isinstance(tcb, Tcb):
            # 65535 is the largest unscaled window, 2 for SYN and FIN.
            tcb.iss = (self.snd_nxt + 65535 + 2) & MASK32 or 1
            if self.timestamps:
                tcb.ts_recent = self.ts_recent
                tcb.ts_recent_at = self.ts_recent_at
        self.layer.counters.tw_reused += 1

    def forget(self) -> None:
        """Out of the tables already: stop the clock."""
        self.timer.cancel()
        self.layer.time_waits -= 1

    def remove(self) -> None:
        """The end of TIME-WAIT: the four-tuple is free."""
        self.layer.tables.remove(self.endpoint)
        self.forget()

    def segment_arrives(self, packet: IpPacket, segment: TcpSegment) -> int:
        """RFC 9293 §3.10.7.4 for TIME-WAIT, with RFC 6191's reopening and RFC 1337's advice by
        tcp_rfc1337; returns one of the decisions above."""
        flags = segment.flags
        seq = self.rcv_nxt + (((segment.seq - self.rcv_nxt + 0x8000_0000) & MASK32) - 0x8000_0000)
        end = seq + segment.seq_length()
        options = segment.options
        stamped = self.timestamps and options is not None and options.timestamps
        older = False
        newer = False
        if stamped and options is not None and self.ts_recent_at >= 0:
            behind = (self.ts_recent - options.ts_val) & MASK32
            older = 1 < behind < 0x8000_0000 and not flags & RST
            newer = behind >= 0x8000_0000
        if self.substate == FIN_WAIT_2:
            return self._awaiting_fin(segment, options if stamped else None, seq, end, older)
        if not older and seq == self.rcv_nxt and (seq == end or flags & RST):
            if flags & RST:
                if not self.layer.sysctl.tcp_rfc1337:
                    self.remove()
                    self.layer.counters.tw_killed += 1
                return DEALT_WITH
            self.timer.arm(TIME_WAIT_LENGTH)
            if stamped and options is not None:
                self._take_timestamp(options.ts_val)
            return DEALT_WITH
        if flags & (SYN | RST | ACK) == SYN and not older and (seq > self.rcv_nxt or newer):
            return REOPEN
        if older:
            self.layer.counters.paws_tw_rejected += 1
        if not flags & RST:
            if older or flags & ACK:
                self.timer.arm(TIME_WAIT_LENGTH)
            self._answer_unacceptable(segment)
        return DEALT_WITH

    def refuse_reopening(self, segment: TcpSegment) -> None:
        """Nobody listens for the SYN that might have reopened it."""
        self._answer_unacceptable(segment)

    def _awaiting_fin(
        self, segment: TcpSegment, options: TcpOptions | None, seq: int, end: int, older: bool
    ) -> int:
        flags = segment.flags
        if older or not in_window(seq, end, self.rcv_nxt, self.rcv_nxt + self.rcv_wnd):
            if not flags & RST:
                self._answer_unacceptable(segment)
            return DEALT_WITH
        if flags & RST:
            self.remove()
            return DEALT_WITH
        if flags & SYN and seq >= self.rcv_nxt:
            return RESET
        if not flags & ACK or end <= self.rcv_nxt or end == seq:
            return DEALT_WITH
        if not flags & FIN or end != self.rcv_nxt + 1:
            # Data nobody will read.
            self.remove()
            return RESET
        self.substate = TIME_WAIT
        self.endpoint.state = TIME_WAIT
        self.entered_at = self.layer.clock.now
        self.rcv_nxt = end
        if options is not None:
            self._take_timestamp(options.ts_val)
        self.timer.arm(TIME_WAIT_LENGTH)
        self._send_ack()
        return DEALT_WITH

    def _take_timestamp(self, value: int) -> None:
        self.ts_recent = value
        self.ts_recent_at = self.layer.clock.now

    def _answer_unacceptable(self, segment: TcpSegment) -> None:
        if not may_loop(segment):
            self._send_ack()
            return
        now = self.layer.clock.now
        limit = self.layer.sysctl.tcp_invalid_ratelimit
        if self.last_oow_ack >= 0 and now - self.last_oow_ack < limit:
            self.layer.counters.ack_skipped += 1
            return
        self.last_oow_ack = now
        self._send_ack()

    def _send_ack(self) -> None:
        endpoint = self.endpoint
        options: TcpOptions | None = None
        if self.timestamps:
            options = TcpOptions()
            options.timestamps = True
            options.ts_val = (self.layer.clock.now // MS + self.ts_offset) & MASK32
            options.ts_ecr = self.ts_recent
        segment = TcpSegment(
            endpoint.local_port,
            endpoint.peer_port,
            self.snd_nxt & MASK32,
            self.rcv_nxt & MASK32,
            ACK,
            min(self.rcv_wnd >> self.rcv_wscale, 65535),
            b"",
            options,
        )
        segment.origin = endpoint
        self.layer.counters.out_segs += 1
        self.layer.ip.send(
            endpoint.local,
            endpoint.peer,
            PROTOCOL_TCP,
            segment,
            self.tos,
            self.ttl,
            self.dont_fragment,
            endpoint.device,
        )


class _Expiry(Timer):
    __slots__ = ("time_wait",)

    def __init__(self, time_wait: TimeWait) -> None:
        super().__init__(time_wait.layer.clock)
        self.time_wait = time_wait

    def expired(self) -> None:
        self.time_wait.layer.counters.tw += 1
        self.time_wait.remove()
