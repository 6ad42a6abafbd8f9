"""What a UDP socket queues: datagrams received, and errors about datagrams sent."""

from __future__ import annotations

from typing import Final

ORIGIN_LOCAL: Final = 1
ORIGIN_ICMP: Final = 2
ORIGIN_ICMP6: Final = 3


class Datagram:
    """A datagram in a receive queue. ``time`` is when it arrived, in ns."""

    __slots__ = ("data", "destination", "ifindex", "size", "source", "source_port", "time", "tos", "ttl")

    def __init__(
        self,
        data: bytes,
        source: int,
        source_port: int,
        destination: int,
        ifindex: int,
        ttl: int,
        tos: int,
        time: int,
        size: int,
    ) -> None:
        self.data = data
        self.source = source
        self.source_port = source_port
        self.destination = destination
        self.ifindex = ifindex
        self.ttl = ttl
        self.tos = tos
        self.time = time
        self.size = size
        """What it charges the receive buffer with, in bytes (``skb->truesize``)."""

    def cut(self, length: int) -> Datagram:
        """The datagram with at most the first ``length`` bytes of its data."""
        if length >= len(self.data):
            return self
        return Datagram(
            self.data[:length],
            self.source,
            self.source_port,
            self.destination,
            self.ifindex,
            self.ttl,
            self.tos,
            self.time,
            self.size,
        )


class SocketError:
    """An entry of the error queue (IP_RECVERR; struct sock_extended_err)."""

    __slots__ = ("code", "data", "destination", "errno", "info", "origin", "port", "reporter", "type")

    def __init__(
        self,
        errno: int,
        origin: int,
        type: int,
        code: int,
        info: int,
        reporter: int,
        destination: int,
        port: int,
        data: bytes,
    ) -> None:
        self.errno = errno
        self.origin = origin
        self.type = type
        self.code = code
        self.info = info
        self.reporter = reporter
        """Who sent the ICMP error; 0.0.0.0 for a local one."""
        self.destination = destination
        self.port = port
        self.data = data
        """What is left of the datagram that failed."""
