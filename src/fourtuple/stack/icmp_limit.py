"""How many ICMP messages a host sends (RFC 1812 §4.3.2.8).

Linux ``icmp_global_allow`` and ``inet_peer_xrlim_allow``.
"""

from __future__ import annotations

from typing import Final

from ..clock.clock import SECOND, Clock
from .sysctl import Sysctl

_BURST: Final = 6
"""Messages one destination may get at once after a quiet time."""

_MOST_PEERS: Final = 4096

ALLOWED: Final = 0
TOO_MANY: Final = 1
TOO_MANY_TO_HOST: Final = 2


class IcmpLimit:
    """Two token buckets: one for all messages, one for each destination.

    Tokens are nanoseconds of credit. Unlike Linux the global bucket takes exactly one message's
    credit for each, not a random number of them: nobody here probes it from outside.
    """

    def __init__(self, clock: Clock, sysctl: Sysctl) -> None:
        self.clock = clock
        self.sysctl = sysctl
        self._credit: int = 0
        self._stamp: int = -SECOND
        self._peers: dict[int, tuple[int, int]] = {}

    def take(self, destination: int, interval: int) -> int:
        """Count a message to ``destination``, which may get one in ``interval`` ns (0: any number).

        ALLOWED, or which limit holds it back.
        """
        if not self._allows_any():
            return TOO_MANY
        return ALLOWED if self._allows_peer(destination, interval) else TOO_MANY_TO_HOST

    def _allows_any(self) -> bool:
        now = self.clock.now
        passed = min(now - self._stamp, SECOND)
        if passed >= SECOND // 50:
            self._credit = min(
                self._credit + self.sysctl.icmp_msgs_per_sec * passed // SECOND, self.sysctl.icmp_msgs_burst
            )
            self._stamp = now
        if self._credit <= 0:
            return False
        self._credit -= 1
        return True

    def _allows_peer(self, destination: int, interval: int) -> bool:
        if interval == 0:
            return True
        now = self.clock.now
        tokens = _BURST * interval
        known = self._peers.get(destination)
        if known is not None:
            tokens = min(tokens, known[0] + now - known[1])
        elif len(self._peers) >= _MOST_PEERS:
            self._peers.clear()
        allowed = tokens >= interval
        if allowed:
            tokens -= interval
        self._peers[destination] = (tokens, now)
        return allowed
