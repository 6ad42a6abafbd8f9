"""What must hold of a TCB between any two events, whatever the network and its user did."""

from __future__ import annotations

from itertools import pairwise

from fourtuple.stack.tcp.records import MARK_LOST, MARK_RETRANSMITTED, MARK_SACKED
from fourtuple.stack.tcp.state import (
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    OPT_SACK,
    SYN_RECV,
    SYN_SENT,
    TIMER_LOSS_PROBE,
    TIMER_NONE,
    TIMER_PROBE,
    TIMER_REORDER,
    TIMER_RETRANSMIT,
)
from fourtuple.stack.tcp.tcb import Tcb

STATE_NAMES = {
    CLOSE: "CLOSED",
    LISTEN: "LISTEN",
    SYN_SENT: "SYN-SENT",
    SYN_RECV: "SYN-RECEIVED",
    ESTABLISHED: "ESTABLISHED",
    FIN_WAIT_1: "FIN-WAIT-1",
    FIN_WAIT_2: "FIN-WAIT-2",
    CLOSING: "CLOSING",
    CLOSE_WAIT: "CLOSE-WAIT",
    LAST_ACK: "LAST-ACK",
}

# RFC 9293 figure 5. TIME-WAIT is a record of its own, so a TCB that goes there is CLOSED. A RST, a
# timeout or an abort leads to CLOSED from everywhere.
_EDGES = {
    CLOSE: {SYN_SENT, LISTEN},
    LISTEN: {CLOSE, SYN_SENT},
    SYN_SENT: {ESTABLISHED, SYN_RECV, CLOSE},
    SYN_RECV: {ESTABLISHED, FIN_WAIT_1, CLOSE},
    ESTABLISHED: {FIN_WAIT_1, CLOSE_WAIT, CLOSE},
    CLOSE_WAIT: {LAST_ACK, CLOSE},
    FIN_WAIT_1: {FIN_WAIT_2, CLOSING, CLOSE},
    FIN_WAIT_2: {CLOSE},
    CLOSING: {CLOSE},
    LAST_ACK: {CLOSE},
}


def _reachable(state: int, steps: int) -> set[int]:
    """States that up to ``steps`` transitions lead to: one segment may cause several."""
    found = {state}
    for _ in range(steps):
        for one in list(found):
            if one != CLOSE or one == state:
                found |= _EDGES[one]
    return found


_ALLOWED = {state: _reachable(state, 3) for state in _EDGES}


def verify(tcb: Tcb) -> None:
    """The accounting of one TCB agrees with its queues, and its timers with what it waits for."""
    in_flight = tcb.rtx[tcb.rtx_head :]
    assert tcb.packets_out == len(in_flight)
    assert tcb.lost_out == sum(1 for sent in in_flight if sent.marks & MARK_LOST)
    assert tcb.retrans_out == sum(1 for sent in in_flight if sent.marks & MARK_RETRANSMITTED)
    if tcb.options_on & OPT_SACK:
        assert tcb.sacked_out == sum(1 for sent in in_flight if sent.marks & MARK_SACKED)
    assert not any(sent.marks & MARK_SACKED and sent.marks & MARK_LOST for sent in in_flight)
    assert 0 <= tcb.sacked_out + tcb.lost_out <= tcb.packets_out
    assert tcb.in_flight() >= 0
    assert tcb.cwnd >= 1
    assert tcb.ssthresh >= 2 or tcb.endpoint.state == CLOSE
    state = tcb.endpoint.state
    if state != CLOSE:
        assert tcb.snd_una <= tcb.snd_nxt <= tcb.write_seq
    if in_flight:
        assert in_flight[0].seq <= tcb.snd_una < in_flight[0].end
        assert in_flight[-1].end == tcb.snd_nxt
        assert all(a.end == b.seq for a, b in pairwise(in_flight))
    else:
        assert state in (CLOSE, LISTEN) or tcb.snd_una == tcb.snd_nxt
    for sent in in_flight:
        extra = (1 if sent.flags & 2 else 0) + (1 if sent.flags & 1 else 0)
        assert sent.end - sent.seq == len(sent.data) + extra
    waiting = sum(len(chunk) for chunk in tcb.chunks[tcb.chunk_index :]) - tcb.chunk_offset
    assert tcb.unsent == waiting
    runs = tcb.runs
    if tcb.unsent:
        assert runs[-1] >> 2 == tcb.snd_nxt + tcb.unsent
        assert all(a >> 2 < b >> 2 for a, b in pairwise(runs))
    else:
        assert not runs
    assert tcb.received_bytes == sum(map(len, tcb.received[tcb.received_index :])) - tcb.received_offset
    assert tcb.ooo_bytes == sum(len(piece.data) for piece in tcb.ooo)
    held = tcb.held.marks[tcb.held.index :]
    assert tcb.rmem == sum(held[1::2]) + sum(piece.cost for piece in tcb.ooo)
    if tcb.received_bytes and state not in (CLOSE, LISTEN):
        assert tcb.held.start <= tcb.copied_seq < held[0]
        assert held[0::2] == sorted(set(held[0::2]))
        assert held[-2] - tcb.copied_seq == tcb.received_bytes
    assert tcb.pages * 4096 >= tcb.rmem or not tcb.rmem
    assert all(len(piece.data) == piece.end - piece.seq for piece in tcb.ooo)
    assert all(a.end <= b.seq for a, b in pairwise(tcb.ooo))
    assert not tcb.ooo or tcb.ooo[0].seq > tcb.rcv_nxt
    linked = []
    sent_last = tcb.oldest_sent
    while sent_last is not None:
        linked.append(sent_last)
        sent_last = sent_last.newer
    assert all(a.sent_at <= b.sent_at for a, b in pairwise(linked))
    # RACK's list holds what is in flight and not sacked.
    assert len(linked) <= tcb.packets_out
    _verify_timers(tcb)


