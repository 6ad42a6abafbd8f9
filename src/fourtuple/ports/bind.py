"""Would bind() or listen() work: the questions, without doing it."""

from __future__ import annotations

from .endpoint import LISTEN, PROTOCOL_TCP, Endpoint
from .reason import Reasons
from .tables import PortTables


def check_bind(tables: PortTables, endpoint: Endpoint, address: int, port: int, why: Reasons | None) -> int:
    """What binding ``endpoint`` to a given address and port would answer: 0 or EADDRINUSE.

    Pure. Port 0 is answered with 0: whether one is left is known only by searching.
    """
    if port == 0:
        return 0
    if endpoint.protocol == PROTOCOL_TCP:
        return tables.tcp.check(endpoint, address, port, why)
    return tables.udp.check(endpoint, address, port, why)


def check_listen(tables: PortTables, endpoint: Endpoint, why: Reasons | None) -> int:
    """What listen() on a bound TCP endpoint would answer: 0 or EADDRINUSE. Pure."""
    if endpoint.state == LISTEN:
        return 0
    before = endpoint.state
    endpoint.state = LISTEN
    code = tables.tcp.check(endpoint, endpoint.local, endpoint.local_port, why)
    endpoint.state = before
    return code
