"""IPv6 address autoconfiguration (RFC 4862; net/ipv6/addrconf.c).

An address is tentative until nobody else was found to have it. What a router advertises brings
prefixes on the link, addresses, a default route, a hop limit and an MTU.
"""

from __future__ import annotations

from typing import Final

from ..clock.clock import SECOND, Clock
from ..clock.timers import Timer
from ..wire.address import V6_ANY, is_link_local, is_multicast, prefix_mask
from ..wire.ndp import NdOptions, PrefixInformation, RouterAdvertisement, RouterSolicitation
from .addressing import Addressing, interface_identifier
from .groups import ALL_ROUTERS
from .interface import Interface
from .ip_output import IpOutput
from .multicast_v6 import multicast_mac_v6, solicited_node
from .neighbour import FOREVER, STALE
from .path import IPV6_LEAST_MTU
from .route import RouteEntry

ROUTER_METRIC: Final = 1024
"""Of a default route a router advertised (IP6_RT_PRIO_USER)."""

_INFINITE: Final = 0xFFFF_FFFF
_TWO_HOURS: Final = 7200 * SECOND


class Autoconf:
    """Autoconfigures the interfaces it is told to."""

    def __init__(self, ip: IpOutput, addressing: Addressing) -> None:
        self.ip = ip
        self.addressing = addressing
        self.failed: list[tuple[int, int]] = []
        """(ifindex, address) of those somebody else has."""
        self._tentative: dict[int, _Tentative] = {}
        self._lifetimes: dict[int, _Lifetime] = {}
        self._solicitors: dict[int, _RouterSolicitor] = {}
        self._managed: dict[int, bool] = {}
        """By ifindex, of interfaces that were told to configure themselves."""

    def start(self, interface: Interface) -> None:
        """Give ``interface`` a link-local address if nobody has it, then ask for routers."""
        self._managed[interface.ifindex] = True
        if interface.link_local() >= 0:
            self._solicit_routers(interface)
        else:
            self.add_tentative(interface, self.addressing.link_local_of(interface), 64)

    def manages(self, interface: Interface) -> bool:
        """Whether ``interface`` was told to configure itself."""
        return interface.ifindex in self._managed

    def stop(self, interface: Interface) -> None:
        """The interface went down: nothing is checked or asked for there any more."""
        ifindex = interface.ifindex
        for tentative in list(self._tentative.values()):
            if tentative.interface is interface:
                self._take(interface, tentative.address)
        for key, lifetime in list(self._lifetimes.items()):
            if lifetime.interface is interface:
                lifetime.cancel()
                del self._lifetimes[key]
        solicitor = self._solicitors.pop(ifindex, None)
        if solicitor is not None:
            solicitor.cancel()
        self.failed = [pair for pair in self.failed if pair[0] != ifindex]

    def add_tentative(self, interface: Interface, address: int, length: int) -> None:
        """Add an address once duplicate address detection finds that nobody has it.

        Without ``dad_transmits`` it is added at once.
        """
        key = address << 16 | interface.ifindex
        if key in self._tentative or interface.owns(address):
            return
        if self.ip.sysctl.ipv6_dad_transmits == 0:
            self._succeed(interface, address, length)
            return
        self.ip.groups.join(solicited_node(address), interface.ifindex)
        tentative = _Tentative(self, interface, address, length)
        self._tentative[key] = tentative
        # RFC 4862 §5.4.2: a random delay, so that hosts that start together do not ask at once.
        tentative.arm(self.ip.stream.below(SECOND))

    def tentative(self) -> list[tuple[int, int]]:
        """(ifindex, address) of the addresses being checked."""
        return [(entry.interface.ifindex, entry.address) for entry in self._tentative.values()]

    def is_tentative(self, interface: Interface, address: int) -> bool:
        return address << 16 | interface.ifindex in self._tentative

    def tentative_length(self, interface: Interface, address: int) -> int:
        """The prefix length of a tentative address. Raises KeyError if it is none."""
        return self._tentative[address << 16 | interface.ifindex].length

    def abandon(self, interface: Interface, address: int) -> None:
        """Stop checking an address: nobody wants it any more."""
        self._take(interface, address)

    def valid_until(self, interface: Interface, address: int) -> int:
        """When an address ceases to be the host's, in ns; FOREVER for one that stays."""
        lifetime = self._lifetimes.get(address << 16 | interface.ifindex)
        return FOREVER if lifetime is None else lifetime.end

    def conflict(self, interface: Interface, address: int) -> None:
        """Somebody else has, or wants, a tentative address: it is given up (``addrconf_dad_failure``)."""
        tentative = self._take(interface, address)
        if tentative is not None:
            self.failed.append((interface.ifindex, address))

    def checked(self, tentative: _Tentative) -> None:
        """Nobody answered: the address is this host's."""
        interface = tentative.interface
        address = tentative.address
        del self._tentative[address << 16 | interface.ifindex]
        self._succeed(interface, address, tentative.length)
        # Only now: the address itself has joined its group, which so is never left.
        self.ip.groups.leave(solicited_node(address), interface.ifindex)

    def advertised(self, interface: Interface, router: int, message: RouterAdvertisement) -> None:
        """Take in a router's advertisement (RFC 4861 §6.3.4, ``ndisc_router_discovery``)."""
        accept = self.ip.sysctl.ipv6_accept_ra
        if accept == 0 or (accept == 1 and self.ip.sysctl.ipv6_forwarding):
            return
        solicitor = self._solicitors.pop(interface.ifindex, None)
        if solicitor is not None:
            solicitor.cancel()
        options = message.options
        if options.source_link >= 0:
            neighbour = self.ip.neighbours_v6.obtain(interface, router)
            if neighbour is not None:
                neighbour.update(options.source_link, STALE, True)
        self._set_default_route(interface, router, message.router_lifetime)
        if message.hop_limit:
            interface.hop_limit = message.hop_limit
        if IPV6_LEAST_MTU <= options.mtu <= interface.mtu:
            interface.link_mtu_v6 = options.mtu
        for prefix in options.prefixes:
            if is_link_local(prefix.prefix) or is_multicast(prefix.prefix):
                continue
            if prefix.on_link:
                self._set_on_link(interface, prefix)
            if prefix.autonomous and self.ip.sysctl.ipv6_autoconf:
                self._set_address(interface, prefix)
        self.ip.paths.flush()

    def _take(self, interface: Interface, address: int) -> _Tentative | None:
        tentative = self._tentative.pop(address << 16 | interface.ifindex, None)
        if tentative is not None:
            tentative.cancel()
            self.ip.groups.leave(solicited_node(address), interface.ifindex)
        return tentative

    def _succeed(self, interface: Interface, address: int, length: int) -> None:
        self.addressing.add_address(interface, address, length, False)
        if is_link_local(address):
            self._solicit_routers(interface)

    def _solicit_routers(self, interface: Interface) -> None:
        sysctl = self.ip.sysctl
        if sysctl.ipv6_forwarding or sysctl.ipv6_accept_ra == 0 or sysctl.ipv6_router_solicitations == 0:
            return
        solicitor = _RouterSolicitor(self.ip, interface)
        self._solicitors[interface.ifindex] = solicitor
        solicitor.arm(self.ip.stream.below(SECOND))

    def _set_default_route(self, interface: Interface, router: int, lifetime: int) -> None:
        for entry in self.ip.routes.entries():
            if entry.length == 0 and entry.gateway == router and entry.interface is interface:
                if entry.automatic and lifetime == 0:
                    self.ip.routes.remove(entry)
                elif entry.automatic:
                    entry.expires = self.ip.clock.now + lifetime * SECOND
                return
        if lifetime:
            entry = RouteEntry(V6_ANY, 0, router, interface, ROUTER_METRIC, -1)
            entry.automatic = True
            entry.expires = self.ip.clock.now + lifetime * SECOND
            self.ip.routes.add(entry)

    def _set_on_link(self, interface: Interface, prefix: PrefixInformation) -> None:
        network = prefix.prefix & prefix_mask(prefix.prefix, prefix.length)
        for entry in self.ip.routes.entries():
            known = entry.connected and entry.interface is interface and entry.length == prefix.length
            if known and entry.prefix == network:
                # One that an address brought with it stays as long as the address.
                if entry.expires != FOREVER:
                    entry.expires = _until(self.ip.clock, prefix.valid_lifetime)
                return
        if prefix.valid_lifetime:
            entry = self.addressing.connect(interface, network, prefix.length, -1)
            entry.expires = _until(self.ip.clock, prefix.valid_lifetime)

    def _set_address(self, interface: Interface, prefix: PrefixInformation) -> None:
        """RFC 4862 §5.5.3."""
        if prefix.length != 64 or prefix.preferred_lifetime > prefix.valid_lifetime:
            return
        address = prefix.prefix & prefix_mask(prefix.prefix, 64) | interface_identifier(interface.mac)
        key = address << 16 | interface.ifindex
        lifetime = self._lifetimes.get(key)
        if lifetime is None:
            if prefix.valid_lifetime == 0 or interface.owns(address):
                return
            lifetime = _Lifetime(self, interface, address)
            self._lifetimes[key] = lifetime
            lifetime.set_end(_until(self.ip.clock, prefix.valid_lifetime))
            self._prefer(address, prefix)
            self.add_tentative(interface, address, 64)
            return
        self._prefer(address, prefix)
        now = self.ip.clock.now
        end = _until(self.ip.clock, prefix.valid_lifetime)
        # Nobody but the passing of time may take an address away within two hours (rule e).
        if end - now > _TWO_HOURS or end > lifetime.end:
            lifetime.set_end(end)
        elif lifetime.end - now > _TWO_HOURS:
            lifetime.set_end(now + _TWO_HOURS)

    def _prefer(self, address: int, prefix: PrefixInformation) -> None:
        self.ip.local.deprecated_at[address] = _until(self.ip.clock, prefix.preferred_lifetime)

    def lifetime_over(self, interface: Interface, address: int) -> None:
        """The valid lifetime of an autoconfigured address has passed."""
        self._lifetimes.pop(address << 16 | interface.ifindex, None)
        self._take(interface, address)
        if interface.owns(address):
            self.addressing.remove_address(interface, address)


