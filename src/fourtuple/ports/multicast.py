"""Multicast group memberships of a socket, and whether they let a datagram through."""

from __future__ import annotations

from ..wire.address import is_v4
from .endpoint import AF_INET, Endpoint


class Membership:
    """One joined group: the address, the interface, and a source filter (RFC 3376 §3.1).

    ``include`` True: only ``sources`` are received; False: all but ``sources``. A plain join is
    EXCLUDE of nothing.
    """

    __slots__ = ("group", "ifindex", "include", "sources")

    def __init__(self, group: int, ifindex: int, include: bool, sources: list[int]) -> None:
        self.group = group
        self.ifindex = ifindex
        self.include = include
        self.sources = sources


def source_allowed(endpoint: Endpoint, group: int, source: int, ifindex: int) -> bool:
    """Whether the socket's memberships let a datagram from ``source`` to ``group`` through.

    Without a membership of its own the socket receives what others on the host have joined, unless
    IP_MULTICAST_ALL is off, as it is for IPv4 groups on an AF_INET6 socket (Linux
    ``ip_mc_sf_allow``, ``inet6_mc_check``).
    """
    memberships = endpoint.memberships
    if memberships is not None:
        for membership in memberships:
            if membership.group == group and membership.ifindex == ifindex:
                return (source in membership.sources) == membership.include
    return endpoint.multicast_all and (endpoint.family == AF_INET or not is_v4(group))
