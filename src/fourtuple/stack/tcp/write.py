"""New data: cutting the stream into segments, and whether the next may go out now (RFC 9293 §3.7, §3.8).

The stream not yet sent is a row of runs, Linux's unsent socket buffers: a write fills the last run up
to a size and then begins another. Bursts end with a run, and so does PSH, so runs show on the wire.
``write_out`` is the one place new data leaves from: it asks whether the congestion window, the peer's
window and Nagle's algorithm let the next burst go, in that order.
"""

from __future__ import annotations

from typing import Final

from ...wire.tcp import ACK, FIN, PSH
from . import chrono, memory, mtu_probe, pacing, rtt
from .congestion import current_ssthresh, in_reduction, is_window_limited
from .output import (
    BURST_MAX,
    burst_limit,
    current_mss,
    rearm_rto,
    schedule_loss_probe,
    transmit,
    until_user_timeout,
)
from .records import MARK_EOR, MARK_JOINED, SentSegment
from .sentlist import append_sent
from .stamps import report_sent
from .state import (
    CA_OPEN,
    CA_RECOVERY,
    CAN_SEND,
    CLOSE,
    EMSGSIZE,
    ENOBUFS,
    MS,
    NAGLE_CORK,
    NAGLE_OFF,
    NAGLE_PUSH,
    RESOURCE_PROBE_INTERVAL,
    TIMER_LOSS_PROBE,
    TIMER_NONE,
    TIMER_PROBE,
)
from .tcb import MtuSearch, Tcb
from .variables import BUFFER_COST

_MOST_DEFERRED: Final = 3
"""Without tcp_tso_win_divisor a burst of more than these segments does not wait for a larger one."""

# What _defers() finds.
_SEND: Final = 0
_DEFER: Final = 1
_DEFER_FOR_CONGESTION_WINDOW: Final = 2
_DEFER_FOR_PEER_WINDOW: Final = 3

# How much write_out() sends.
ALL: Final = 0
ONE_BURST: Final = 1
PROBE: Final = 2
"""One burst, though the congestion window is full."""

# A run is an int: its end sequence number times 4, and these bits.
_RUN_PUSH: Final = 1
_RUN_EOR: Final = 2
"""MSG_EOR: nothing may be appended."""


# What the user wrote --------------------------------------------------------------------------


def has_unsent(tcb: Tcb) -> bool:
    """Data or a FIN waits to be sent for the first time."""
    return tcb.unsent > 0 or (tcb.fin_queued and not tcb.fin_sent)


def run_size(tcb: Tcb, mss: int) -> int:
    """Bytes a run is filled up to (``tcp_xmit_size_goal``): half the peer's window at most."""
    size = BURST_MAX
    half = tcb.max_window >> 1 if tcb.max_window > 536 else tcb.max_window
    if half and size > half:
        size = max(half, 48)
    return max(size - size % mss, mss)


def _is_pushing(tcb: Tcb) -> bool:
    """So much was written since the last PSH that the peer might sit on it (RFC 9293 §3.9.1.2)."""
    return tcb.write_seq > tcb.pushed_seq + (tcb.max_window >> 1)


def _mark_push(tcb: Tcb) -> None:
    if tcb.runs:
        tcb.runs[-1] |= _RUN_PUSH
    tcb.pushed_seq = tcb.write_seq


