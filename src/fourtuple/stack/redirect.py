"""Redirects: a router tells a host of its link of a better next hop (RFC 1122 §3.2.2.2, RFC 4861 §8)."""

from __future__ import annotations

from typing import Final

from ..clock.clock import MILLISECOND, SECOND, Clock
from ..wire.address import V4_ANY, V6_ANY, is_link_local, is_multicast, is_v4
from .interface import Interface
from .ip_output import IpOutput
from .local import is_zero_net
from .path import UNICAST, Path

_LOAD: Final = 20 * MILLISECOND
_MOST: Final = 9
_SILENCE: Final = _LOAD << (_MOST + 1)
_LIFETIME: Final = 300 * SECOND
"""How long a host follows one (``ip_rt_gc_timeout``)."""

_MOST_HOSTS: Final = 4096


class _Told:
    __slots__ = ("count", "last")

    def __init__(self) -> None:
        self.count: int = 0
        self.last: int = 0


class RedirectLimit:
    """How often a router redirects one host: at doubling intervals from 20 ms on, nine times, then not
    until it was heard of no more for 20.48 s (``ip_rt_send_redirect``)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._told: dict[int, _Told] = {}

    def may_tell(self, host: int) -> bool:
        now = self.clock.now
        told = self._told.get(host)
        if told is None:
            if len(self._told) >= _MOST_HOSTS:
                self._told.clear()
            told = _Told()
            self._told[host] = told
        elif now - told.last > _SILENCE:
            told.count = 0
        if told.count >= _MOST:
            told.last = now
            return False
        if told.count and now - told.last <= _LOAD << told.count:
            return False
        told.last = now
        told.count += 1
        return True


def better_hop(ip: IpOutput, source: int, destination: int, path: Path, arrival: Interface) -> int:
    """What a router that forwards along ``path`` should tell ``source`` to use, -1 for nothing.

    It is told if the packet leaves by the link it came by, its sender is on that link, and
    ``send_redirects`` is on.
    """
    if path.interface is not arrival or arrival.loopback:
        return -1
    if is_v4(source) and not ip.sysctl.send_redirects:
        return -1
    if not is_v4(source) and is_link_local(source):
        return -1
    back = ip.paths.find(source, V4_ANY if is_v4(source) else V6_ANY, 0)
    if back is None or back.kind != UNICAST or back.interface is not arrival or back.gateway >= 0:
        return -1
    return destination if path.gateway < 0 else path.gateway


def follow(ip: IpOutput, router: int, target: int, destination: int, arrival: Interface) -> bool:
    """Take ``target`` as next hop for ``destination`` if ``router`` is the present one, and may say so
    (``__ip_do_redirect``, ``rt6_do_redirect``); whether it was taken."""
    sysctl = ip.sysctl
    v4 = is_v4(destination)
    if v4:
        if not sysctl.accept_redirects or sysctl.ip_forward:
            return False
        if is_multicast(target) or is_zero_net(target) or target == router:
            return False
        if ip.local.owner(target) is not None or ip.local.is_broadcast(target):
            return False
    elif not sysctl.ipv6_accept_redirects or sysctl.ipv6_forwarding or is_multicast(target):
        return False
    path = ip.paths.find(destination, V4_ANY if v4 else V6_ANY, 0)
    if path is None or path.kind != UNICAST or path.gateway != router or path.interface is not arrival:
        return False
    ip.paths.redirect(destination, -1 if target == destination else target, router, _LIFETIME)
    return True
