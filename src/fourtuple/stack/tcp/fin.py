"""The FINs of both sides (RFC 9293 §3.6, §3.10.7.4 eighth)."""

from __future__ import annotations

from . import output, receive, write
from .lifecycle import STATE_CHANGED, enter
from .state import (
    ACK_SCHEDULED,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    RCV_SHUTDOWN,
    SYN_RECV,
    TIME_WAIT,
    TIME_WAIT_LENGTH,
)
from .tcb import Tcb


def fin_arrived(tcb: Tcb) -> bool:
    """All up to FIN is here. Returns False if the connection is gone."""
    tcb.rcv_nxt += 1
    # As Linux counts: by sequence number.
    tcb.bytes_received += 1
    tcb.fin_received = True
    tcb.ack_pending |= ACK_SCHEDULED
    tcb.shut |= RCV_SHUTDOWN
    tcb.done = True
    state = tcb.endpoint.state
    receive.drop_out_of_order(tcb)
    if state in (ESTABLISHED, SYN_RECV):
        enter(tcb, CLOSE_WAIT)
        tcb.pingpong = True
    elif state == FIN_WAIT_1:
        # Both closed at once.
        output.send_ack(tcb)
        enter(tcb, CLOSING)
    elif state == FIN_WAIT_2:
        output.send_ack(tcb)
        tcb.layer.enter_time_wait(tcb, TIME_WAIT, TIME_WAIT_LENGTH)
        return False
    if not tcb.orphan:
        tcb.notify(STATE_CHANGED)
    return True


def finish_sending(tcb: Tcb) -> None:
    """Our side is done: go on to the state that says so, and send FIN (RFC 9293 §3.10.4)."""
    if tcb.endpoint.state == CLOSE_WAIT:
        enter(tcb, LAST_ACK)
    else:
        enter(tcb, FIN_WAIT_1)
    write.queue_fin(tcb)
