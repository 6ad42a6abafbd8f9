"""The TCP half of the port tables: bind buckets, listeners, exact four-tuples.

Linux ``inet_csk_get_port``, ``inet_csk_listen_start``, ``__inet_hash_connect``,
``__inet_check_established`` and ``__inet_lookup``.
"""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL

from ..wire.address import V4_ANY, V6_ANY, format_ip, is_any, is_loopback
from .bucket import BindBucket
from .conflict import (
    addresses_overlap,
    devices_overlap,
    effective_v6only,
    tcp_pair_conflicts,
    tcp_pair_reason,
)
from .endpoint import (
    AF_INET,
    AF_INET6,
    CLOSE,
    FIN_WAIT_2,
    LISTEN,
    NEW_SYN_RECV,
    STATE_NAMES,
    SYN_SENT,
    TIME_WAIT,
    Endpoint,
)
from .ephemeral import NO_PORT, BindSearch, ConnectSearch, ConnectUse
from .exact import ExactTable, pack_tuple
from .lookup import pack_address, walk_listeners
from .reason import CONFLICTS, DECIDED, NO_MATCH, PASSES, SEARCHED, WINS, Reasons
from .reuseport import join_group
from .settings import PortSettings
from .timewait import TimeWaitOwner


class TcpTable:
    """Who holds which TCP port, and who gets a segment."""

    __slots__ = ("_buckets", "_listeners", "_uses", "exact", "settings")

    def __init__(self, settings: PortSettings) -> None:
        self.settings = settings
        self.exact: ExactTable = ExactTable()
        """Established connections, connection requests and TIME_WAIT."""
        self._buckets: dict[int, BindBucket] = {}
        self._listeners: dict[int, list[Endpoint]] = {}
        self._uses: dict[int, ConnectUse] = {}

    # --- bind ---------------------------------------------------------------------------------

    def bind(self, endpoint: Endpoint, address: int, port: int) -> int:
        """Give ``endpoint`` the port, or one of the system's choice for 0; 0 or EADDRINUSE."""
        v6only = effective_v6only(endpoint, address)
        code, chosen = self._get_port(endpoint, address, v6only, port)
        if code != 0:
            return code
        endpoint.local = address
        endpoint.v6only = v6only
        endpoint.local_port = chosen
        self._own(endpoint)
        return 0

    def conflicts(
        self,
        endpoint: Endpoint,
        address: int,
        v6only: bool,
        port: int,
        relax: bool,
        reuseport_ok: bool,
        why: Reasons | None,
    ) -> bool:
        """Whether an owner of ``port`` keeps ``endpoint`` from it."""
        bucket = self._buckets.get(port)
        if bucket is None:
            if why is not None:
                why.add("tcp.bind", f"nobody holds port {port}", None, DECIDED, 0)
            return False
        if why is not None:
            why.add("tcp.bind", f"owners of port {port}", None, SEARCHED, len(bucket.owners))
        wild = is_any(address)
        for other in bucket.owners:
            if other is endpoint:
                continue
            if not self._overlap(endpoint, address, v6only, wild, other):
                if why is not None:
                    why.add("tcp.bind", _describe(other) + "no address in common", other, PASSES, -1)
                continue
            if not devices_overlap(endpoint, other):
                if why is not None:
                    why.add("tcp.bind", _describe(other) + "bound to another device", other, PASSES, -1)
                continue
            conflict = tcp_pair_conflicts(endpoint, other, relax, reuseport_ok)
            if why is not None:
                text = _describe(other) + tcp_pair_reason(endpoint, other)
                why.add("tcp.bind", text, other, CONFLICTS if conflict else PASSES, -1)
            if conflict:
                return True
        return False

    def check(self, endpoint: Endpoint, address: int, port: int, why: Reasons | None) -> int:
        """What :meth:`bind` to a given port would answer (also what listen() would, for a
        listening state); changes nothing."""
        v6only = effective_v6only(endpoint, address)
        bucket = self._buckets.get(port)
        if bucket is not None and self._waved_through(bucket, endpoint, address, v6only):
            if why is not None:
                text = f"port {port} remembers a SO_REUSEPORT binder that vouches for this one"
                why.add("tcp.bind.cache", text, None, DECIDED, -1)
            return 0
        return EADDRINUSE if self.conflicts(endpoint, address, v6only, port, True, True, why) else 0

    def _get_port(self, endpoint: Endpoint, address: int, v6only: bool, port: int) -> tuple[int, int]:
        if port == 0:
            port = self.find_open_port(endpoint, address, v6only)
            if port == NO_PORT:
                return EADDRINUSE, 0
            bucket = self._buckets.get(port)
        else:
            bucket = self._buckets.get(port)
            if (
                bucket is not None
                and not self._waved_through(bucket, endpoint, address, v6only)
                and self.conflicts(endpoint, address, v6only, port, True, True, None)
            ):
                return EADDRINUSE, 0
        if bucket is None:
            bucket = BindBucket(port)
            self._buckets[port] = bucket
        bucket.remember(endpoint, address, v6only)
        return 0, port

    def _waved_through(self, bucket: BindBucket, endpoint: Endpoint, address: int, v6only: bool) -> bool:
        return self.settings.rules.bucket_cache and bucket.waves_through(endpoint, address, v6only)

    def _overlap(self, endpoint: Endpoint, address: int, v6only: bool, wild: bool, other: Endpoint) -> bool:
        if wild or is_any(other.local):
            return addresses_overlap(endpoint.family, address, v6only, other.local, other.v6only, True, True)
        # Two concrete addresses: Linux compares them by its second bind hash.
        return address == other.local

    def find_open_port(self, endpoint: Endpoint, address: int, v6only: bool) -> int:
        """A port for bind() to port 0 or listen() without bind(), NO_PORT if there is none.

        The test is strict: two SO_REUSEADDR sockets conflict as well, unless nothing else is left
        and ``ip_autobind_reuse`` is set.
        """
        relax = False
        while True:
            half = 1 if endpoint.reuse_addr else 0
            while True:
                search = BindSearch(self.settings, endpoint, half)
                while True:
                    port = search.next()
                    if port == NO_PORT:
                        break
                    if not self.conflicts(endpoint, address, v6only, port, relax, False, None):
                        return port
                if half != 1:
                    break
                half = 2
            if relax or not self.settings.autobind_reuse:
                return NO_PORT
            relax = True

    # --- ownership ----------------------------------------------------------------------------

    def _own(self, endpoint: Endpoint) -> None:
        port = endpoint.local_port
        bucket = self._buckets.get(port)
        if bucket is None:
            bucket = BindBucket(port)
            self._buckets[port] = bucket
        bucket.add(endpoint)

    def _disown(self, endpoint: Endpoint) -> None:
        if endpoint.use is not None:
            self._end_use(endpoint, endpoint.use)
        bucket = self._buckets.get(endpoint.local_port)
        if bucket is not None:
            bucket.remove(endpoint, self.settings.rules.connect_shares_again)
            if not bucket.owners:
                del self._buckets[endpoint.local_port]

    def release_port(self, endpoint: Endpoint) -> None:
        """Give the port back: the endpoint has none from here on."""
        self._disown(endpoint)
        endpoint.local_port = 0
        endpoint.port_by_connect = False

    # --- listen -------------------------------------------------------------------------------

    def listen(self, endpoint: Endpoint) -> int:
        """Check the port again as a listener and enter the listening table; 0 or EADDRINUSE."""
        if endpoint.state == LISTEN:
            return 0
        before = endpoint.state
        endpoint.state = LISTEN
        code, port = self._get_port(endpoint, endpoint.local, endpoint.v6only, endpoint.local_port)
        if code != 0:
            endpoint.state = before
            return code
        endpoint.local_port = port
        self._own(endpoint)
        self._enter_listeners(endpoint)
        return 0

    def unlisten(self, endpoint: Endpoint) -> None:
        """Leave the listening table (shutdown() of a listener): the port stays if the program had
        asked for it by number."""
        self._leave_listeners(endpoint)
        endpoint.state = CLOSE
        if not endpoint.port_locked:
            self.release_port(endpoint)

    def _enter_listeners(self, endpoint: Endpoint) -> None:
        key = pack_address(endpoint.local, endpoint.local_port)
        listeners = self._listeners.get(key)
        if listeners is None:
            listeners = []
            self._listeners[key] = listeners
        if endpoint.reuse_port:
            join_group(endpoint, listeners)
        if endpoint.reuse_port and endpoint.family == AF_INET6:
            listeners.append(endpoint)
        else:
            listeners.insert(0, endpoint)

    def _leave_listeners(self, endpoint: Endpoint) -> None:
        key = pack_address(endpoint.local, endpoint.local_port)
        listeners = self._listeners.get(key)
        if listeners is not None and endpoint in listeners:
            listeners.remove(endpoint)
            if not listeners:
                del self._listeners[key]
        if endpoint.group is not None:
            endpoint.group.leave(endpoint)

    # --- connect ------------------------------------------------------------------------------

    def connect(self, endpoint: Endpoint, local: int, peer: int, peer_port: int) -> int:
        """Enter SYN_SENT with a four-tuple of its own; 0 or EADDRNOTAVAIL."""
        port = endpoint.local_port
        if port != 0:
            key = pack_tuple(peer, peer_port, local, port)
            if not self._claim(endpoint, key, True):
                if endpoint.address_locked:
                    # ::ffff:0.0.0.0 has become concrete, and nothing takes that back.
                    endpoint.local = local
                return EADDRNOTAVAIL
        else:
            search = ConnectSearch(self.settings, endpoint, local, peer, peer_port)
            use: ConnectUse | None = None
            if endpoint.device == 0 and not search.range.own:
                use = self._use(search, pack_tuple(peer, peer_port, local, 0))
                search.skip_used(use)
            while True:
                port = search.next()
                if port == NO_PORT:
                    return EADDRNOTAVAIL
                bucket = self._buckets.get(port)
                if bucket is None:
                    break
                if not bucket.open_to_connect:
                    continue
                if self._claim(endpoint, pack_tuple(peer, peer_port, local, port), False):
                    break
            search.taken()
            endpoint.port_by_connect = True
            if use is not None:
                use.add(port, 1)
                endpoint.use = use
                self._uses[use.key] = use
        endpoint.local = local
        endpoint.local_port = port
        endpoint.peer = peer
        endpoint.peer_port = peer_port
        endpoint.state = SYN_SENT
        self._own(endpoint)
        self.exact.add(endpoint)
        return 0

    def _use(self, search: ConnectSearch, key: int) -> ConnectUse:
        use = self._uses.get(key)
        if use is None or use.low != search.range.low or use.high != search.range.high:
            return ConnectUse(key, search.range.low, search.range.high)
        return use

    def _end_use(self, endpoint: Endpoint, use: ConnectUse) -> None:
        endpoint.use = None
        use.add(endpoint.local_port, -1)
        if use.low_parity == 0 and use.other_parity == 0 and self._uses.get(use.key) is use:
            del self._uses[use.key]

    def _claim(self, endpoint: Endpoint, key: int, port_given: bool) -> bool:
        """Whether the four-tuple is free; one in a TIME_WAIT that may be reused is freed."""
        other = self.exact.find(key, endpoint.device)
        if other is None:
            return True
        owner = other.owner
        if (
            other.state != TIME_WAIT
            or not isinstance(owner, TimeWaitOwner)
            or not self.may_reuse(other, owner, port_given)
        ):
            return False
        self.remove(other)
        owner.taken_over(endpoint)
        return True

    def may_reuse(self, endpoint: Endpoint, owner: TimeWaitOwner, port_given: bool) -> bool:
        """Whether connect() may take over a TIME_WAIT (Linux ``tcp_twsk_unique``).

        Timestamps are needed always. A socket that bound its port itself needs nothing else; a port
        of the system's choice also needs ``tcp_tw_reuse``, an age beyond ``tcp_tw_reuse_delay``
        and a real TIME_WAIT rather than a FIN_WAIT_2 in one.
        """
        if not owner.timestamps:
            return False
        if port_given:
            return True
        settings = self.settings
        reuse = settings.tw_reuse
        if reuse == 0 or owner.substate == FIN_WAIT_2:
            return False
        if reuse == 2 and not (
            is_loopback(endpoint.local)
            or is_loopback(endpoint.peer)
            or endpoint.device == settings.loopback_ifindex
        ):
            return False
        return owner.age() > settings.tw_reuse_delay

    def disconnect(self, endpoint: Endpoint) -> None:
        """Leave the table of connections after a failed or undone connect().

        The port stays if the program had asked for it by number, the address if it had asked for
        that (Linux ``tcp_set_state(TCP_CLOSE)``, ``inet_bhash2_reset_saddr``).
        """
        self.exact.remove(endpoint)
        endpoint.state = CLOSE
        if not endpoint.port_locked:
            self.release_port(endpoint)
        endpoint.peer_port = 0
        if not endpoint.address_locked:
            endpoint.local = V4_ANY if endpoint.family == AF_INET else V6_ANY
        endpoint.peer = V4_ANY if endpoint.family == AF_INET else V6_ANY

    # --- connections --------------------------------------------------------------------------

    def insert(self, endpoint: Endpoint) -> None:
        """Enter a connection under its four-tuple; it owns its port, unless a mere request."""
        self.exact.add(endpoint)
        if endpoint.state != NEW_SYN_RECV:
            self._own(endpoint)

    def replace(self, old: Endpoint, new: Endpoint) -> None:
        """Put ``new`` in the place of ``old``: a child for its request, TIME_WAIT for a connection.

        A socket that asked for its port by number goes on holding it beside its TIME_WAIT, until it is
        closed (``tcp_set_state``).
        """
        if old.key < 0:
            self.insert(new)
            self.remove(old)
            return
        self.exact.replace(old, new)
        if new.state != NEW_SYN_RECV:
            self._own(new)
        if new.state != TIME_WAIT or not old.port_locked:
            self._disown(old)

    def remove(self, endpoint: Endpoint) -> None:
        """Remove from every table; its fields keep their values."""
        if endpoint.key >= 0:
            self.exact.remove(endpoint)
        else:
            self._leave_listeners(endpoint)
        if endpoint.local_port != 0:
            self._disown(endpoint)

    def restore(self, endpoint: Endpoint) -> None:
        """Enter an endpoint as its fields say, without asking whether it may."""
        if endpoint.state == LISTEN:
            self._own(endpoint)
            self._enter_listeners(endpoint)
        elif endpoint.peer_port != 0:
            self.insert(endpoint)
        else:
            self._own(endpoint)

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
        """Who gets a segment: the connection of its four-tuple, else a listener."""
        key = pack_tuple(source, source_port, destination, destination_port)
        endpoint = self.exact.find(key, ifindex)
        if why is not None:
            others = self.exact.all_of(key)
            why.add("tcp.established", "connections of this four-tuple", None, SEARCHED, len(others))
            for other in others:
                if other is endpoint:
                    why.add("tcp.established", f"the connection, {STATE_NAMES[other.state]}", other, WINS, -1)
                else:
                    text = f"bound to device {other.device}, or older"
                    why.add("tcp.established", text, other, NO_MATCH, -1)
        if endpoint is not None:
            return endpoint
        return self.lookup_listener(source, source_port, destination, destination_port, ifindex, why)

    def lookup_listener(
        self,
        source: int,
        source_port: int,
        destination: int,
        destination_port: int,
        ifindex: int,
        why: Reasons | None,
    ) -> Endpoint | None:
        """Who gets a SYN: a listener on exactly this address, else one on a wildcard."""
        listeners = self._listeners.get(pack_address(destination, destination_port))
        if why is not None:
            count = len(listeners) if listeners is not None else 0
            text = f"listeners on {format_ip(destination)} port {destination_port}"
            why.add("tcp.listener.address", text, None, SEARCHED, count)
        if listeners is not None:
            found = walk_listeners(
                listeners,
                source,
                source_port,
                destination,
                destination_port,
                ifindex,
                self.settings,
                why,
            )
            if found is not None:
                return found
        listeners = self._listeners.get(destination_port)
        if why is not None:
            count = len(listeners) if listeners is not None else 0
            text = f"listeners on any address, port {destination_port}"
            why.add("tcp.listener.wildcard", text, None, SEARCHED, count)
        if listeners is None:
            return None
        return walk_listeners(
            listeners,
            source,
            source_port,
            destination,
            destination_port,
            ifindex,
            self.settings,
            why,
        )

    def owners(self, port: int) -> list[Endpoint]:
        """Who holds ``port``, in the order they came."""
        bucket = self._buckets.get(port)
        return list(bucket.owners) if bucket is not None else []

    def endpoints(self) -> list[Endpoint]:
        """All of them, by port in the order the ports were first taken; then the requests."""
        found: list[Endpoint] = []
        for bucket in self._buckets.values():
            found.extend(bucket.owners)
        found.extend([endpoint for endpoint in self.exact.endpoints() if endpoint.state == NEW_SYN_RECV])
        return found


def _describe(other: Endpoint) -> str:
    return f"{STATE_NAMES[other.state]} on {format_ip(other.local)}: "
