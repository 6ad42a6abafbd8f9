"""A socket's multicast memberships and source filters (RFC 3678; ``ip_mc_join_group``, ``ip_mc_source``).

The functions return 0 or the errno of the socket option they serve. ``endpoint.memberships`` is what
the port tables decide deliveries by, the host's :class:`GroupTable` what the interfaces receive.
"""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS
from typing import Final

from ..ports.endpoint import Endpoint
from ..ports.multicast import Membership
from ..wire.address import is_multicast
from .groups import GroupTable

_MOST_SOURCES: Final = 10
"""``net.ipv4.igmp_max_msf``: sources one filter holds."""


def join(endpoint: Endpoint, groups: GroupTable, group: int, ifindex: int, limit: int) -> int:
    """IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP: receive ``group`` from any source.

    ``limit`` is how many groups a socket may join (``igmp_max_memberships``).
    """
    return _enter(endpoint, groups, group, ifindex, limit, False)


def leave(endpoint: Endpoint, groups: GroupTable, group: int, ifindex: int) -> int:
    """IP_DROP_MEMBERSHIP; ``ifindex`` 0 leaves the first membership of the group, wherever it is."""
    memberships = endpoint.memberships
    if memberships is not None:
        for membership in memberships:
            if membership.group == group and (ifindex == 0 or membership.ifindex == ifindex):
                memberships.remove(membership)
                groups.leave(group, membership.ifindex)
                return 0
    return EADDRNOTAVAIL


def leave_all(endpoint: Endpoint, groups: GroupTable) -> None:
    """What close() does."""
    memberships = endpoint.memberships
    if memberships is not None:
        for membership in memberships:
            groups.leave(membership.group, membership.ifindex)
        endpoint.memberships = None


def join_source(
    endpoint: Endpoint, groups: GroupTable, group: int, ifindex: int, source: int, limit: int
) -> int:
    """IP_ADD_SOURCE_MEMBERSHIP: receive ``group`` from ``source`` too, joining if need be."""
    code = _enter(endpoint, groups, group, ifindex, limit, True)
    if code != 0 and code != EADDRINUSE:
        return code
    return _add_source(endpoint, group, ifindex, source, True)


def leave_source(endpoint: Endpoint, groups: GroupTable, group: int, ifindex: int, source: int) -> int:
    """IP_DROP_SOURCE_MEMBERSHIP; dropping the last source leaves the group."""
    code = _remove_source(endpoint, group, ifindex, source, True)
    if code == 0:
        membership = _find(endpoint, group, ifindex)
        if membership is not None and not membership.sources:
            return leave(endpoint, groups, group, ifindex)
    return code


def block_source(endpoint: Endpoint, group: int, ifindex: int, source: int) -> int:
    """IP_BLOCK_SOURCE: receive ``group``, joined before, from all but ``source``."""
    return _add_source(endpoint, group, ifindex, source, False)


def unblock_source(endpoint: Endpoint, group: int, ifindex: int, source: int) -> int:
    """IP_UNBLOCK_SOURCE."""
    return _remove_source(endpoint, group, ifindex, source, False)


def _enter(
    endpoint: Endpoint, groups: GroupTable, group: int, ifindex: int, limit: int, include: bool
) -> int:
    if not is_multicast(group):
        return EINVAL
    memberships = endpoint.memberships
    if memberships is None:
        memberships = []
        endpoint.memberships = memberships
    if _find(endpoint, group, ifindex) is not None:
        return EADDRINUSE
    if len(memberships) >= limit:
        return ENOBUFS
    memberships.append(Membership(group, ifindex, include, []))
    groups.join(group, ifindex)
    return 0


def _find(endpoint: Endpoint, group: int, ifindex: int) -> Membership | None:
    if endpoint.memberships is not None:
        for membership in endpoint.memberships:
            if membership.group == group and membership.ifindex == ifindex:
                return membership
    return None


def _add_source(endpoint: Endpoint, group: int, ifindex: int, source: int, include: bool) -> int:
    membership = _find(endpoint, group, ifindex)
    if membership is None:
        return EINVAL
    if membership.include != include:
        # The mode may only change while no source is named.
        if membership.sources:
            return EINVAL
        membership.include = include
    if len(membership.sources) >= _MOST_SOURCES:
        return ENOBUFS
    if source in membership.sources:
        return EADDRNOTAVAIL
    membership.sources.append(source)
    return 0


def _remove_source(endpoint: Endpoint, group: int, ifindex: int, source: int, include: bool) -> int:
    membership = _find(endpoint, group, ifindex)
    if membership is None:
        return EINVAL
    if membership.sources and membership.include != include:
        return EINVAL
    if source not in membership.sources:
        return EADDRNOTAVAIL
    membership.sources.remove(source)
    return 0