def queue_text(tcb: Tcb, data: bytes, limit: int, low: int, more: bool, eor: bool, urgent: bool) -> int:
    """Queue as much of ``data`` as fits, sending on the way; returns the bytes taken, 0 if none fits.

    A run is begun while the send buffer holds less than ``limit`` and ``low`` bytes are unsent, and is then
    filled whatever its size, as in ``tcp_sendmsg``. ``more``: the caller will go on (MSG_MORE). ``urgent``:
    the last byte taken is urgent; what leaves on the way does not know yet which that is.
    """
    total = len(data)
    done = 0
    mss = current_mss(tcb)
    goal = run_size(tcb, mss)
    runs = tcb.runs
    if tcb.unsent == 0:
        check_idle(tcb)
    while done < total:
        room = 0
        if tcb.unsent and not runs[-1] & _RUN_EOR:
            start = tcb.snd_nxt if len(runs) == 1 else runs[-2] >> 2
            room = goal - (tcb.write_seq - start)
        if room <= 0:
            if tcb.send_memory() >= limit or tcb.unsent >= low:
                break
            if not memory.reserve(tcb, min(goal, total - done) + BUFFER_COST, True):
                memory.moderate_sndbuf(tcb)
                break
            room = goal
            if not runs:
                chrono.start(tcb, chrono.BUSY)
            runs.append(tcb.write_seq << 2)
            tcb.nagle &= ~NAGLE_PUSH
        elif not memory.reserve(tcb, min(room, total - done), True):
            memory.moderate_sndbuf(tcb)
            break
        elif done == 0:
            runs[-1] &= ~_RUN_PUSH
        count = min(room, total - done)
        tcb.chunks.append(data if count == total else data[done : done + count])
        tcb.unsent += count
        tcb.write_seq += count
        done += count
        runs[-1] = tcb.write_seq << 2 | (runs[-1] & (_RUN_PUSH | _RUN_EOR))
        if count < room or done == total:
            continue
        if _is_pushing(tcb):
            _mark_push(tcb)
            push_pending(tcb, NAGLE_PUSH)
        elif len(runs) == 1:
            write_out(tcb, NAGLE_PUSH, ONE_BURST)
    if done < total:
        tcb.no_space = True
    if done == 0:
        return 0
    if urgent:
        tcb.snd_up = tcb.write_seq
    if eor and done == total and runs:
        runs[-1] |= _RUN_EOR
    if done < total:
        _mark_push(tcb)
        push_pending(tcb, NAGLE_PUSH)
    elif more:
        if _is_pushing(tcb):
            _mark_push(tcb)
        push_pending(tcb, NAGLE_CORK)
    else:
        _mark_push(tcb)
        push_pending(tcb, tcb.nagle)
    return done


def queue_fin(tcb: Tcb) -> None:
    """The user is done sending: FIN follows the last byte."""
    tcb.fin_queued = True
    tcb.write_seq += 1
    # Until it is acknowledged there is something to send.
    chrono.start(tcb, chrono.BUSY)
    push_pending(tcb, NAGLE_OFF)


def take(tcb: Tcb, count: int) -> bytes:
    """The next ``count`` unsent bytes, off the queue."""
    chunks = tcb.chunks
    index = tcb.chunk_index
    offset = tcb.chunk_offset
    chunk = chunks[index]
    tcb.unsent -= count
    end = offset + count
    if end < len(chunk):
        tcb.chunk_offset = end
        return chunk[offset:end]
    data = chunk if offset == 0 else chunk[offset:]
    count -= len(data)
    index += 1
    offset = 0
    if count:
        parts = [data]
        while count:
            chunk = chunks[index]
            if len(chunk) > count:
                parts.append(chunk[:count])
                offset = count
                break
            parts.append(chunk)
            count -= len(chunk)
            index += 1
        data = b"".join(parts)
    if index == len(chunks):
        chunks.clear()
        index = 0
    elif index >= 32 and index * 2 >= len(chunks):
        del chunks[:index]
        index = 0
    tcb.chunk_index = index
    tcb.chunk_offset = offset
    return data


# What may go out ------------------------------------------------------------------------------


def _nagle_holds(tcb: Tcb, nagle: int) -> bool:
    """Whether a segment shorter than the MSS has to wait (RFC 9293 §3.7.4, Minshall's variant).

    It waits while an earlier short one is unacknowledged, or the user holds the cork.
    """
    if nagle & NAGLE_CORK:
        return True
    return nagle == 0 and tcb.packets_out > 0 and tcb.snd_una < tcb.snd_sml <= tcb.snd_nxt


def _put_back(tcb: Tcb, data: bytes, runs: list[int]) -> None:
    """``data``, just taken off the queue, was not sent after all; ``runs`` ended with it."""
    chunks = tcb.chunks
    index = tcb.chunk_index
    if tcb.chunk_offset:
        chunks[index] = chunks[index][tcb.chunk_offset :]
        tcb.chunk_offset = 0
    chunks.insert(index, data)
    tcb.unsent += len(data)
    tcb.runs[:0] = runs


