"""Which service belongs to which port: the registry's names, and the three ranges of ports.

The data is :mod:`fourtuple.ports.service_names`; the system's own files are never read, so an answer
is the same on every machine. Names and numbers come from the IANA registry as hosts carry it in
``/etc/services``; what is not listed there is answered by its range alone (RFC 6335 §6).
"""

from __future__ import annotations

from typing import Final

from .service_names import SERVICE_NAMES

WELL_KNOWN_LAST: Final = 1023
REGISTERED_LAST: Final = 49151
LAST_PORT: Final = 65535


class Service:
    """One registered service: its port, the protocols it is registered for, other names."""

    __slots__ = ("aliases", "name", "port", "protocols")

    def __init__(self, name: str, port: int, protocols: list[str], aliases: list[str]) -> None:
        self.name = name
        self.port = port
        self.protocols = protocols
        """Some of ``"tcp"`` and ``"udp"``."""
        self.aliases = aliases


def services() -> list[Service]:
    """All services, by port."""
    return list(_REGISTRY.services)


def getservbyname(name: str, protocol: str) -> int:
    """The port of a service or alias for ``"tcp"`` or ``"udp"``, ``""`` for either; -1 if unknown."""
    for service in _REGISTRY.by_name.get(name, ()):
        if not protocol or protocol in service.protocols:
            return service.port
    return -1


def getservbyport(port: int, protocol: str) -> str:
    """The name of the service on a port for ``"tcp"`` or ``"udp"``, ``""`` for either; ``""`` if
    unknown. Raises ValueError unless 0 <= port <= 65535."""
    _check(port)
    for service in _REGISTRY.by_port.get(port, ()):
        if not protocol or protocol in service.protocols:
            return service.name
    return ""


def range_of(port: int) -> str:
    """``"well-known"`` (0-1023), ``"registered"`` (1024-49151) or ``"dynamic"`` (49152-65535).

    Raises ValueError unless 0 <= port <= 65535.
    """
    _check(port)
    if port <= WELL_KNOWN_LAST:
        return "well-known"
    return "registered" if port <= REGISTERED_LAST else "dynamic"


def _check(port: int) -> None:
    if not 0 <= port <= LAST_PORT:
        raise ValueError(f"a port is 0 to {LAST_PORT}, not {port}")


class _Registry:
    """The services, by name and by port."""

    def __init__(self, text: str) -> None:
        self.services: list[Service] = []
        self.by_name: dict[str, list[Service]] = {}
        self.by_port: dict[int, list[Service]] = {}
        for line in text.splitlines():
            name, where, *aliases = line.split()
            port, protocols = where.split("/")
            service = Service(name, int(port), protocols.split("+"), aliases)
            self.services.append(service)
            self.by_port.setdefault(service.port, []).append(service)
            self.by_name.setdefault(name, []).append(service)
        # A service's own name comes before another's alias.
        for service in self.services:
            for alias in service.aliases:
                self.by_name.setdefault(alias, []).append(service)


_REGISTRY: Final = _Registry(SERVICE_NAMES)
