"""NETLINK_ROUTE: what rtnetlink(7) asks and tells (Linux ``net/core/rtnetlink.c``)."""

from __future__ import annotations

from errno import EOPNOTSUPP, EPERM
from typing import TYPE_CHECKING, Final

from ..stack.changes import ChangeListener
from ..stack.interface import Interface
from ..stack.neighbour import Neighbour
from ..stack.route import RouteEntry
from ..wire.address import is_v4
from .error import KernelError
from .netlink import NETLINK_ROUTE, Dump, NetlinkFamily, NetlinkPorts, NetlinkSocket
from .netlink_message import (
    NLM_F_CREATE,
    NLM_F_DUMP_FILTERED,
    NLM_F_EXCL,
    NetlinkHeader,
    message,
)
from .process import CAP_NET_ADMIN
from .rtnetlink_address import address_body, delete_address, dump_addresses, get_address, new_address
from .rtnetlink_link import change_link, dump_links, extension_mask, find_link, link_body
from .rtnetlink_message import (
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELNEIGH,
    RTM_DELROUTE,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETNEIGH,
    RTM_GETROUTE,
    RTM_GETRULE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
    RTM_NEWRULE,
    RTM_SETLINK,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_LINK,
    RTNLGRP_NEIGH,
)
from .rtnetlink_neighbour import (
    delete_neighbour,
    dump_neighbours,
    dump_rules,
    get_neighbour,
    neighbour_body,
    new_neighbour,
)
from .rtnetlink_route import (
    LocalRoute,
    delete_route,
    dump_routes,
    get_route,
    new_route,
    route_body,
    routes_of_address,
)

if TYPE_CHECKING:
    from ..stack.stack import Stack

_DUMPS: Final = (RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH, RTM_GETRULE)
_GETS: Final = (RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH)
_KIND_GET: Final = 2
_LAST: Final = 123
"""RTM_MAX of Linux 6.18."""


class RouteNetlink(NetlinkFamily):
    """Answers requests about the stack of one host, and tells listeners of its changes."""

    def __init__(self, stack: Stack, ports: NetlinkPorts) -> None:
        self.stack = stack
        self.ports = ports
        self.cause: NetlinkHeader | None = None
        """The request being carried out: what it brings about bears its number."""
        stack.listen(_Changes(self))

    def dumps(self, request: NetlinkHeader) -> bool:
        if request.type > _LAST:
            raise KernelError(EOPNOTSUPP)
        return request.type & 3 == _KIND_GET and request.dumps()

    def dump(self, socket: NetlinkSocket, request: NetlinkHeader) -> Dump:
        kind = request.type
        stack = self.stack
        filtered = False
        if kind == RTM_GETLINK:
            dump = Dump(RTM_NEWLINK, dump_links(stack, request, socket.strict), False)
        elif kind == RTM_GETADDR:
            bodies, filtered = dump_addresses(stack, request, socket.strict)
            dump = Dump(RTM_NEWADDR, bodies, False)
        elif kind == RTM_GETROUTE:
            bodies, filtered = dump_routes(stack, request, socket.strict)
            dump = Dump(RTM_NEWROUTE, bodies, False)
        elif kind == RTM_GETNEIGH:
            bodies, filtered = dump_neighbours(stack, request, socket.strict)
            dump = Dump(RTM_NEWNEIGH, bodies, True)
        elif kind == RTM_GETRULE:
            dump = Dump(RTM_NEWRULE, dump_rules(request), True)
        else:
            raise KernelError(EOPNOTSUPP, f"no dump of rtnetlink type {kind} here")
        if filtered:
            dump.filtered = NLM_F_DUMP_FILTERED
        return dump

    def answer(self, socket: NetlinkSocket, request: NetlinkHeader) -> list[bytes]:
        if not request.body:
            return []
        if request.type & 3 == _KIND_GET:
            kind, body = self._get(socket, request)
            return [message(kind, 0, request.sequence, socket.port, body)]
        if not socket.caller().capable(CAP_NET_ADMIN):
            raise KernelError(EPERM)
        self.cause = request
        try:
            self._change(request)
        finally:
            self.cause = None
        return []

    def _get(self, socket: NetlinkSocket, request: NetlinkHeader) -> tuple[int, bytes]:
        stack = self.stack
        kind = request.type
        if kind == RTM_GETLINK:
            found = find_link(stack, request)
            return RTM_NEWLINK, link_body(stack, found, 0, extension_mask(request))
        if kind == RTM_GETADDR:
            return RTM_NEWADDR, get_address(stack, request)
        if kind == RTM_GETROUTE:
            return RTM_NEWROUTE, get_route(stack, request, socket.caller().uid)
        if kind == RTM_GETNEIGH:
            return RTM_NEWNEIGH, get_neighbour(stack, request)
        raise KernelError(EOPNOTSUPP, f"no rtnetlink type {kind} here")

    def _change(self, request: NetlinkHeader) -> None:
        stack = self.stack
        kind = request.type
        if kind in (RTM_NEWLINK, RTM_SETLINK):
            change_link(stack, request)
        elif kind == RTM_DELLINK:
            find_link(stack, request)
            raise KernelError(EOPNOTSUPP, "interfaces stay as long as the network's links")
        elif kind == RTM_NEWADDR:
            new_address(stack, request)
        elif kind == RTM_DELADDR:
            delete_address(stack, request)
        elif kind == RTM_NEWROUTE:
            new_route(stack, request)
        elif kind == RTM_DELROUTE:
            delete_route(stack, request)
        elif kind == RTM_NEWNEIGH:
            new_neighbour(stack, request)
        elif kind == RTM_DELNEIGH:
            delete_neighbour(stack, request)
        else:
            raise KernelError(EOPNOTSUPP, f"no rtnetlink type {kind} here")

    def tell(self, group: int, type: int, flags: int, body: bytes, caused: bool) -> None:
        """Multicast one message. ``caused``: it bears the request's number and sender."""
        cause = self.cause if caused else None
        sequence = 0 if cause is None else cause.sequence
        port = 0 if cause is None else cause.port
        self.ports.multicast(NETLINK_ROUTE, group, message(type, flags, sequence, port, body), 0, -1)