def _send_new(tcb: Tcb, length: int, mss: int, flags: int, marks: int) -> int:
    """Send the next ``length`` unsent bytes, with FIN if they are the last and the window takes it.

    ``flags`` go out with it, but are not repeated if it is retransmitted; ``marks`` it begins with. Returns
    0, or the errno with which the layers below refused it: it then stays unsent.
    """
    seq = tcb.snd_nxt
    end = seq + length
    own = ACK
    ended: list[int] = []
    if length:
        data = take(tcb, length)
        runs = tcb.runs
        run = runs[0]
        if run >> 2 <= end:
            if run & _RUN_PUSH:
                own |= PSH
            if run & _RUN_EOR:
                marks |= MARK_EOR
            ended.append(run)
            del runs[0]
    else:
        data = b""
    fin = tcb.fin_queued and tcb.unsent == 0 and end < tcb.window_end()
    if fin:
        own |= FIN
        end += 1
    error = transmit(tcb, seq, own | flags, data)
    if error and error != EMSGSIZE:
        # What is too big counts as sent and lost: the new size will be known in a moment.
        if data:
            _put_back(tcb, data, ended)
        return error
    if fin:
        tcb.fin_sent = True
    sent = SentSegment(seq, end, data, own, tcb.clock.now)
    sent.marks = marks
    idle = tcb.packets_out == 0
    append_sent(tcb, sent)
    tcb.snd_nxt = end
    if tcb.write_stamps:
        report_sent(tcb)
    if length < mss:
        tcb.snd_sml = end
    if idle or tcb.pending == TIMER_LOSS_PROBE:
        rearm_rto(tcb)
    return 0


def _defers(tcb: Tcb, waiting: int, last: bool, usable: int, left: int, burst: int) -> int:
    """Whether a run should wait for the next ACK to let more of it go at once (``tcp_tso_should_defer`` of
    6.18); one of the numbers above. ``left``: segments the congestion window allows."""
    now = tcb.clock.now
    if tcb.ca_state >= CA_RECOVERY or now - tcb.last_sent > MS:
        return _SEND
    mss = tcb.mss
    allowed = left * mss
    limit = min(usable, allowed)
    if limit >= burst * mss or (not last and limit >= waiting):
        return _SEND
    divisor = tcb.layer.sysctl.tcp_tso_win_divisor
    if divisor:
        if limit >= min(tcb.snd_wnd, tcb.cwnd * mss) // divisor:
            return _SEND
    elif limit > _MOST_DEFERRED * mss:
        return _SEND
    if tcb.rtx_head == len(tcb.rtx):
        return _SEND
    round_trip = tcb.srtt * 125
    if tcb.rtx[tcb.rtx_head].sent_at + round_trip - now > min(round_trip >> 1, MS):
        # The next ACK is too far away.
        return _SEND
    if allowed < usable:
        if allowed <= waiting:
            return _DEFER_FOR_CONGESTION_WINDOW
    elif usable <= waiting:
        return _DEFER_FOR_PEER_WINDOW
    if last and (tcb.fin_queued or tcb.runs[0] & _RUN_EOR):
        return _SEND
    return _DEFER


def _burst_length(tcb: Tcb, waiting: int, last: bool, most: int, usable: int, nagle: int, mss: int) -> int:
    """Bytes of the next burst, of a run of ``waiting`` bytes, ``most`` allowed (``tcp_mss_split_point``).

    It may end with a short segment where the peer's window does, if Nagle does not mind.
    """
    if most <= usable and not last:
        return min(most, waiting)
    wanted = min(waiting, usable)
    if most <= wanted:
        return most
    partial = wanted % mss
    if partial and _nagle_holds(tcb, nagle):
        return wanted - partial
    return wanted


def _send_mtu_probe(tcb: Tcb, search: MtuSearch, size: int) -> bool:
    """Send the next ``size`` unsent bytes as one segment; False if they have to stay apart (MSG_EOR)."""
    end = tcb.snd_nxt + size
    runs = tcb.runs
    whole = 0
    push = 0
    while runs[whole] >> 2 < end:
        if runs[whole] & _RUN_EOR:
            return False
        if runs[whole] & _RUN_PUSH:
            push = PSH
        whole += 1
    whole_runs = runs[:whole]
    del runs[:whole]
    start = tcb.snd_nxt
    if _send_new(tcb, size, size, push, 0):
        tcb.runs[:0] = whole_runs
        return False
    mtu_probe.sent(tcb, search, start, end)
    return True


