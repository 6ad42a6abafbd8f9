"""Which source addresses a packet may arrive with (RFC 1812 §5.3.7, RFC 1122 §3.2.1.3)."""

from __future__ import annotations

from typing import Final

from ..wire.address import is_any, is_loopback, is_multicast, is_v4
from .interface import Interface
from .local import LocalAddresses, is_zero_net
from .route import RouteTable
from .sysctl import Sysctl

_MOST_REMEMBERED: Final = 4096


class SourceCheck:
    """Refuses martian sources, and spoofed ones as far as ``rp_filter`` asks (``fib_validate_source``).

    A subnet's broadcast address is refused as source with any ``rp_filter``; Linux does so only
    with 1 and 2, which distributions set.
    """

    def __init__(self, local: LocalAddresses, routes: RouteTable, sysctl: Sysctl) -> None:
        self.local = local
        self.routes = routes
        self.sysctl = sysctl

    def admits(self, source: int, interface: Interface) -> bool:
        """Whether a packet from ``source`` may arrive on ``interface``, which is not the loopback.

        What is admitted is remembered in ``interface.sources``.
        """
        if source in interface.sources:
            return True
        if is_multicast(source) or is_any(source) or is_loopback(source):
            return False
        if is_v4(source) and is_zero_net(source):
            return False
        if self.local.owner(source) is not None or self.local.is_broadcast(source):
            return False
        mode = self.sysctl.rp_filter
        if mode:
            back = self.routes.lookup(source, 0)
            if back is None or (mode == 1 and back.interface is not interface):
                return False
        if len(interface.sources) >= _MOST_REMEMBERED:
            interface.sources.clear()
        interface.sources[source] = True
        return True
