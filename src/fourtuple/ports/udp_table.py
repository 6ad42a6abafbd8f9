"""The UDP half of the port tables.

Linux ``udp_lib_get_port``, ``udp_lib_rehash``, ``__udp4_lib_lookup`` and
``__udp4_lib_mcast_deliver``, with their IPv6 twins.
"""

from __future__ import annotations

from errno import EADDRINUSE, EAGAIN
from typing import Final

from ..wire.address import V4_ANY, V4_BASE, V4_LAST, V6_ANY, format_ip, is_any, is_multicast, is_v4
from .conflict import addresses_overlap, devices_overlap, effective_v6only, udp_pair_shares
from .endpoint import AF_INET, AF_INET6, CLOSE, ESTABLISHED, Endpoint
from .ephemeral import NO_PORT, UdpSearch
from .exact import ExactTable, endpoint_key, pack_tuple
from .lookup import pack_address, walk_udp
from .multicast import source_allowed
from .reason import CONFLICTS, DECIDED, NO_MATCH, PASSES, SEARCHED, WINS, Reasons
from .reuseport import join_group
from .settings import PortSettings

CROWDED: Final = 10
"""With more sockets than this on a hash slot, bind() judges by address chains."""


class UdpTable:
    """Who holds which UDP port, and who gets a datagram.

    Chains are newest first; AF_INET6 sockets with SO_REUSEPORT stand at the end.
    """

    __slots__ = ("_addresses", "_filed", "_ports", "_slot_counts", "exact", "settings")

    def __init__(self, settings: PortSettings) -> None:
        self.settings = settings
        self.exact: ExactTable = ExactTable()
        """Connected sockets."""
        self._ports: dict[int, list[Endpoint]] = {}
        self._addresses: dict[int, list[Endpoint]] = {}
        self._slot_counts: dict[int, int] = {}
        self._filed: dict[Endpoint, int] = {}

    # --- bind ---------------------------------------------------------------------------------

    def bind(self, endpoint: Endpoint, address: int, port: int) -> int:
        """Give ``endpoint`` the port, or one of the system's choice for 0; 0 or EADDRINUSE."""
        v6only = effective_v6only(endpoint, address)
        if port == 0:
            port = self._find_open_port(endpoint, address, v6only)
            if port == NO_PORT:
                return EADDRINUSE
        elif self.check(endpoint, address, port, None) != 0:
            return EADDRINUSE
        endpoint.local = address
        endpoint.v6only = v6only
        endpoint.local_port = port
        self._enter(endpoint)
        return 0

    def check(self, endpoint: Endpoint, address: int, port: int, why: Reasons | None) -> int:
        """What :meth:`bind` to a given port would answer; changes nothing."""
        v6only = effective_v6only(endpoint, address)
        slot = port & (self.settings.udp_slots - 1)
        if (
            self.settings.rules.udp_two_chains
            and not is_any(address)
            and self._slot_counts.get(slot, 0) > CROWDED
        ):
            if why is not None:
                text = f"more than {CROWDED} sockets on the hash slot: exact address, then wildcard"
                why.add("udp.bind", text, None, DECIDED, -1)
            for key in (pack_address(address, port), port):
                chain = self._addresses.get(key)
                if chain is not None and self._chain_refuses(chain, endpoint, address, v6only, why):
                    return EADDRINUSE
            return 0
        chain = self._ports.get(port)
        if chain is None:
            if why is not None:
                why.add("udp.bind", f"nobody holds port {port}", None, DECIDED, 0)
            return 0
        return EADDRINUSE if self._chain_refuses(chain, endpoint, address, v6only, why) else 0

    def _chain_refuses(
        self,
        chain: list[Endpoint],
        endpoint: Endpoint,
        address: int,
        v6only: bool,
        why: Reasons | None,
    ) -> bool:
        """Whether the first socket of the chain that stands in the way refuses to share."""
        if why is not None:
            why.add("udp.bind", "sockets on the chain", None, SEARCHED, len(chain))
        for other in chain:
            text = _harmless(endpoint, address, v6only, other)
            if text:
                if why is not None:
                    why.add("udp.bind", text, other, PASSES, -1)
                continue
            shares = udp_pair_shares(endpoint, other)
            if why is not None:
                if shares:
                    text = "both have SO_REUSEPORT and the same user; the first in the way decides"
                else:
                    text = "in the way, and does not share by SO_REUSEPORT with the same user"
                why.add("udp.bind", text, other, PASSES if shares else CONFLICTS, -1)
            if not shares:
                return True
            if self.settings.rules.udp_first_decides:
                return False
        return False

    def _find_open_port(self, endpoint: Endpoint, address: int, v6only: bool) -> int:
        search = UdpSearch(self.settings, endpoint)
        while True:
            port = search.next()
            if port == NO_PORT:
                return NO_PORT
            chain = self._ports.get(port)
            if chain is None:
                return port
            for other in chain:
                if not _harmless(endpoint, address, v6only, other) and not udp_pair_shares(endpoint, other):
                    break
            else:
                return port

    def autobind(self, endpoint: Endpoint) -> int:
        """A port for a socket that sends or connects without one; 0 or EAGAIN."""
        if endpoint.local_port != 0:
            return 0
        return EAGAIN if self.bind(endpoint, endpoint.local, 0) != 0 else 0

    # --- membership ---------------------------------------------------------------------------

    def _enter(self, endpoint: Endpoint) -> None:
        port = endpoint.local_port
        chain = self._ports.get(port)
        if chain is None:
            chain = []
            self._ports[port] = chain
        if endpoint.reuse_port:
            join_group(endpoint, chain)
        at_end = endpoint.reuse_port and endpoint.family == AF_INET6
        if at_end:
            chain.append(endpoint)
        else:
            chain.insert(0, endpoint)
        slot = port & (self.settings.udp_slots - 1)
        self._slot_counts[slot] = self._slot_counts.get(slot, 0) + 1
        self._enter_address(endpoint, at_end)

    def restore(self, endpoint: Endpoint) -> None:
        """Enter an endpoint as its fields say, without asking whether it may."""
        self._enter(endpoint)
        if endpoint.peer_port != 0:
            self._file(endpoint)

    def _file(self, endpoint: Endpoint) -> None:
        """Enter a connected socket into the table of four-tuples; it leaves its group for that."""
        if endpoint.group is not None:
            endpoint.group.leave(endpoint)
        self._filed[endpoint] = endpoint_key(endpoint)
        self.exact.add(endpoint)

    def _enter_address(self, endpoint: Endpoint, at_end: bool) -> None:
        key = pack_address(endpoint.local, endpoint.local_port)
        chain = self._addresses.get(key)
        if chain is None:
            self._addresses[key] = [endpoint]
        elif at_end:
            chain.append(endpoint)
        else:
            chain.insert(0, endpoint)

    def _leave_address(self, endpoint: Endpoint) -> None:
        key = pack_address(endpoint.local, endpoint.local_port)
        chain = self._addresses.get(key)
        if chain is not None and endpoint in chain:
            chain.remove(endpoint)
            if not chain:
                del self._addresses[key]

    def _move(self, endpoint: Endpoint, address: int) -> None:
        """Change the local address of a hashed socket: newest of its new chain, out of its group."""
        if endpoint.group is not None:
            endpoint.group.leave(endpoint)
        if pack_address(address, 0) == pack_address(endpoint.local, 0):
            endpoint.local = address
            return
        self._leave_address(endpoint)
        endpoint.local = address
        self._enter_address(endpoint, False)

    def remove(self, endpoint: Endpoint) -> None:
        """Remove from every table; its fields keep their values."""
        self.exact.remove(endpoint)
        if endpoint.group is not None:
            endpoint.group.leave(endpoint)
        port = endpoint.local_port
        chain = self._ports.get(port)
        if chain is None or endpoint not in chain:
            return
        chain.remove(endpoint)
        if not chain:
            del self._ports[port]
        if endpoint in self._filed:
            del self._filed[endpoint]
        slot = port & (self.settings.udp_slots - 1)
        self._slot_counts[slot] -= 1
        if not self._slot_counts[slot]:
            del self._slot_counts[slot]
        self._leave_address(endpoint)

    # --- connect ------------------------------------------------------------------------------

    def connect(self, endpoint: Endpoint, local: int, peer: int, peer_port: int) -> int:
        """Fix the peer, and ``local`` as the address of a wildcard socket; 0 or EAGAIN.

        A socket is filed in the table of four-tuples at its first connect(), leaving its group, and
        again only when its wildcard address becomes concrete. So Linux does not find it there after
        a second connect() to another peer, only by score (``udp_lib_hash4``, ``udp_lib_rehash``).
        """
        code = self.autobind(endpoint)
        if code != 0:
            return code
        self.exact.remove(endpoint)
        refile = is_any(endpoint.local)
        if refile:
            self._move(endpoint, local)
        endpoint.peer = peer
        endpoint.peer_port = peer_port
        endpoint.state = ESTABLISHED
        group = endpoint.group
        if group is not None:
            group.has_connections = True
        if self.settings.rules.udp_exact_table:
            filed = self._filed.get(endpoint, -1)
            if filed < 0 or refile:
                self._file(endpoint)
            elif filed == endpoint_key(endpoint):
                self.exact.add(endpoint)
        return 0

    def bind_device(self, endpoint: Endpoint, device: int) -> None:
        """SO_BINDTODEVICE on a socket that has a port: it leaves its group, and a connected one is
        filed anew (Linux ``sock_bindtoindex`` rehashes)."""
        endpoint.device = device
        if endpoint.group is not None:
            endpoint.group.leave(endpoint)
        if endpoint in self._filed and endpoint.state == ESTABLISHED:
            self.exact.remove(endpoint)
            self._filed[endpoint] = endpoint_key(endpoint)
            self.exact.add(endpoint)

    def disconnect(self, endpoint: Endpoint) -> None:
        """connect() to AF_UNSPEC: address and port return to what the program bound, if it did.

        A port the system chose is given back (Linux ``__udp_disconnect``). Linux also unbinds the
        device, and forgets to reset an AF_INET6 socket's peer address: IPv6 datagrams from other
        addresses still pass it by.
        """
        self.exact.remove(endpoint)
        endpoint.state = CLOSE
        endpoint.peer_port = 0
        endpoint.device = 0
        wild = V6_ANY
        if endpoint.family == AF_INET:
            wild = V4_ANY
            endpoint.peer = wild
        if not endpoint.port_locked:
            self.remove(endpoint)
            endpoint.local_port = 0
            if not endpoint.address_locked:
                endpoint.local = wild
        elif not endpoint.address_locked:
            self._move(endpoint, wild)

    def delivered(self, endpoint: Endpoint, source: int) -> None:
        """Told that ``endpoint`` got a datagram: a connected one remembers the CPU it came in on, as
        if by SO_INCOMING_CPU, which after a disconnect still counts in its score."""
        if endpoint.peer_port != 0 or not (is_v4(source) or endpoint.peer == V6_ANY):
            endpoint.incoming_cpu = self.settings.cpu

    # --- lookup -------------------------------------------------------------------------------

    def lookup(
        self,
        source: int,
        source_port: int,
        destination: int,
        destination_port: int,
        ifindex: int,
        why: Reasons | None,
    ) -> Endpoint | None:
        """Who gets a unicast datagram."""
        settings = self.settings
        if settings.rules.udp_exact_table:
            key = pack_tuple(source, source_port, destination, destination_port)
            connected = self.exact.find(key, ifindex)
            if why is not None:
                others = self.exact.all_of(key)
                why.add("udp.connected", "sockets connected to this peer", None, SEARCHED, len(others))
                for other in others:
                    if other is connected:
                        why.add("udp.connected", "connected to this peer", other, WINS, -1)
                    else:
                        text = f"bound to device {other.device}, or older"
                        why.add("udp.connected", text, other, NO_MATCH, -1)
            if connected is not None:
                return connected
        chain = self._addresses.get(pack_address(destination, destination_port))
        if why is not None:
            count = len(chain) if chain is not None else 0
            text = f"sockets on {format_ip(destination)} port {destination_port}"
            why.add("udp.address", text, None, SEARCHED, count)
        if chain is not None:
            found = walk_udp(
                chain, source, source_port, destination, destination_port, ifindex, settings, why
            )
            if found is not None:
                return found
        chain = self._addresses.get(destination_port)
        if why is not None:
            count = len(chain) if chain is not None else 0
            text = f"sockets on any address, port {destination_port}"
            why.add("udp.wildcard", text, None, SEARCHED, count)
        if chain is None:
            return None
        return walk_udp(chain, source, source_port, destination, destination_port, ifindex, settings, why)

    def lookup_multicast(
        self,
        source: int,
        source_port: int,
        destination: int,
        destination_port: int,
        ifindex: int,
        why: Reasons | None,
    ) -> list[Endpoint]:
        """Everyone who gets a copy of a multicast or broadcast datagram, newest bind first."""
        found: list[Endpoint] = []
        chain = self._ports.get(destination_port)
        if why is not None:
            count = len(chain) if chain is not None else 0
            why.add("udp.multicast", f"sockets on port {destination_port}", None, SEARCHED, count)
        if chain is None:
            return found
        v4 = V4_BASE <= destination <= V4_LAST
        # Memberships and IP_MULTICAST_ALL say nothing of broadcasts.
        group = is_multicast(destination)
        for endpoint in chain:
            text = ""
            if v4:
                if endpoint.v6only:
                    text = "IPV6_V6ONLY keeps IPv4 away"
                elif endpoint.local != destination and not is_any(endpoint.local):
                    text = "bound to another address"
            elif endpoint.family != AF_INET6:
                text = "receives IPv4 only"
            elif endpoint.local != destination and endpoint.local != V6_ANY:
                text = "bound to another address"
            if not text:
                if endpoint.peer_port != 0 and (endpoint.peer != source or endpoint.peer_port != source_port):
                    text = "connected to another peer"
                elif endpoint.device != 0 and endpoint.device != ifindex:
                    text = f"bound to device {endpoint.device}"
                elif group and not source_allowed(endpoint, destination, source, ifindex):
                    text = "its memberships keep this group or source away"
            if not text:
                found.append(endpoint)
            if why is not None:
                why.add("udp.multicast", text or "gets a copy", endpoint, NO_MATCH if text else WINS, -1)
        return found

    def endpoints(self) -> list[Endpoint]:
        """All of them, by port in the order the ports were first taken."""
        found: list[Endpoint] = []
        for chain in self._ports.values():
            found.extend(chain)
        return found


def _harmless(endpoint: Endpoint, address: int, v6only: bool, other: Endpoint) -> str:
    """Why ``other`` is not in the way of ``endpoint``; empty if it is."""
    if other is endpoint:
        return "the socket itself"
    if endpoint.reuse_addr and other.reuse_addr:
        return "both have SO_REUSEADDR"
    if not devices_overlap(endpoint, other):
        return "bound to another device"
    if not addresses_overlap(endpoint.family, address, v6only, other.local, other.v6only, True, True):
        return "no address in common"
    return ""