def write_out(tcb: Tcb, nagle: int, amount: int) -> bool:
    """Send what may be sent. ``nagle`` are NAGLE_* bits, ``amount`` is ALL, ONE_BURST or PROBE.

    Returns True if nothing is in flight and yet something waits: only a window probe can help.
    """
    sent = 0
    mss = current_mss(tcb)
    search = tcb.mtu_search
    if search is not None and amount == ALL:
        size = mtu_probe.wanted(tcb, search)
        if size == mtu_probe.WAIT:
            return False
        if size > 0 and _send_mtu_probe(tcb, search, size):
            sent = 1
    limited = False
    stopped = False
    largest = 0
    runs = tcb.runs
    while True:
        waiting = 0
        last = True
        if tcb.unsent:
            waiting = (runs[0] >> 2) - tcb.snd_nxt
            last = len(runs) == 1
        elif not tcb.fin_queued or tcb.fin_sent:
            break
        fin = 1 if last and tcb.fin_queued else 0
        if tcb.paced and amount != PROBE and pacing.must_wait(tcb):
            break
        left = tcb.cwnd - tcb.in_flight()
        # Two bursts a window at least, for smoother ACKs.
        quota = min(max(tcb.cwnd >> 1, 1), left)
        if left <= 0:
            if amount != PROBE:
                limited = True
                if waiting:
                    break
                # A FIN alone is no load.
            quota = 1
        usable = tcb.snd_una + tcb.snd_wnd - tcb.snd_nxt
        if waiting <= mss:
            if waiting + fin > usable:
                stopped = True
                break
            if (
                waiting < mss
                and last
                and not fin
                and not nagle & NAGLE_PUSH
                and tcb.snd_up <= tcb.snd_una
                and _nagle_holds(tcb, nagle)
            ):
                break
            if _send_new(tcb, waiting, mss, 0, 0):
                break
            sent += 1
            if tcb.paced:
                pacing.note_burst(tcb, waiting)
        else:
            if mss > usable:
                stopped = True
                break
            length = mss
            if tcb.snd_up <= tcb.snd_una:
                if largest == 0:
                    largest = burst_limit(tcb, mss)
                if amount == ALL:
                    deferred = _defers(tcb, waiting, last, usable, left, largest)
                    if deferred != _SEND:
                        limited = limited or deferred == _DEFER_FOR_CONGESTION_WINDOW
                        stopped = deferred == _DEFER_FOR_PEER_WINDOW
                        break
                most = min(quota, largest) * mss
                length = _burst_length(tcb, waiting, last, most, usable, nagle, mss)
                if length == waiting and fin and length == usable:
                    length -= length % mss or mss
            if tcb.paced:
                pacing.note_burst(tcb, length)
            flags = PSH if length > mss else 0
            joined = 0
            refused = 0
            while length > mss and not refused:
                refused = _send_new(tcb, mss, mss, 0, joined)
                if not refused:
                    joined = MARK_JOINED
                    length -= mss
                    sent += 1
            if refused or _send_new(tcb, length, mss, flags, joined):
                break
            sent += 1
        if amount != ALL:
            break
    if stopped:
        chrono.start(tcb, chrono.WINDOW_LIMITED)
    else:
        chrono.stop(tcb, chrono.WINDOW_LIMITED)
    limited = limited or tcb.in_flight() >= tcb.cwnd
    if sent or limited:
        _validate_window(tcb, limited)
    if sent:
        if in_reduction(tcb):
            tcb.prr_out += sent
        if amount != PROBE:
            schedule_loss_probe(tcb)
        return False
    return tcb.packets_out == 0 and has_unsent(tcb)


def push_pending(tcb: Tcb, nagle: int) -> None:
    """Send what waits, and see to it that something will happen if nothing can go."""
    if tcb.unsent == 0 and not (tcb.fin_queued and not tcb.fin_sent):
        return
    if tcb.endpoint.state == CLOSE:
        return
    if write_out(tcb, nagle, ALL) and tcb.packets_out == 0 and tcb.pending == TIMER_NONE:
        tcb.set_retransmit(TIMER_PROBE, rtt.probe_base(tcb))


# Congestion window use ------------------------------------------------------------------------


