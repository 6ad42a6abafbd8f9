"""Rows of the host's sockets, as `ss` lists them."""

from __future__ import annotations

from ..ports.endpoint import Endpoint
from .process import Process


class SocketRow:
    """One socket: queues in bytes (a listener's: waiting connections and their limit)."""

    __slots__ = (
        "endpoint",
        "holders",
        "ino",
        "local",
        "peer",
        "protocol",
        "recv_q",
        "send_q",
        "state",
        "timer",
    )

    def __init__(self, protocol: str, state: str, local: str, peer: str) -> None:
        self.protocol: str = protocol
        """``tcp``, ``udp``, ``u_str``, ``u_dgr``, ``u_seq``."""
        self.state: str = state
        """As ss writes it: ESTAB, LISTEN, UNCONN, TIME-WAIT …"""
        self.recv_q: int = 0
        self.send_q: int = 0
        self.local: str = local
        self.peer: str = peer
        self.ino: int = 0
        """0 for what no open socket stands behind (TIME_WAIT, unaccepted, orphans)."""
        self.endpoint: Endpoint | None = None
        self.holders: list[tuple[Process, int]] = []
        """Processes and descriptors that hold it."""
        self.timer: str = ""
        """``keepalive,119min,0`` as ss -o, empty for none."""