def _verify_timers(tcb: Tcb) -> None:
    state = tcb.endpoint.state
    if state in (CLOSE, LISTEN):
        assert tcb.deadline < 0
        return
    earliest = tcb.earliest_deadline()
    if earliest >= 0:
        assert 0 <= tcb.deadline <= earliest, "a deadline nobody waits for"
    assert (tcb.retransmit_at >= 0) == (tcb.pending != TIMER_NONE)
    if tcb.packets_out:
        assert tcb.pending in (TIMER_RETRANSMIT, TIMER_LOSS_PROBE, TIMER_REORDER)
    else:
        assert tcb.pending in (TIMER_NONE, TIMER_PROBE)
        if tcb.unsent or (tcb.fin_queued and not tcb.fin_sent):
            assert tcb.pending == TIMER_PROBE, "data waits and no timer runs"
    assert tcb.rto <= tcb.layer.sysctl.tcp_rto_max_ms * 1_000_000


def verify_released(tcb: Tcb) -> None:
    """A connection that is over keeps no memory and no timer."""
    assert tcb.endpoint.state == CLOSE
    assert not tcb.rtx
    assert not tcb.ooo
    assert tcb.oldest_sent is None
    assert not tcb.destroyed or tcb.rmem == tcb.pages == 0
    assert tcb.packets_out == tcb.unsent == tcb.ooo_bytes == 0
    assert tcb.deadline < 0


class Watch:
    """Follows one TCB from event to event: what may only grow grows, and states change as RFC 9293 draws."""

    def __init__(self, tcb: Tcb) -> None:
        self.tcb = tcb
        self.state = tcb.endpoint.state
        self.path = [self.state]
        self._remember()

    def _remember(self) -> None:
        tcb = self.tcb
        self.iss = tcb.iss
        self.snd_una = tcb.snd_una
        self.snd_nxt = tcb.snd_nxt
        self.rcv_nxt = tcb.rcv_nxt
        self.edge = tcb.rcv_wup + tcb.rcv_wnd
        self.copied = tcb.copied_seq
        self.delivered = tcb.delivered

    def check(self) -> None:
        tcb = self.tcb
        state = tcb.endpoint.state
        if state != self.state:
            assert state in _ALLOWED[self.state], f"{STATE_NAMES[self.state]} went to {STATE_NAMES[state]}"
            self.state = state
            self.path.append(state)
        if tcb.iss == self.iss and self.rcv_nxt and state != CLOSE:
            assert tcb.snd_una >= self.snd_una
            assert tcb.snd_nxt >= self.snd_nxt
            assert tcb.rcv_nxt >= self.rcv_nxt
            assert tcb.copied_seq >= self.copied
            assert tcb.delivered >= self.delivered
            # Without memory to keep what came the window is closed at once, as in Linux.
            closed = tcb.rcv_wnd == 0 and tcb.layer.counters.prune_called
            if not tcb.layer.sysctl.tcp_shrink_window and not closed:
                assert tcb.rcv_wup + tcb.rcv_wnd >= self.edge, "the offered right edge moved left"
        verify(tcb)
        self._remember()
