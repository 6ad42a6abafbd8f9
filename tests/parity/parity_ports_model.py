"""Holds port tables against a recording of what a kernel did.

A recording is a list of events, each a list: the call, its arguments and the kernel's answer
(errno, chosen port, receiver). The calls are repeated on PortTables; whatever the kernel chose at
random (ports, group members) the model must allow, everything else it must predict.
"""

from __future__ import annotations

from fourtuple.clock.streams import Stream
from fourtuple.ports.bind import check_bind, check_listen
from fourtuple.ports.endpoint import (
    AF_INET,
    AF_INET6,
    CLOSE_WAIT,
    ESTABLISHED,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    Endpoint,
)
from fourtuple.ports.ephemeral import NO_PORT, PortRange
from fourtuple.ports.multicast import Membership
from fourtuple.ports.settings import Rules
from fourtuple.ports.tables import PortTables
from fourtuple.ports.timewait import TimeWaitOwner
from fourtuple.wire.address import is_multicast, parse_ip

Event = list[object]
NEAR = 2


class Mismatch:
    """An answer of the model that differs from the kernel's."""

    def __init__(self, index: int, event: Event, answer: object, history: list[Event]) -> None:
        self.index = index
        self.event = event
        self.answer = answer
        self.history = history

    def __str__(self) -> str:
        steps = "\n".join(f"    {event}" for event in self.history)
        return f"event {self.index}: the model says {self.answer!r} to\n{steps}"


class Report:
    """What a replay found."""

    def __init__(self) -> None:
        self.binds = 0
        self.lookups = 0
        self.connects = 0
        self.by_chance = 0
        """Verdicts that hung on where the kernel's port search began."""
        self.mismatches: list[Mismatch] = []


def replay(events: list[Event], rules: Rules | None = None) -> Report:
    """Repeat ``events`` on PortTables under ``rules`` (default: all of Linux's).

    After a mismatch the rest of its sequence is skipped: the model has left the kernel's track.
    """
    report = Report()
    run = _Run(rules)
    history: list[Event] = []
    lost = False
    for index, event in enumerate(events):
        if event[0] == "end":
            run = _Run(rules)
            history = []
            lost = False
            continue
        if lost:
            continue
        history.append(event)
        answer = run.step(event, report)
        if answer is not None and run.by_chance(event):
            report.by_chance += 1
            lost = True
        elif answer is not None:
            report.mismatches.append(Mismatch(index, event, answer, history))
            lost = True
    return report


