"""``ip route``: the routes of the simulated host."""

from __future__ import annotations

import ipaddress
from typing import Final

from ..wire.address import V4_ANY, V6_ANY, is_v4, parse_ip
from .errors import Unsupported
from .shell import ShellError
from .testbed import INTERFACE, Testbed

_METRICS: Final = (
    "advmss",
    "mtu",
    "initcwnd",
    "initrwnd",
    "congctl",
    "rto_min",
    "quickack",
    "reordering",
    "ssthresh",
    "cwnd",
    "rtt",
    "rttvar",
    "hoplimit",
    "features",
    "window",
    "fastopen_no_cookie",
)
_KEPT: Final = ("mtu", "advmss", "initcwnd")
_ACTIONS: Final = ("change", "replace", "add", "append", "del", "delete", "flush", "show")


def change_route(testbed: Testbed, words: list[str]) -> None:
    """Carry out ``ip route ACTION PREFIX [via GATEWAY] [dev tun0] [METRIC VALUE]…``.

    The testbed has one interface, so next hops make no difference; metrics do. Raises ShellError for
    what is no route, Unsupported for a metric the host's routes do not have.
    """
    if not words or words[0] not in _ACTIONS:
        raise ShellError(f"unknown command 'ip route {' '.join(words)}'")
    if words[0] in ("flush", "show", "del", "delete"):
        return
    rest = words[1:]
    if not rest:
        raise ShellError("ip route: a destination is missing")
    prefix, length = _prefix(rest.pop(0), testbed)
    metrics: dict[str, str] = {}
    while rest:
        word = rest.pop(0)
        if word == "lock":
            word = rest.pop(0) if rest else ""
        if word in ("via", "src", "proto", "scope", "metric", "table") and rest:
            rest.pop(0)
        elif word == "dev" and rest:
            device = rest.pop(0)
            if device != INTERFACE:
                raise ShellError(f"ip route: there is no interface {device!r}, only {INTERFACE}")
        elif word in _METRICS and rest:
            value = rest.pop(0)
            if value == "lock" and rest:
                value = rest.pop(0)
            metrics[word] = value
        elif word != "onlink":
            raise ShellError(f"ip route: {word!r} is not understood")
    for name in metrics:
        if name not in _KEPT:
            raise Unsupported(f"route metric {name}")
    entry = testbed.stack.routes.find(prefix, length, 0)
    if entry is None:
        entry = testbed.stack.add_route(prefix, length, testbed.gateway, testbed.interface, 0, -1)
    entry.mtu = _number(metrics, "mtu")
    entry.advmss = _number(metrics, "advmss")
    entry.initcwnd = _number(metrics, "initcwnd")
    testbed.stack.paths.flush()


def _number(metrics: dict[str, str], name: str) -> int:
    text = metrics.get(name, "0")
    if not text.isdecimal():
        raise ShellError(f"ip route: {name} {text!r} is not a number")
    return int(text)


def _prefix(text: str, testbed: Testbed) -> tuple[int, int]:
    v4 = is_v4(testbed.gateway)
    if text == "default":
        return (V4_ANY if v4 else V6_ANY), 0
    address, slash, length = text.partition("/")
    try:
        network = ipaddress.ip_network(f"{address}/{length}" if slash else address, strict=False)
    except ValueError:
        raise ShellError(f"ip route: {text!r} is no prefix") from None
    return parse_ip(str(network.network_address)), network.prefixlen