class _Changes(ChangeListener):
    """Makes messages of changes, if somebody listens."""

    def __init__(self, family: RouteNetlink) -> None:
        self.family = family

    def _heard(self, group: int) -> bool:
        return self.family.ports.listeners(NETLINK_ROUTE, group)

    def link_changed(self, interface: Interface, toggled: bool) -> None:
        stack = self.family.stack
        if self._heard(RTNLGRP_LINK):
            body = link_body(stack, interface, 1 if toggled else 0, 0)
            self.family.tell(RTNLGRP_LINK, RTM_NEWLINK, 0, body, False)
        if toggled and interface.up:
            # IPv4's routes vanish without a word, and are told when they are back (fib_sync_up).
            for entry in stack.routes.entries():
                if entry.interface is interface and entry.connected and is_v4(entry.prefix):
                    self.route_added(entry)

    def address_added(self, interface: Interface, address: int, length: int) -> None:
        self._address(RTM_NEWADDR, interface, address, length)
        for route in routes_of_address(interface, address, length):
            self._local_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route)

    def address_removed(self, interface: Interface, address: int, length: int) -> None:
        self._address(RTM_DELADDR, interface, address, length)
        for route in routes_of_address(interface, address, length):
            self._local_route(RTM_DELROUTE, 0, route)

    def _address(self, type: int, interface: Interface, address: int, length: int) -> None:
        v4 = is_v4(address)
        group = RTNLGRP_IPV4_IFADDR if v4 else RTNLGRP_IPV6_IFADDR
        if self._heard(group):
            body = address_body(self.family.stack, interface, address, length)
            self.family.tell(group, type, 0, body, v4)

    def _local_route(self, type: int, flags: int, route: LocalRoute) -> None:
        group = RTNLGRP_IPV4_ROUTE if is_v4(route.prefix) else RTNLGRP_IPV6_ROUTE
        if self._heard(group):
            self.family.tell(group, type, flags, route.body(), False)

    def route_added(self, entry: RouteEntry) -> None:
        self._route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, entry)

    def route_removed(self, entry: RouteEntry) -> None:
        self._route(RTM_DELROUTE, 0, entry)

    def _route(self, type: int, flags: int, entry: RouteEntry) -> None:
        group = RTNLGRP_IPV4_ROUTE if is_v4(entry.prefix) else RTNLGRP_IPV6_ROUTE
        if self._heard(group):
            body = route_body(self.family.stack, entry)
            self.family.tell(group, type, flags, body, not entry.automatic and not entry.connected)

    def neighbour_changed(self, neighbour: Neighbour) -> None:
        if neighbour.address >= 0 and self._heard(RTNLGRP_NEIGH):
            self.family.tell(RTNLGRP_NEIGH, RTM_NEWNEIGH, 0, neighbour_body(neighbour), True)

    def neighbour_removed(self, neighbour: Neighbour) -> None:
        if self._heard(RTNLGRP_NEIGH):
            self.family.tell(RTNLGRP_NEIGH, RTM_DELNEIGH, 0, neighbour_body(neighbour), False)