class _TimeWait(TimeWaitOwner):
    """A TIME_WAIT of the recording, entered now."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.run = run
        self.entered = run.now
        self.timestamps = True

    def age(self) -> int:
        return self.run.now - self.entered

    def taken_over(self, by: Endpoint) -> None:
        pass


class _Run:
    """One sequence. Each handler returns None, or the model's differing answer."""

    def __init__(self, rules: Rules | None) -> None:
        self.tables = PortTables(b"parity secret 16", Stream(0, "parity"))
        if rules is not None:
            self.tables.rules = rules
        # The port hash of the kernel that was recorded; the sequences' ports are all in one half.
        self.tables.udp_slots = 16384
        self.endpoints: dict[int, Endpoint] = {}
        self.now = 0
        self.searching = False

    def step(self, event: Event, report: Report) -> object | None:
        name = str(event[0])
        if name in ("bind", "listen"):
            report.binds += 1
        elif name in ("tcp", "udp"):
            report.lookups += 1
        elif name in ("connect", "connect-far", "connect-free", "udp-connect"):
            report.connects += 1
        handler = getattr(self, "on_" + name.replace("-", "_"))
        answer: object | None = handler(*event[1:])
        return answer

    def by_chance(self, event: Event) -> bool:
        """Whether the answer depends on the random start of a port search: of an odd number of ports
        one, which depends on the start, is never tried."""
        searched = (
            event[0] == "connect-free"
            or (event[0] == "bind" and event[3] == 0)
            or (event[0] == "listen" and self.searching)
        )
        if not searched:
            return False
        ports = PortRange(self.tables, self.endpoints[int(str(event[1]))])
        count = ports.high - ports.low + 1
        return count > 1 and count % 2 == 1

    def on_socket(
        self, id: int, kind: str, v6: bool, uid: int, ra: bool, rp: bool, v6only: bool, device: int
    ) -> object | None:
        protocol = PROTOCOL_TCP if kind == "tcp" else PROTOCOL_UDP
        endpoint = Endpoint(protocol, AF_INET6 if v6 else AF_INET, uid)
        endpoint.reuse_addr = ra
        endpoint.reuse_port = rp
        endpoint.v6only = v6only
        endpoint.device = device
        self.endpoints[id] = endpoint
        return None

    def on_option(self, id: int, name: str, value: bool) -> object | None:
        if name == "ra":
            self.endpoints[id].reuse_addr = value
        else:
            self.endpoints[id].reuse_port = value
        return None

    def on_cpu(self, id: int, here: bool) -> object | None:
        self.endpoints[id].incoming_cpu = 0 if here else 1
        return None

    def on_device(self, id: int, device: int) -> object | None:
        self.tables.bind_device(self.endpoints[id], device)
        return None

    def on_bind(self, id: int, address: str, port: int, code: int, chosen: int) -> object | None:
        endpoint = self.endpoints[id]
        if port == 0 and chosen and endpoint.protocol == PROTOCOL_TCP:
            own = self.tables.tcp.find_open_port(endpoint, parse_ip(address), endpoint.v6only)
            if own == NO_PORT or not self._same_class(endpoint, chosen, own):
                return f"port like {own}"
        asked = check_bind(self.tables, endpoint, parse_ip(address), port, None)
        answer = self._with_port(endpoint, chosen if port == 0 else 0, address, port)
        if port != 0 and asked != answer:
            return f"check_bind {asked}, bind {answer}"
        if answer != code:
            return answer
        if code == 0 and endpoint.local_port != chosen:
            return endpoint.local_port
        return None

    def _with_port(self, endpoint: Endpoint, chosen: int, address: str, port: int) -> int:
        """bind() with the system's choice narrowed to what the kernel chose."""
        before = self._narrow(endpoint, chosen)
        code = self.tables.bind(endpoint, parse_ip(address), port)
        endpoint.port_low, endpoint.port_high = before
        return code

    def _narrow(self, endpoint: Endpoint, chosen: int) -> tuple[int, int]:
        """Leave only the port the kernel chose; without one, the range stays as it is."""
        before = endpoint.port_low, endpoint.port_high
        if chosen:
            endpoint.port_low = endpoint.port_high = chosen
        return before

    def _same_class(self, endpoint: Endpoint, chosen: int, own: int) -> bool:
        """Whether two ports are of one parity and, where that counts, one half of the range."""
        return (chosen - own) % 2 == 0 and self._half(endpoint, chosen) == self._half(endpoint, own)

    def _half(self, endpoint: Endpoint, port: int) -> int:
        ports = PortRange(self.tables, endpoint)
        count = ports.high + 1 - ports.low
        if not endpoint.reuse_addr or count < 4:
            return 0
        return 1 if port < ports.low + (count >> 2 << 1) else 2

    def on_listen(self, id: int, code: int, port: int) -> object | None:
        endpoint = self.endpoints[id]
        self.searching = endpoint.local_port == 0
        if self.searching:
            own = self.tables.tcp.find_open_port(endpoint, endpoint.local, endpoint.v6only)
            if code == 0 and (own == NO_PORT or not self._same_class(endpoint, port, own)):
                return f"port like {own}"
            before = self._narrow(endpoint, port)
            answer = self.tables.listen(endpoint)
            endpoint.port_low, endpoint.port_high = before
        else:
            asked = check_listen(self.tables, endpoint, None)
            answer = self.tables.listen(endpoint)
            if asked != answer:
                return f"check_listen {asked}, listen {answer}"
        if answer != code or (code == 0 and endpoint.local_port != port):
            return f"{answer} port {endpoint.local_port}"
        return None

    def on_unlisten(self, id: int) -> object | None:
        self.tables.unlisten(self.endpoints[id])
        return None

    def on_close(self, id: int) -> object | None:
        self.tables.remove(self.endpoints.pop(id))
        return None

    # --- TCP ----------------------------------------------------------------------------------

    def on_tcp(
        self, source: str, source_port: int, address: str, port: int, device: int, receiver: int
    ) -> object | None:
        found = self.tables.lookup_tcp(parse_ip(source), source_port, parse_ip(address), port, device, None)
        return self._compare(found, receiver)

    def _compare(self, found: Endpoint | None, receiver: int) -> object | None:
        """Same receiver; within a SO_REUSEPORT group the kernel's hash is its own."""
        expected = self.endpoints[receiver] if receiver else None
        if found is expected:
            return None
        if (
            found is not None
            and expected is not None
            and found.group is not None
            and found.group is expected.group
        ):
            return None
        return self._id_of(found)

    def _id_of(self, endpoint: Endpoint | None) -> int:
        for id, candidate in self.endpoints.items():
            if candidate is endpoint:
                return id
        return 0 if endpoint is None else -1

    def on_connect(
        self,
        id: int,
        address: str,
        port: int,
        code: int,
        local: str,
        local_port: int,
        listener: int,
        child_id: int,
        uid: int,
    ) -> object | None:
        client = self.endpoints[id]
        peer = parse_ip(address)
        if code != 0:
            # Refused: the SYN from any source port finds nobody.
            device = NEAR if "77" in address else 1
            found = self.tables.lookup_tcp(peer, 40_000, peer, port, device, None)
            return None if found is None else self._id_of(found)
        source = parse_ip(local)
        device = NEAR if "77" in address else 1
        before = self._narrow(client, local_port)
        answer = self.tables.connect_tcp(client, source, peer, port)
        client.port_low, client.port_high = before
        if answer != 0 or client.local_port != local_port:
            return f"{answer} port {client.local_port}"
        found = self.tables.lookup_tcp(source, local_port, peer, port, device, None)
        wrong = self._compare(found, listener)
        if wrong is not None:
            return wrong
        child = self.endpoints[listener].child(peer, source, local_port)
        child.state = client.state = ESTABLISHED
        child.uid = uid
        self.tables.insert_established(child)
        self.endpoints[child_id] = child
        return None

    def on_connect_far(
        self, id: int, address: str, port: int, code: int, local: str, local_port: int
    ) -> object | None:
        endpoint = self.endpoints[id]
        wild = endpoint.local
        if code == 0:
            answer = self.tables.connect_tcp(endpoint, parse_ip(local), parse_ip(address), port)
            endpoint.state = ESTABLISHED
        else:
            source = wild
            if is_wild(wild):
                source = _preferred_source(address)
            answer = self.tables.connect_tcp(endpoint, source, parse_ip(address), port)
            self.tables.disconnect_tcp(endpoint)
        if answer != code:
            return answer
        if endpoint.local != parse_ip(local):
            return f"address {endpoint.local:x}"
        return None

    def on_connect_free(
        self, id: int, address: str, port: int, code: int, local: str, local_port: int
    ) -> object | None:
        endpoint = self.endpoints[id]
        peer = parse_ip(address)
        if code != 0:
            source = parse_ip(local)
            if is_wild(source):
                source = _preferred_source(address)
            return None if self.tables.connect_tcp(endpoint, source, peer, port) == code else 0
        source = parse_ip(local)
        before = self._narrow(endpoint, 0)
        reuse = self.tables.tw_reuse
        # Its own choice, undone at once; it must take over no TIME_WAIT on the way.
        self.tables.tw_reuse = 0
        probe = self.tables.connect_tcp(endpoint, source, peer, port)
        own = endpoint.local_port
        self.tables.disconnect_tcp(endpoint)
        self.tables.tw_reuse = reuse
        parity_counts = not (before[0] or before[1])
        if probe == 0 and parity_counts and (own - local_port) % 2:
            return f"port like {own}"
        self._narrow(endpoint, local_port)
        answer = self.tables.connect_tcp(endpoint, source, peer, port)
        endpoint.port_low, endpoint.port_high = before
        if answer != 0 or endpoint.local_port != local_port:
            return f"{answer} port {endpoint.local_port}"
        endpoint.state = ESTABLISHED
        return None

    def on_timewait_free(self, id: int) -> object | None:
        endpoint = self.endpoints.pop(id)
        rest = endpoint.time_wait()
        rest.owner = _TimeWait(self)
        self.tables.replace_established(endpoint, rest)
        return None

    def on_wait(self, nanoseconds: int) -> object | None:
        self.now += nanoseconds
        return None

    def on_sysctl(self, name: str, value: str) -> object | None:
        numbers = [int(word) for word in value.split()]
        if name == "ip_local_port_range":
            self.tables.local_port_low, self.tables.local_port_high = numbers
        elif name == "ip_local_reserved_ports":
            self.tables.reserved_ports = frozenset(numbers)
        elif name == "ip_autobind_reuse":
            self.tables.autobind_reuse = bool(numbers[0])
        elif name == "tcp_tw_reuse":
            self.tables.tw_reuse = numbers[0]
        else:
            return f"unknown sysctl {name}"
        return None

    def on_own_range(self, id: int, low: int, high: int) -> object | None:
        self.endpoints[id].port_low = low
        self.endpoints[id].port_high = high
        return None

    def on_no_port(self, id: int) -> object | None:
        self.endpoints[id].bind_no_port = True
        return None

    def on_timewait(self, id: int, other: int) -> object | None:
        endpoint = self.endpoints.pop(id)
        self.tables.replace_established(endpoint, endpoint.time_wait())
        self.tables.remove(self.endpoints.pop(other))
        return None

    def on_halfclose(self, id: int) -> object | None:
        endpoint = self.endpoints.pop(id)
        self.tables.replace_established(endpoint, endpoint.time_wait())
        for other in self.endpoints.values():
            if other.peer == endpoint.local and other.peer_port == endpoint.local_port:
                other.state = CLOSE_WAIT
        return None

    # --- UDP ----------------------------------------------------------------------------------

    def on_udp_connect(
        self, id: int, address: str, port: int, code: int, local: str, local_port: int
    ) -> object | None:
        endpoint = self.endpoints[id]
        before = self._narrow(endpoint, local_port)
        answer = self.tables.connect_udp(endpoint, parse_ip(local), parse_ip(address), port)
        endpoint.port_low, endpoint.port_high = before
        if code != 0:
            return None if answer == code else answer
        if answer != code or endpoint.local_port != local_port or endpoint.local != parse_ip(local):
            return f"{answer} address {endpoint.local:x} port {endpoint.local_port}"
        return None

    def on_udp_disconnect(self, id: int, local: str, local_port: int) -> object | None:
        endpoint = self.endpoints[id]
        self.tables.disconnect_udp(endpoint)
        if endpoint.local_port != local_port or endpoint.local != parse_ip(local):
            return f"address {endpoint.local:x} port {endpoint.local_port}"
        return None

    def on_join(self, id: int, group: str, sources: list[str], include: bool) -> object | None:
        addresses = [parse_ip(source) for source in sources]
        self.endpoints[id].memberships = [Membership(parse_ip(group), NEAR, include, addresses)]
        return None

    def on_multicast_all(self, id: int, value: bool) -> object | None:
        self.endpoints[id].multicast_all = value
        return None

    def on_udp(
        self, source: str, source_port: int, address: str, port: int, device: int, receivers: list[int]
    ) -> object | None:
        destination = parse_ip(address)
        if is_multicast(destination):
            copies = self.tables.lookup_udp_multicast(
                parse_ip(source), source_port, destination, port, device, None
            )
            ids = sorted(self._id_of(endpoint) for endpoint in copies)
            for endpoint in copies:
                self.tables.delivered_udp(endpoint, parse_ip(source))
            return None if ids == sorted(receivers) else ids
        found = self.tables.lookup_udp(parse_ip(source), source_port, destination, port, device, None)
        if len(receivers) > 1:
            return "one receiver"
        for id in receivers:
            self.tables.delivered_udp(self.endpoints[id], parse_ip(source))
        return self._compare(found, receivers[0] if receivers else 0)


def _preferred_source(address: str) -> int:
    """The source the kernel prefers towards one of its own addresses."""
    return parse_ip(address.replace("127.0.0.2", "127.0.0.1"))


def is_wild(address: int) -> bool:
    return address in (parse_ip("0.0.0.0"), parse_ip("::"))
