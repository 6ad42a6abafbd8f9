"""A socket's multicast memberships and source filters (RFC 3678; ``ip_mc_join_group``, ``ip_mc_source``).

The functions return 0 or the errno of the socket option they serve. ``endpoint.memberships`` is what
the port tables decide deliveries by, the host's :class:`GroupTable` what the interfaces receive.
"""

from __future__ import annotations

from errno import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS

from ..ports.endpoint import Endpoint
from ..ports.multicast import Membership
from ..wire.address import is_multicast
from .groups import GroupTable


def join(endpoint: Endpoint, groups: GroupTable, group: int, ifindex: int, include: bool, limit: int) -> int:
    """IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP: receive ``group`` from any source.

    With ``include`` from none yet: IP_ADD_SOURCE_MEMBERSHIP names one next. ``limit`` is how many
    groups a socket may join.
    """
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
    membership = Membership(group, ifindex, include, [])
    memberships.append(membership)
    groups.add(membership)
    return 0


def leave(endpoint: Endpoint, groups: GroupTable, group: int, ifindex: int) -> int:
    """IP_DROP_MEMBERSHIP; ``ifindex`` 0 leaves the first membership of the group, wherever it is."""
    memberships = endpoint.memberships
    if memberships is not None:
        for membership in memberships:
            if membership.group == group and (ifindex == 0 or membership.ifindex == ifindex):
                memberships.remove(membership)
                groups.remove(membership)
                return 0
    return EADDRNOTAVAIL


def leave_all(endpoint: Endpoint, groups: GroupTable) -> None:
    """What close() does."""
    memberships = endpoint.memberships
    if memberships is not None:
        for membership in memberships:
            groups.remove(membership)
        endpoint.memberships = None


def add_source(
    endpoint: Endpoint,
    groups: GroupTable,
    group: int,
    ifindex: int,
    source: int,
    include: bool,
    limit: int,
) -> int:
    """Name a source in the filter: to receive it (IP_ADD_SOURCE_MEMBERSHIP) or not (IP_BLOCK_SOURCE).

    ``limit`` is how many a filter holds.
    """
    membership = _find(endpoint, group, ifindex)
    if membership is None:
        return EINVAL
    # The mode may only change while no source is named.
    if membership.include != include and membership.sources:
        return EINVAL
    if len(membership.sources) >= limit:
        return ENOBUFS
    if source in membership.sources:
        return EADDRNOTAVAIL
    before = groups.filter_of(group, ifindex)
    membership.include = include
    membership.sources.append(source)
    groups.notify(membership, before)
    return 0


def remove_source(
    endpoint: Endpoint, groups: GroupTable, group: int, ifindex: int, source: int, include: bool
) -> int:
    """IP_DROP_SOURCE_MEMBERSHIP, IP_UNBLOCK_SOURCE; dropping the last source included leaves the group."""
    membership = _find(endpoint, group, ifindex)
    if membership is None:
        return EINVAL
    if membership.sources and membership.include != include:
        return EINVAL
    if source not in membership.sources:
        return EADDRNOTAVAIL
    if include and len(membership.sources) == 1:
        return leave(endpoint, groups, group, ifindex)
    before = groups.filter_of(group, ifindex)
    membership.sources.remove(source)
    groups.notify(membership, before)
    return 0


def _find(endpoint: Endpoint, group: int, ifindex: int) -> Membership | None:
    if endpoint.memberships is not None:
        for membership in endpoint.memberships:
            if membership.group == group and membership.ifindex == ifindex:
                return membership
    return None
