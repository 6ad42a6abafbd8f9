"""Which of the transitions of RFC 9293 figure 5 the connections of two hosts were seen to make."""

from __future__ import annotations

from fourtuple.network.node import Node
from fourtuple.stack.tcp.state import (
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    NEW_SYN_RECV,
    SYN_RECV,
    SYN_SENT,
    TIME_WAIT,
)
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.stack.tcp.time_wait import TimeWait

NAMES = {
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
    TIME_WAIT: "TIME-WAIT",
}

# All of the figure but LISTEN to SYN-SENT: sockets cannot SEND from LISTEN (Linux: EISCONN, ENOTCONN).
FIGURE_5 = frozenset(
    (
        (CLOSE, LISTEN),
        (LISTEN, CLOSE),
        (LISTEN, SYN_RECV),
        (CLOSE, SYN_SENT),
        (SYN_SENT, CLOSE),
        (SYN_SENT, SYN_RECV),
        (SYN_SENT, ESTABLISHED),
        (SYN_RECV, LISTEN),
        (SYN_RECV, ESTABLISHED),
        (SYN_RECV, FIN_WAIT_1),
        (ESTABLISHED, FIN_WAIT_1),
        (ESTABLISHED, CLOSE_WAIT),
        (FIN_WAIT_1, FIN_WAIT_2),
        (FIN_WAIT_1, CLOSING),
        (FIN_WAIT_1, TIME_WAIT),
        (FIN_WAIT_2, TIME_WAIT),
        (CLOSING, TIME_WAIT),
        (CLOSE_WAIT, LAST_ACK),
        (LAST_ACK, CLOSE),
        (TIME_WAIT, CLOSE),
    )
)

# What else may lie between two events: a RST, a timeout or an abort ends a connection in any state, a SYN
# reopens a TIME-WAIT (RFC 6191), and one segment may bring the last ACK of the handshake and a FIN.
_ALSO = frozenset(
    {(state, CLOSE) for state in NAMES}
    | {(TIME_WAIT, SYN_RECV), (TIME_WAIT, SYN_SENT), (LISTEN, ESTABLISHED), (LISTEN, CLOSE_WAIT)}
    | {(SYN_SENT, CLOSE_WAIT), (SYN_RECV, CLOSE_WAIT), (SYN_RECV, FIN_WAIT_2), (SYN_RECV, CLOSING)}
    | {(SYN_RECV, TIME_WAIT), (CLOSE_WAIT, TIME_WAIT)}
)


def _state(owner: object, state: int) -> int:
    if isinstance(owner, TimeWait):
        return owner.substate
    return SYN_RECV if state == NEW_SYN_RECV else state


class Transitions:
    """Compares the tables of the hosts from event to event."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.before: dict[tuple[str, int, int], int] = {}
        self.seen: set[tuple[int, int]] = set()

    def look(self) -> None:
        """An event is over: which connections changed their states?"""
        now: dict[tuple[str, int, int], int] = {}
        for node in self.nodes:
            for endpoint in node.stack.tcp.connections():
                key = (node.name, endpoint.local_port, endpoint.peer_port)
                now[key] = _state(endpoint.owner, endpoint.state)
                if endpoint.state == LISTEN:
                    assert isinstance(endpoint.owner, Tcb)
        if now == self.before:
            return
        for key, state in now.items():
            self._changed(key, self.before.get(key, self._origin(key, state, now)), state)
        for key, state in self.before.items():
            if key not in now:
                listens = state == SYN_RECV and LISTEN in (now.get((key[0], key[1], 0)),)
                self._changed(key, state, LISTEN if listens else CLOSE)
        self.before = now

    @staticmethod
    def _origin(key: tuple[str, int, int], state: int, now: dict[tuple[str, int, int], int]) -> int:
        """Where a connection comes from that was not there: a listener, or nowhere."""
        listens = now.get((key[0], key[1], 0)) == LISTEN
        return LISTEN if listens and state not in (LISTEN, SYN_SENT) else CLOSE

    def _changed(self, key: tuple[str, int, int], before: int, after: int) -> None:
        if before == after:
            return
        step = (before, after)
        assert step in FIGURE_5 or step in _ALSO, f"{key} went from {NAMES[before]} to {NAMES[after]}"
        self.seen.add(step)


def missing(seen: set[tuple[int, int]]) -> list[str]:
    """Transitions of the figure that were not made."""
    return sorted(f"{NAMES[before]} to {NAMES[after]}" for before, after in FIGURE_5 - seen)
