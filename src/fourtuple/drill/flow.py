"""What the runner knows of one socket of the script: its addresses, and how its numbers map.

The states, and which packet belongs to which socket, are packetdrill's own rules (its ``socket.h`` and
``run_packet.c``), since scripts rest on them.
"""

from __future__ import annotations

from typing import Final

MASK: Final = 0xFFFF_FFFF

NEW: Final = "new"
LISTENING: Final = "listening"
SYN_RECEIVED: Final = "syn received"
SYNACK_SENT: Final = "syn-ack sent"
SYNACK_ACKED: Final = "syn-ack acked"
CONNECTING: Final = "connecting"
SYN_SENT: Final = "syn sent"
SYN_ACKED: Final = "syn acked"

NO_DESCRIPTOR: Final = -1


class Flow:
    """One socket. Numbers named ``script_*`` are as the script writes them, ``live_*`` as on the wire."""

    def __init__(self, protocol: int, state: str) -> None:
        self.protocol = protocol
        self.state = state
        self.script_fd = NO_DESCRIPTOR
        self.closed = False
        self.local = 0
        self.local_port = 0
        self.remote = 0
        self.remote_port = 0
        self.script_local_isn = 0
        self.live_local_isn = 0
        self.live_remote_isn = 0
        self.ts_live: dict[int, int] = {}
        """Live value of each outbound timestamp, by the script's."""
        self.ts_base: tuple[int, int] | None = None
        """Script's and live value of the first timestamp."""
        self.labels: tuple[int, int] | None = None
        """Script's and live value of the last new flow label."""

    def seq_to_script(self, seq: int, syn: bool) -> int:
        """An outbound sequence number as the script writes it."""
        isn = self.live_local_isn
        return (seq - (isn - self.script_local_isn if syn else isn)) & MASK

    def ack_to_script(self, ack: int, syn: bool) -> int:
        """An outbound acknowledgement number as the script writes it."""
        return (ack if syn else ack - self.live_remote_isn) & MASK

    def seq_to_live(self, seq: int, syn: bool) -> int:
        """The wire's number of an inbound sequence number."""
        return (seq if syn else seq + self.live_remote_isn) & MASK

    def ack_to_live(self, ack: int, syn: bool) -> int:
        """The wire's number of an inbound acknowledgement number."""
        isn = self.live_local_isn
        return (ack + (isn - self.script_local_isn if syn else isn)) & MASK
