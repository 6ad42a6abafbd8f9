"""What a UDP socket queues: datagrams received, and errors about datagrams sent."""

from __future__ import annotations

from typing import Final

ORIGIN_LOCAL: Final = 1
ORIGIN_ICMP: Final = 2
ORIGIN_ICMP6: Final = 3
ORIGIN_TIMESTAMPING: Final = 4
ORIGIN_ZEROCOPY: Final = 5
ZEROCOPY_COPIED: Final = 1


class Datagram:
    """A datagram in a receive queue. ``time`` is when it arrived, in ns."""

    __slots__ = (
        "data",
        "destination",
        "drops",
        "flow_label",
        "headers",
        "ifindex",
        "segment_size",
        "size",
        "source",
        "source_port",
        "time",
        "tos",
        "ttl",
    )

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
        self.drops: int = 0
        """How many datagrams the socket had dropped when this one was queued (SO_RXQ_OVFL)."""
        self.flow_label: int = 0
        """Of the IPv6 packet it came in."""
        self.headers: list[tuple[int, bytes]] | None = None
        """(protocol number, bytes) of each IPv6 extension header it came with, None for none."""
        self.segment_size: int = 0
        """Bytes of each of the datagrams merged into this one (UDP_GRO), the last perhaps fewer; 0: one."""

    def cut(self, length: int) -> Datagram:
        """The datagram with at most the first ``length`` bytes of its data."""
        return self if length >= len(self.data) else self.with_data(self.data[:length], self.size)

    def with_data(self, data: bytes, size: int) -> Datagram:
        """A copy with other data, charged with ``size``."""
        copy = Datagram(
            data,
            self.source,
            self.source_port,
            self.destination,
            self.ifindex,
            self.ttl,
            self.tos,
            self.time,
            size,
        )
        copy.drops = self.drops
        copy.flow_label = self.flow_label
        copy.headers = self.headers
        copy.segment_size = self.segment_size
        return copy


class SocketError:
    """An entry of the error queue (IP_RECVERR; struct sock_extended_err)."""

    __slots__ = (
        "arrived",
        "code",
        "data",
        "destination",
        "errno",
        "info",
        "key",
        "origin",
        "port",
        "reporter",
        "time",
        "type",
    )

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
        self.key: int = 0
        """Number of the packet a time stamp is of (SOF_TIMESTAMPING_OPT_ID; ee_data)."""
        self.time: int = -1
        """The time stamp, in ns; -1 for none."""
        self.arrived: int = -1
        """When the ICMP error did, in ns; -1 for what is none."""
