"""SO_TIMESTAMPING of what is sent: each write's last byte is watched on its way."""

from __future__ import annotations

from .error_queue import (
    ENOMSG,
    OPT_ID,
    OPT_ID_TCP,
    OPT_STATS,
    OPT_TSONLY,
    ORIGIN_TIMESTAMPING,
    STAMP_ACK,
    STAMP_SCHED,
    STAMP_SND,
    TX_ACK,
    TX_SCHED,
    TX_SOFTWARE,
    queue_error,
)
from .records import QueuedError, WriteStamp
from .stamp_stats import stats
from .state import MASK32
from .tcb import Tcb


def set_timestamping(tcb: Tcb, bits: int) -> None:
    """SO_TIMESTAMPING. Keys count from here when OPT_ID comes on: from the first byte not acknowledged,
    or with OPT_ID_TCP from the next one written."""
    if bits & OPT_ID and not tcb.timestamping & OPT_ID:
        tcb.stamp_base = tcb.write_seq if bits & OPT_ID_TCP else tcb.snd_una
    tcb.timestamping = bits


def stamp_write(tcb: Tcb, bits: int) -> None:
    """A write ended: tell when its last byte passes the points ``bits`` name (``tcp_tx_timestamp``)."""
    stamps = tcb.write_stamps
    last = tcb.write_seq - 1
    if stamps and stamps[-1].last >= tcb.snd_nxt:
        runs = tcb.runs
        start = tcb.snd_nxt if len(runs) < 2 else runs[-2] >> 2
        if stamps[-1].last >= start:
            # Both writes are one burst, which has room for one mark.
            del stamps[-1]
    stamps.append(WriteStamp(last, bits))
    if last < tcb.snd_nxt:
        report_sent(tcb)


def report_sent(tcb: Tcb) -> None:
    """SND.NXT moved: report what left."""
    for stamp in tcb.write_stamps:
        if stamp.sent or stamp.last >= tcb.snd_nxt:
            continue
        stamp.sent = True
        stamp.sent_at = tcb.clock.now
        unsent = max(tcb.write_seq - tcb.snd_nxt, 0)
        if tcb.rtx:
            stamp.data = tcb.rtx[-1].data
            # Linux looks before the segment counts as sent.
            unsent = tcb.write_seq - tcb.rtx[-1].seq
        if stamp.bits & TX_SCHED:
            _report(tcb, stamp, STAMP_SCHED, unsent, -1)
        if stamp.bits & TX_SOFTWARE:
            _report(tcb, stamp, STAMP_SND, unsent, -1)


def report_acked(tcb: Tcb, end: int) -> None:
    """What was sent up to ``end`` is acknowledged: report what arrived."""
    stamps = tcb.write_stamps
    while stamps and stamps[0].last < end:
        if stamps[0].bits & TX_ACK:
            unsent = max(tcb.write_seq - tcb.snd_nxt, 0)
            _report(tcb, stamps[0], STAMP_ACK, unsent, tcb.ack_ttl)
        del stamps[0]


def _report(tcb: Tcb, stamp: WriteStamp, kind: int, unsent: int, ttl: int) -> None:
    entry = QueuedError(ENOMSG, ORIGIN_TIMESTAMPING)
    entry.info = kind
    if tcb.timestamping & OPT_ID:
        entry.key = (stamp.last - tcb.stamp_base) & MASK32
    if not tcb.timestamping & OPT_TSONLY:
        # Linux gives the packet as it passed that point; the headers below TCP are not ours to show.
        entry.data = stamp.data
    elif tcb.timestamping & OPT_STATS:
        entry.data = stats(tcb, unsent, stamp.sent_at, ttl)
        entry.has_stats = True
    entry.time = tcb.clock.now
    queue_error(tcb, entry)
