"""The pair rules of bind(): do two addresses overlap, may two sockets hold one port.

Linux ``inet_rcv_saddr_equal`` (net/ipv4/inet_connection_sock.c), ``inet_bind_conflict`` and
``udp_lib_lport_inuse``.
"""

from __future__ import annotations

from typing import Final

from ..wire.address import V4_ANY, V4_BASE, V4_LAST, V6_ANY, is_any, is_v4
from .endpoint import AF_INET, AF_INET6, LISTEN, TIME_WAIT, Endpoint

# What Linux stores as the IPv4 address of an AF_INET6 socket on a native IPv6 address.
_V4_VIEW_OF_V6: Final = 0xFFFF_7F00_0006


def v4_view(address: int) -> int:
    """The address as an AF_INET socket sees it: itself, 0.0.0.0 for ``::``, else 127.0.0.6."""
    if V4_BASE <= address <= V4_LAST:
        return address
    return V4_ANY if address == V6_ANY else _V4_VIEW_OF_V6


def effective_v6only(endpoint: Endpoint, address: int) -> bool:
    """IPV6_V6ONLY as bind() leaves it: a concrete IPv6 address sets it."""
    return endpoint.v6only or (endpoint.family == AF_INET6 and not is_any(address) and not is_v4(address))


def addresses_overlap(
    family: int,
    address: int,
    v6only: bool,
    other_address: int,
    other_v6only: bool,
    match_wild: bool,
    match_other_wild: bool,
) -> bool:
    """Whether packets to one socket could be meant for the other.

    ``family`` is the first socket's. The flags say whether a wildcard of the first, and of the
    other, counts as overlapping everything it can receive.
    """
    other_mapped = V4_BASE <= other_address <= V4_LAST
    if family == AF_INET or (V4_BASE <= address <= V4_LAST and other_mapped):
        if other_v6only:
            return False
        view = v4_view(other_address)
        return address == view or (match_wild and address == V4_ANY) or (match_other_wild and view == V4_ANY)
    if address == other_address:
        return True
    if match_other_wild and other_address == V6_ANY:
        return not (other_v6only and V4_BASE <= address <= V4_LAST)
    return match_wild and address == V6_ANY and not (v6only and other_mapped)


def devices_overlap(endpoint: Endpoint, other: Endpoint) -> bool:
    """Whether one device may serve both: at least one is unbound, or both are bound to it."""
    return endpoint.device == 0 or other.device == 0 or endpoint.device == other.device


def tcp_pair_conflicts(endpoint: Endpoint, other: Endpoint, relax: bool, reuseport_ok: bool) -> bool:
    """Whether ``other``, overlapping in address and device, keeps ``endpoint`` from its port.

    ``relax`` False: two SO_REUSEADDR sockets conflict as well. ``reuseport_ok`` False: so do two
    SO_REUSEPORT ones (both for the automatic choice of a port).
    """
    shared_group = (
        endpoint.reuse_port
        and other.reuse_port
        and endpoint.group is None
        and (other.state == TIME_WAIT or other.uid == endpoint.uid)
    )
    if endpoint.reuse_addr and other.reuse_addr and other.state != LISTEN:
        return not relax or (not reuseport_ok and shared_group)
    return not (reuseport_ok and shared_group)


def tcp_pair_reason(endpoint: Endpoint, other: Endpoint) -> str:
    """In words, what the pair rule says of two overlapping sockets."""
    if endpoint.reuse_addr and other.reuse_addr and other.state != LISTEN:
        return "both have SO_REUSEADDR and the other is not listening"
    if endpoint.reuse_port and other.reuse_port:
        if endpoint.group is not None:
            return "both have SO_REUSEPORT but this socket is in a group already"
        if other.state == TIME_WAIT:
            return "both have SO_REUSEPORT and the other is in TIME_WAIT"
        if other.uid == endpoint.uid:
            return "both have SO_REUSEPORT and the same user"
        return f"both have SO_REUSEPORT but the other belongs to uid {other.uid}"
    if endpoint.reuse_addr and other.reuse_addr:
        return "both have SO_REUSEADDR but the other is listening"
    if endpoint.reuse_addr:
        return "only the new socket has SO_REUSEADDR"
    if other.reuse_addr:
        return "only the old socket has SO_REUSEADDR"
    if endpoint.reuse_port or other.reuse_port:
        return "only one of the two has SO_REUSEPORT"
    return "neither has SO_REUSEADDR or SO_REUSEPORT"


def udp_pair_shares(endpoint: Endpoint, other: Endpoint) -> bool:
    """Whether two UDP sockets in each other's way may share the port by SO_REUSEPORT."""
    return endpoint.reuse_port and other.reuse_port and endpoint.group is None and endpoint.uid == other.uid