class _Tentative(Timer):
    """An address being checked: a question for it each retransmit time, and then it is ours."""

    __slots__ = ("address", "interface", "left", "length", "owner")

    def __init__(self, owner: Autoconf, interface: Interface, address: int, length: int) -> None:
        super().__init__(owner.ip.clock)
        self.owner = owner
        self.interface = interface
        self.address = address
        self.length = length
        self.left: int = owner.ip.sysctl.ipv6_dad_transmits

    def expired(self) -> None:
        if self.left == 0:
            self.owner.checked(self)
            return
        self.left -= 1
        ip = self.owner.ip
        self.arm(ip.sysctl.neigh6.retrans_time)
        group = solicited_node(self.address)
        mac = multicast_mac_v6(group)
        ip.neighbours_v6.send_solicitation(self.interface, self.address, V6_ANY, group, mac)


class _RouterSolicitor(Timer):
    """Asks for routers until one answers (RFC 4861 §6.3.7)."""

    __slots__ = ("interface", "ip", "left")

    def __init__(self, ip: IpOutput, interface: Interface) -> None:
        super().__init__(ip.clock)
        self.ip = ip
        self.interface = interface
        self.left: int = ip.sysctl.ipv6_router_solicitations

    def expired(self) -> None:
        source = self.interface.link_local()
        if source < 0:
            return
        self.left -= 1
        if self.left > 0:
            self.arm(self.ip.sysctl.ipv6_router_solicitation_interval)
        options = NdOptions()
        options.source_link = self.interface.mac
        self.ip.counters.icmp6.out_router_solicits += 1
        mac = multicast_mac_v6(ALL_ROUTERS)
        self.ip.neighbours_v6.transmit(self.interface, source, ALL_ROUTERS, mac, RouterSolicitation(options))


class _Lifetime(Timer):
    """The valid lifetime of an autoconfigured address."""

    __slots__ = ("address", "end", "interface", "owner")

    def __init__(self, owner: Autoconf, interface: Interface, address: int) -> None:
        super().__init__(owner.ip.clock)
        self.owner = owner
        self.interface = interface
        self.address = address
        self.end: int = FOREVER

    def set_end(self, end: int) -> None:
        self.end = end
        if end == FOREVER:
            self.cancel()
        else:
            self.arm_at(end)

    def expired(self) -> None:
        self.owner.lifetime_over(self.interface, self.address)


def _until(clock: Clock, seconds: int) -> int:
    return FOREVER if seconds == _INFINITE else clock.now + seconds * SECOND
