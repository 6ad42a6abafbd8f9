"""Router advertisements: what a router of a simulated network tells its links (RFC 4861 §6.2).

Linux leaves this to a daemon (radvd); here a few lines of a network's description do.
"""

from __future__ import annotations

from typing import Final

from ..clock.clock import MILLISECOND, SECOND
from ..clock.timers import Timer
from ..wire.ndp import NdOptions, PrefixInformation, RouterAdvertisement
from .groups import ALL_NODES, ALL_ROUTERS
from .interface import Interface
from .ip_output import IpOutput
from .multicast_v6 import multicast_mac_v6

_MAX_DELAY: Final = 500 * MILLISECOND
"""MAX_RA_DELAY_TIME."""

_MIN_INTERVAL: Final = 3 * SECOND
"""MIN_DELAY_BETWEEN_RAS."""

DEFAULT_LIFETIME: Final = 1800
"""AdvDefaultLifetime in s."""


class Advertiser:
    """The advertisements of one host's interfaces."""

    def __init__(self, ip: IpOutput) -> None:
        self.ip = ip
        self._links: dict[int, _Advertisement] = {}

    def start(
        self,
        interface: Interface,
        prefixes: list[PrefixInformation],
        lifetime: int,
        mtu: int,
        hop_limit: int,
        interval: int,
    ) -> None:
        """Advertise on ``interface``, now, when asked, and every ``interval`` ns (0: only when asked).

        ``lifetime`` is how long this host may be a default router, in s, 0 if it is none; ``mtu`` -1
        and ``hop_limit`` 0 say nothing of them.
        """
        self.stop(interface)
        options = NdOptions()
        options.source_link = interface.mac
        options.prefixes = prefixes
        options.mtu = mtu
        message = RouterAdvertisement(lifetime, options)
        message.hop_limit = hop_limit
        link = _Advertisement(self.ip, interface, message, interval)
        self._links[interface.ifindex] = link
        self.ip.groups.join(ALL_ROUTERS, interface.ifindex)
        link.arm(0)

    def stop(self, interface: Interface) -> None:
        """Advertise no more; harmless if it did not."""
        link = self._links.pop(interface.ifindex, None)
        if link is not None:
            link.cancel()
            self.ip.groups.leave(ALL_ROUTERS, interface.ifindex)

    def solicited(self, interface: Interface) -> None:
        """Somebody asks: answer all after a random delay, unless an answer is due before."""
        link = self._links.get(interface.ifindex)
        if link is None:
            return
        when = self.ip.clock.now + self.ip.stream.below(_MAX_DELAY)
        if when < link.last + _MIN_INTERVAL:
            when = link.last + _MIN_INTERVAL
        if not link.is_armed() or when < link.deadline:
            link.arm_at(when)


class _Advertisement(Timer):
    __slots__ = ("interface", "interval", "ip", "last", "message")

    def __init__(
        self, ip: IpOutput, interface: Interface, message: RouterAdvertisement, interval: int
    ) -> None:
        super().__init__(ip.clock)
        self.ip = ip
        self.interface = interface
        self.message = message
        self.interval = interval
        self.last: int = -_MIN_INTERVAL

    def expired(self) -> None:
        self.last = self.clock.now
        if self.interval:
            self.arm(self.interval)
        source = self.interface.link_local()
        if source < 0:
            return
        self.ip.counters.icmp6.out_router_advertisements += 1
        self.ip.neighbours_v6.transmit(
            self.interface, source, ALL_NODES, multicast_mac_v6(ALL_NODES), self.message
        )
