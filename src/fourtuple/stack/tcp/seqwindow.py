"""Sequence checks: of connections that are only a record, not yet open or over; and whom to answer always."""

from __future__ import annotations

from ...wire.tcp import SYN, TcpSegment


def in_window(seq: int, end: int, left: int, right: int) -> bool:
    """RFC 9293 §3.10.7.4's four cases: whether seq..end has something in left..right, all unwrapped.
    (``tcp_in_window``)

    Stricter than the check of connections: what ends at ``left`` is old, and wants an ACK.
    """
    return seq == left or (end > left and seq < right) or seq == right == end


def may_loop(segment: TcpSegment) -> bool:
    """Whether the answer to an unacceptable segment might be answered in turn, without end, so that it has
    to be rate-limited: not if it has text or FIN (``tcp_oow_rate_limited``)."""
    return segment.seq_length() == 0 or segment.flags & SYN != 0
