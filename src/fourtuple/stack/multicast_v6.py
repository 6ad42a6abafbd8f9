"""The multicast addresses IPv6 derives from others."""

from __future__ import annotations


def multicast_mac_v6(group: int) -> int:
    """The MAC address of an IPv6 group (RFC 2464 §7)."""
    return 0x3333_0000_0000 | (group & 0xFFFF_FFFF)


def solicited_node(address: int) -> int:
    """The group in which neighbours ask for ``address`` (RFC 4291 §2.7.1)."""
    return 0xFF02_0000_0000_0000_0000_0001_FF00_0000 | (address & 0xFF_FFFF)
