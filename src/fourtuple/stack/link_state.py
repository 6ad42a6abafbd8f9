"""What an interface that goes down takes with it, and what it has again when it comes up
(``fib_disable_ip``, ``fib_add_ifaddr``; ``addrconf_ifdown``, ``addrconf_init_auto_addrs``)."""

from __future__ import annotations

from ..wire.address import V6_LOOPBACK, is_link_local, is_v4, prefix_mask
from .addressing import Addressing
from .autoconf import Autoconf
from .interface import Interface
from .ip_output import IpOutput
from .neighbour import FOREVER


class LinkState:
    """IPv4 addresses stay a host's while their interface is down, IPv6 addresses do not; no route through
    it stays. Up again it has the routes of its subnets and an IPv6 link-local address, and nothing of what
    else was configured."""

    def __init__(self, ip: IpOutput, addressing: Addressing, autoconf: Autoconf) -> None:
        self.ip = ip
        self.addressing = addressing
        self.autoconf = autoconf
        self._had_link_local: dict[int, bool] = {}
        """By ifindex, of interfaces that are down."""

    def went_down(self, interface: Interface) -> None:
        routes = self.ip.routes
        for entry in routes.entries():
            if entry.interface is interface:
                if is_v4(entry.prefix):
                    # Linux tells nobody: that the interface went down says it all.
                    routes.forget(entry)
                else:
                    routes.remove(entry)
        self._had_link_local[interface.ifindex] = interface.link_local() >= 0
        keep = self.ip.sysctl.ipv6_keep_addr_on_down > 0 and not interface.loopback
        for own, _ in list(interface.addresses):
            if is_v4(own):
                continue
            permanent = self.autoconf.valid_until(interface, own) == FOREVER and not is_link_local(own)
            if not (keep and permanent):
                self.addressing.remove_address(interface, own)
        self.autoconf.stop(interface)
        interface.hop_limit = 0
        interface.link_mtu_v6 = 0

    def came_up(self, interface: Interface) -> None:
        for own, length in list(interface.addresses):
            if not interface.loopback and length < (32 if is_v4(own) else 128):
                self.addressing.connect(interface, own & prefix_mask(own, length), length, own)
        had_link_local = self._had_link_local.pop(interface.ifindex, False)
        if interface.loopback:
            if not interface.owns(V6_LOOPBACK):
                self.addressing.add_address(interface, V6_LOOPBACK, 128, False)
        elif self.autoconf.manages(interface):
            self.autoconf.start(interface)
        elif had_link_local:
            self.addressing.add_address(interface, self.addressing.link_local_of(interface), 64, False)
