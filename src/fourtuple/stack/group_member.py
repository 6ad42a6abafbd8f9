"""A socket's calls about multicast groups, by the socket options that make them.

TCP sockets may join groups too (MCAST_JOIN_GROUP): the interface then takes the group for whoever is bound.
"""

from __future__ import annotations

from errno import EADDRINUSE, EINVAL, ENODEV
from typing import Final

from ..ports.endpoint import Endpoint
from ..wire.address import V4_ANY, V6_ANY, is_multicast, is_v4
from .ip_output import IpOutput
from .membership import add_source, join, leave, leave_all, remove_source

_NO_LIMIT: Final = 1 << 30


class GroupMember:
    """The memberships of ``endpoint``; each call returns 0 or an errno."""

    def __init__(self, ip: IpOutput, endpoint: Endpoint) -> None:
        self.ip = ip
        self.endpoint = endpoint

    def join_group(self, group: int, ifindex: int) -> int:
        """IP_ADD_MEMBERSHIP; ``ifindex`` 0 takes the interface packets to the group leave by.

        0, EINVAL (no group), ENODEV, EADDRINUSE (joined already), ENOBUFS (too many).
        """
        return self._join(group, self._group_interface(group, ifindex), False)

    def leave_group(self, group: int, ifindex: int) -> int:
        """IP_DROP_MEMBERSHIP; 0 or EADDRNOTAVAIL."""
        return leave(self.endpoint, self.ip.groups, group, ifindex)

    def join_source_group(self, group: int, ifindex: int, source: int) -> int:
        """IP_ADD_SOURCE_MEMBERSHIP."""
        ifindex = self._group_interface(group, ifindex)
        code = self._join(group, ifindex, True)
        if code != 0 and code != EADDRINUSE:
            return code
        return self._add_source(group, ifindex, source, True)

    def leave_source_group(self, group: int, ifindex: int, source: int) -> int:
        """IP_DROP_SOURCE_MEMBERSHIP."""
        ifindex = self._group_interface(group, ifindex)
        return remove_source(self.endpoint, self.ip.groups, group, ifindex, source, True)

    def block_source(self, group: int, ifindex: int, source: int) -> int:
        """IP_BLOCK_SOURCE."""
        return self._add_source(group, self._group_interface(group, ifindex), source, False)

    def unblock_source(self, group: int, ifindex: int, source: int) -> int:
        """IP_UNBLOCK_SOURCE."""
        ifindex = self._group_interface(group, ifindex)
        return remove_source(self.endpoint, self.ip.groups, group, ifindex, source, False)

    def _join(self, group: int, ifindex: int, include: bool) -> int:
        if ifindex == 0:
            return ENODEV if is_multicast(group) else EINVAL
        limit = self.ip.sysctl.igmp_max_memberships if is_v4(group) else _NO_LIMIT
        return join(self.endpoint, self.ip.groups, group, ifindex, include, limit)

    def _add_source(self, group: int, ifindex: int, source: int, include: bool) -> int:
        sysctl = self.ip.sysctl
        limit = sysctl.igmp_max_msf if is_v4(group) else sysctl.ipv6_mld_max_msf
        return add_source(self.endpoint, self.ip.groups, group, ifindex, source, include, limit)

    def _group_interface(self, group: int, ifindex: int) -> int:
        if ifindex:
            return ifindex if self.ip.paths.interface(ifindex) is not None else 0
        if not is_multicast(group):
            return 0
        path = self.ip.paths.find(group, V4_ANY if is_v4(group) else V6_ANY, 0)
        return path.interface.ifindex if path is not None else 0

    def leave_groups(self) -> None:
        """What close() does."""
        leave_all(self.endpoint, self.ip.groups)