def _validate_window(tcb: Tcb, limited: bool) -> None:
    """Remember how much of the congestion window is used (RFC 7661, ``tcp_cwnd_validate``)."""
    if (
        tcb.snd_una >= tcb.usage_seq
        or limited
        or (not tcb.cwnd_limited and tcb.packets_out > tcb.max_packets_out)
    ):
        tcb.cwnd_limited = limited
        tcb.max_packets_out = tcb.packets_out
        tcb.usage_seq = tcb.snd_nxt
    now = tcb.clock.now
    if is_window_limited(tcb):
        tcb.cwnd_used = 0
        tcb.cwnd_stamp = now
        return
    if tcb.packets_out > tcb.cwnd_used:
        tcb.cwnd_used = tcb.packets_out
    if tcb.layer.sysctl.tcp_slow_start_after_idle and now - tcb.cwnd_stamp >= tcb.rto:
        _shrink_unused_window(tcb)
    if tcb.no_space and tcb.unsent == 0 and CAN_SEND >> tcb.endpoint.state & 1:
        # All is sent, the network could take more, but the user waits for room.
        chrono.start(tcb, chrono.BUFFER_LIMITED)


def _shrink_unused_window(tcb: Tcb) -> None:
    if tcb.ca_state == CA_OPEN and not tcb.no_space:
        used = max(tcb.cwnd_used, tcb.initial_cwnd)
        if used < tcb.cwnd:
            tcb.ssthresh = current_ssthresh(tcb)
            tcb.cwnd = (tcb.cwnd + used) >> 1
        tcb.cwnd_used = 0
    tcb.cwnd_stamp = tcb.clock.now


def check_idle(tcb: Tcb) -> None:
    """Before new data: after a pause longer than the RTO start slowly again (RFC 5681 §4.1)."""
    if tcb.packets_out or not tcb.layer.sysctl.tcp_slow_start_after_idle:
        return
    idle = tcb.clock.now - tcb.last_data_sent
    if idle <= tcb.rto:
        return
    tcb.ssthresh = current_ssthresh(tcb)
    restart = min(tcb.initial_cwnd, tcb.cwnd)
    cwnd = tcb.cwnd
    idle -= tcb.rto
    while idle > 0 and cwnd > restart:
        cwnd >>= 1
        idle -= tcb.rto
    tcb.cwnd = max(cwnd, restart)
    tcb.cwnd_stamp = tcb.clock.now
    tcb.cwnd_used = 0


# Window probes --------------------------------------------------------------------------------


def wake_peer(tcb: Tcb) -> int:
    """Probe a closed window, or an idle peer (``tcp_write_wakeup``); 0 or an errno.

    What fits the window is sent. If nothing does, a segment below the window makes the peer
    acknowledge and so tell its window.
    """
    if tcb.endpoint.state == CLOSE:
        return 0
    usable = tcb.snd_una + tcb.snd_wnd - tcb.snd_nxt
    if has_unsent(tcb) and usable > 0:
        mss = current_mss(tcb)
        length = 0
        if tcb.unsent:
            length = min((tcb.runs[0] >> 2) - tcb.snd_nxt, usable, mss)
        if length or tcb.unsent == 0:
            # A probe is pushed, so that the peer hands it on.
            return _send_new(tcb, length, mss, PSH, 0)
        return 0
    if tcb.snd_una < tcb.snd_up <= tcb.snd_una + 0xFFFF:
        transmit(tcb, tcb.snd_una, ACK, b"")
    return transmit(tcb, tcb.snd_una - 1, ACK, b"")


def send_window_probe(tcb: Tcb) -> None:
    """The persist timer fired (RFC 9293 §3.8.6.1): probe, and wait twice as long next time."""
    error = wake_peer(tcb)
    tcb.layer.counters.win_probe += 1
    if tcb.packets_out or not has_unsent(tcb):
        tcb.probes_out = 0
        tcb.backoff = 0
        return
    tcb.probes_out += 1
    if error == ENOBUFS:
        delay = RESOURCE_PROBE_INTERVAL
    else:
        if tcb.backoff < tcb.layer.sysctl.tcp_retries2:
            tcb.backoff += 1
        delay = rtt.backed_off(tcb, rtt.probe_base(tcb))
    tcb.set_retransmit(TIMER_PROBE, until_user_timeout(tcb, delay, tcb.probes_at))
