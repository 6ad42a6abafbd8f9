"""What a host remembers of the other hosts it spoke TCP with (Linux's ``tcp_metrics``, RFC 9040).

An entry belongs to a pair of addresses. It outlives connections and starts the next one better.
"""

from __future__ import annotations

from typing import Final

_MOST_KEPT: Final = 4096
"""Pairs remembered before the oldest is forgotten, so that a scan of addresses takes bounded room."""


class Metrics:
    """What is known of one pair of addresses; 0 stands for unknown."""

    __slots__ = (
        "cookie",
        "cookie_exp",
        "cwnd",
        "mss",
        "reordering",
        "rtt",
        "rttvar",
        "ssthresh",
        "try_exp",
        "updated_at",
    )

    def __init__(self, now: int) -> None:
        self.updated_at: int = now
        """Time of the last look at the values by an ending connection, in ns."""
        self.rtt: int = 0
        """Smoothed round-trip time times 8, us."""
        self.rttvar: int = 0
        """Mean deviation times 4, us."""
        self.ssthresh: int = 0
        """Segments; so are cwnd and reordering."""
        self.cwnd: int = 0
        self.reordering: int = 0
        self.mss: int = 0
        """MSS of the last SYN-ACK that came in answer to a Fast Open SYN."""
        self.cookie: bytes = b""
        """Fast Open cookie the peer gave us (RFC 7413 §4.1.3), empty: none."""
        self.cookie_exp: bool = False
        """It came in the experimental option."""
        self.try_exp: int = 0
        """1: the peer did not answer the standard option, ask with the experimental one; 2: that neither."""


class MetricsCache:
    """The entries of one host, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[int, Metrics] = {}

    def find(self, local: int, peer: int) -> Metrics | None:
        return self._entries.get(local << 128 | peer)

    def obtain(self, local: int, peer: int, now: int) -> Metrics:
        """The entry of a pair, made if there is none."""
        key = local << 128 | peer
        found = self._entries.get(key)
        if found is None:
            entries = self._entries
            if len(entries) >= _MOST_KEPT:
                del entries[next(iter(entries))]
            found = Metrics(now)
            entries[key] = found
        return found

    def flush(self) -> None:
        """Forget all, as ``ip tcp_metrics flush all``."""
        self._entries.clear()

    def items(self) -> list[tuple[int, int, Metrics]]:
        """(local, peer, entry) of all, oldest first."""
        return [(key >> 128, key & (1 << 128) - 1, entry) for key, entry in self._entries.items()]
