"""Short words for port table tests.

Sockets are described in one string: ``"tcp4 ra rp uid=1 dev=2 v6only"``; addresses are written as
text, ``"10.0.0.1:80"`` or ``"[::1]:80"``.
"""

from __future__ import annotations

from errno import errorcode

from fourtuple.clock.streams import Stream
from fourtuple.ports.bind import check_bind, check_listen
from fourtuple.ports.endpoint import (
    AF_INET,
    AF_INET6,
    ESTABLISHED,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    TIME_WAIT,
    Endpoint,
)
from fourtuple.ports.reason import Reasons
from fourtuple.ports.tables import PortTables
from fourtuple.ports.timewait import TimeWaitOwner
from fourtuple.wire.address import parse_ip

SECRET = bytes(range(16))


def split(text: str) -> tuple[int, int]:
    """The address and port written as ``address:port``."""
    address, _, port = text.rpartition(":")
    return parse_ip(address.strip("[]")), int(port)


def make(words: str) -> Endpoint:
    """The endpoint ``words`` describe; it is in no table."""
    kind, *options = words.split()
    endpoint = Endpoint(
        PROTOCOL_TCP if kind.startswith("tcp") else PROTOCOL_UDP, AF_INET6 if kind[-1] == "6" else AF_INET, 0
    )
    for option in options:
        name, _, value = option.partition("=")
        if name == "ra":
            endpoint.reuse_addr = True
        elif name == "rp":
            endpoint.reuse_port = True
        elif name == "v6only":
            endpoint.v6only = True
        elif name == "uid":
            endpoint.uid = int(value)
        elif name == "dev":
            endpoint.device = int(value)
        elif name == "cpu":
            endpoint.incoming_cpu = int(value)
        elif name == "range":
            low, _, high = value.partition("-")
            endpoint.port_low, endpoint.port_high = int(low), int(high)
        elif name == "no-port":
            endpoint.bind_no_port = True
        else:
            raise ValueError(option)
    return endpoint


def name_of(code: int) -> str:
    return errorcode[code] if code else "ok"


class OldConnection(TimeWaitOwner):
    """The owner of a TIME_WAIT."""

    def __init__(self, age: int, timestamps: bool, substate: int) -> None:
        super().__init__()
        self.timestamps = timestamps
        self.substate = substate
        self.nanoseconds = age
        self.successor: Endpoint | None = None

    def age(self) -> int:
        return self.nanoseconds

    def taken_over(self, by: Endpoint) -> None:
        self.successor = by


class PortsHost:
    """Port tables and the calls on them."""

    def __init__(self) -> None:
        self.tables = PortTables(SECRET, Stream(1, "ports"))

    def try_bind(self, words: str, where: str) -> str:
        """What check_bind() says, after making sure that bind() would say the same."""
        endpoint = make(words)
        address, port = split(where)
        asked = check_bind(self.tables, endpoint, address, port, None)
        explained = check_bind(self.tables, endpoint, address, port, Reasons())
        assert asked == explained
        if asked != 0:
            assert self.tables.bind(endpoint, address, port) == asked
        return name_of(asked)

    def bound(self, words: str, where: str) -> Endpoint:
        endpoint = make(words)
        assert name_of(self.tables.bind(endpoint, *split(where))) == "ok"
        return endpoint

    def listening(self, words: str, where: str) -> Endpoint:
        endpoint = self.bound(words, where)
        assert self.listen(endpoint) == "ok"
        return endpoint

    def restored(self, words: str, where: str, state: int) -> Endpoint:
        """A socket of a snapshot, which the bind rules might refuse."""
        endpoint = make(words)
        endpoint.local, endpoint.local_port = split(where)
        endpoint.state = state
        self.tables.restore(endpoint)
        return endpoint

    def listen(self, endpoint: Endpoint) -> str:
        if endpoint.local_port:
            asked = check_listen(self.tables, endpoint, None)
            answer = self.tables.listen(endpoint)
            assert asked == answer
            return name_of(answer)
        return name_of(self.tables.listen(endpoint))

    def connected(self, words: str, local: str, peer: str) -> Endpoint:
        """A TCP client; port 0 of ``local`` lets the tables choose."""
        endpoint = make(words)
        address, port = split(local)
        if port:
            assert self.tables.bind(endpoint, address, port) == 0
        assert name_of(self.tables.connect_tcp(endpoint, address, *split(peer))) == "ok"
        endpoint.state = ESTABLISHED
        return endpoint

    def connect(self, endpoint: Endpoint, local: str, peer: str) -> str:
        return name_of(self.tables.connect_tcp(endpoint, parse_ip(local), *split(peer)))

    def accepted(self, listener: Endpoint, local: str, peer: str, uid: int = 0) -> Endpoint:
        child = listener.child(parse_ip(local), *split(peer))
        child.uid = uid
        child.state = ESTABLISHED
        self.tables.insert_established(child)
        return child

    def to_time_wait(
        self,
        endpoint: Endpoint,
        age: int = 2_000_000_000,
        timestamps: bool = True,
        substate: int = TIME_WAIT,
    ) -> Endpoint:
        rest = endpoint.time_wait()
        rest.owner = OldConnection(age, timestamps, substate)
        self.tables.replace_established(endpoint, rest)
        return rest

    def tcp(self, source: str, destination: str, device: int = 1) -> Endpoint | None:
        """Who gets a segment; explaining it must not change the answer."""
        arguments = (*split(source), *split(destination), device)
        found = self.tables.lookup_tcp(*arguments, None)
        assert self.tables.lookup_tcp(*arguments, Reasons()) is found
        return found

    def udp(self, source: str, destination: str, device: int = 1) -> Endpoint | None:
        """Who gets a datagram; explaining it must not change the answer."""
        arguments = (*split(source), *split(destination), device)
        found = self.tables.lookup_udp(*arguments, None)
        assert self.tables.lookup_udp(*arguments, Reasons()) is found
        return found

    def multicast(self, source: str, destination: str, device: int = 1) -> list[Endpoint]:
        arguments = (*split(source), *split(destination), device)
        found = self.tables.lookup_udp_multicast(*arguments, None)
        assert self.tables.lookup_udp_multicast(*arguments, Reasons()) == found
        return found

    def udp_connect(self, endpoint: Endpoint, local: str, peer: str) -> str:
        return name_of(self.tables.connect_udp(endpoint, parse_ip(local), *split(peer)))
