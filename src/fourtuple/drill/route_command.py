"""``ip route``: the routes of the simulated host."""

from __future__ import annotations

import ipaddress
from typing import Final

from ..stack.route_metrics import RouteMetrics
from ..stack.sysctl import CONGESTION_CONTROLS
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
_NUMBERS: Final = ("advmss", "mtu", "initcwnd", "initrwnd", "window")
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
    locked: list[str] = []
    while rest:
        word = rest.pop(0)
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
                locked.append(word)
            metrics[word] = value
        elif word != "onlink":
            raise ShellError(f"ip route: {word!r} is not understood")
    made = _route_metrics(metrics, locked)
    stack = testbed.stack
    entry = stack.routes.find(prefix, length, 0)
    if entry is None:
        entry = stack.add_route(prefix, length, testbed.gateway, testbed.interface, 0, -1)
    stack.set_metrics(entry, made)


def _route_metrics(given: dict[str, str], locked: list[str]) -> RouteMetrics:
    """Raises ShellError for a value that is none, Unsupported for a metric routes do not have."""
    made = RouteMetrics()
    for name, text in given.items():
        if name == "congctl":
            if text not in CONGESTION_CONTROLS:
                raise Unsupported(f"congestion control {text}")
            made.congestion_control = text
        elif name == "rto_min":
            made.rto_min_us = _duration_us(text)
        elif name == "quickack":
            made.quickack = _number(name, text) != 0
        elif name in _NUMBERS:
            setattr(made, name, _number(name, text))
        else:
            raise Unsupported(f"route metric {name}")
    made.mtu_locked = "mtu" in locked
    return made


def _number(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ShellError(f"ip route: {name} {text!r} is not a number")
    return int(text)


def _duration_us(text: str) -> int:
    """``20ms``, ``1s``, ``500us``; a plain number is in milliseconds."""
    for unit, size in (("ms", 1000), ("us", 1), ("s", 1_000_000), ("", 1000)):
        digits = text.removesuffix(unit)
        if digits.isdecimal():
            return int(digits) * size
    raise ShellError(f"ip route: rto_min {text!r} is not a time")


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
