"""getaddrinfo() and getnameinfo() on a simulated host, as glibc 2.36 behind CPython answers them."""

from __future__ import annotations

import re
from operator import index
from typing import TYPE_CHECKING, Any, Final

from ..kernel.sockaddr import AF_INET, AF_INET6, AF_UNSPEC, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from ..wire.address import (
    V4_ANY,
    V4_LOOPBACK,
    V6_ANY,
    V6_LOOPBACK,
    format_ip,
    format_mapped,
    is_link_local,
    is_v4,
)
from . import resolver, socket_services
from .socket_address_order import sort_addresses

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel

AI_PASSIVE: Final = 0x1
AI_CANONNAME: Final = 0x2
AI_ADDRCONFIG: Final = 0x20
AI_NUMERICSERV: Final = 0x400
# With AI_NUMERICHOST, AI_V4MAPPED, AI_ALL and the four AI_*IDN* flags.
_AI_KNOWN: Final = 0x7FF

NI_NUMERICHOST: Final = 1
NI_NUMERICSERV: Final = 2
NI_NOFQDN: Final = 4
NI_NAMEREQD: Final = 8
NI_DGRAM: Final = 16
_NI_KNOWN: Final = 0x3F

_NUMBER: Final = re.compile(rb"[ \t\n\v\f\r]*([+-]?)([0-9]+)")

# (type, protocol, protocol's name, offered without being asked for), in glibc's order. SOCK_RAW
# goes with any protocol and has no services.
_SERVICES: Final = (
    (SOCK_STREAM, 6, "tcp", True),
    (SOCK_DGRAM, 17, "udp", True),
    (6, 33, "dccp", False),
    (SOCK_DGRAM, 136, "udplite", False),
    (SOCK_STREAM, 132, "sctp", False),
    (5, 132, "sctp", False),
    (SOCK_RAW, 0, "raw", True),
)

AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]


def getaddrinfo(
    kernel: Kernel,
    host: Any,
    port: Any,
    family: int = AF_UNSPEC,
    type: int = 0,
    proto: int = 0,
    flags: int = 0,
) -> list[AddrInfo]:
    """(family, type, proto, canonname, sockaddr) of each way to reach a service.

    Raises gaierror with glibc's code and text, TypeError, OSError as CPython's ``_socket``.
    """
    name = _host_argument(host)
    service = _service_argument(port)
    family, type, proto, flags = index(family), index(type), index(proto), index(flags)
    if name is None and service is None:
        raise resolver.resolver_error(resolver.EAI_NONAME)
    if flags & ~_AI_KNOWN or (flags & AI_CANONNAME and name is None):
        raise resolver.resolver_error(resolver.EAI_BADFLAGS)
    if family not in (AF_UNSPEC, AF_INET, AF_INET6):
        raise resolver.resolver_error(resolver.EAI_FAMILY)
    if flags & AI_ADDRCONFIG:
        family = _configured_family(kernel, family)
    services = _services(service, type, proto, flags)
    addresses, canonical = _addresses(kernel, name, family, flags)
    result: list[AddrInfo] = []
    for found, address, scope_id in addresses:
        for socktype, protocol, number in services:
            sockaddr: tuple[Any, ...] = (format_ip(address), number)
            if found == AF_INET6:
                sockaddr = (format_mapped(address), number, 0, scope_id)
            result.append((found, socktype, protocol, canonical if not result else "", sockaddr))
    return result


def getnameinfo(kernel: Kernel, sockaddr: Any, flags: Any) -> tuple[str, str]:
    """(host, service) names of an address written in numbers.

    Raises gaierror, TypeError, OSError and OverflowError as CPython's ``_socket``.
    """
    flags = index(flags)
    if not isinstance(sockaddr, tuple):
        raise TypeError("getnameinfo() argument 1 must be a tuple")
    if not 2 <= len(sockaddr) <= 4:
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    if not isinstance(sockaddr[0], str):
        raise TypeError(f"getnameinfo() argument 1 must be str, not {type(sockaddr[0]).__name__}")
    numbers = [index(number) for number in sockaddr[1:]]
    if len(numbers) > 1 and not 0 <= numbers[1] <= 0xFFFFF:
        raise OverflowError("getnameinfo(): flowinfo must be 0-1048575.")
    info = getaddrinfo(kernel, sockaddr[0], numbers[0], AF_UNSPEC, SOCK_DGRAM, 0, resolver.AI_NUMERICHOST)
    family, *_, found = info[0]
    if family == AF_INET and len(sockaddr) != 2:
        raise OSError("IPv4 sockaddr must be 2 tuple")
    if flags & ~_NI_KNOWN:
        raise resolver.resolver_error(resolver.EAI_BADFLAGS)
    numeric = resolver.numeric_host(kernel, sockaddr[0])
    assert numeric is not None
    scope_id = numbers[2] if len(numbers) > 2 else 0
    return (
        _host_name(kernel, family, numeric[1], scope_id, flags),
        _service_name(found[1], flags),
    )


# Arguments


def _host_argument(host: Any) -> str | None:
    if host is None:
        return None
    if isinstance(host, str):
        encoded: bytes = host.encode("idna")
    elif isinstance(host, bytes):
        encoded = host
    else:
        raise TypeError("getaddrinfo() argument 1 must be string or None")
    text = encoded.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return None if text == "*" else text


def _service_argument(port: Any) -> bytes | None:
    if port is None:
        return None
    if isinstance(port, int):
        service = b"%d" % port
    elif isinstance(port, str):
        service = port.encode()
    elif isinstance(port, bytes):
        service = port
    else:
        raise OSError("Int or String expected")
    service = service.partition(b"\0")[0]
    return None if service == b"*" else service


def _configured_family(kernel: Kernel, family: int) -> int:
    """AI_ADDRCONFIG: the family narrowed to those the host has an address of, ::1 and 127.0.0.1 aside."""
    own = resolver.interface_addresses(kernel)
    seen_v4 = any(is_v4(address) and address != V4_LOOPBACK for address in own)
    seen_v6 = any(not is_v4(address) and address != V6_LOOPBACK for address in own)
    if family == AF_UNSPEC:
        if seen_v4 == seen_v6:
            return AF_UNSPEC
        return AF_INET if seen_v4 else AF_INET6
    if not (seen_v4 if family == AF_INET else seen_v6):
        raise resolver.resolver_error(resolver.EAI_NONAME)
    return family


# Services


def _services(service: bytes | None, type: int, proto: int, flags: int) -> list[tuple[int, int, int]]:
    """(type, protocol, port) of every way the service can be had (glibc's gaih_inet)."""
    asked = bool(type or proto)
    rows = [row for row in _SERVICES if not asked or _fits(row, type, proto)]
    if not rows:
        raise resolver.resolver_error(resolver.EAI_SOCKTYPE if type else resolver.EAI_SERVICE)
    if asked:
        if service is not None and rows[0][0] == SOCK_RAW:
            raise resolver.resolver_error(resolver.EAI_SERVICE)
        rows = rows[:1]
    number = 0 if service is None else _port_number(service, flags)
    if number is None:
        assert service is not None
        return _named_services(service.decode("utf-8", "surrogateescape"), rows)
    return [
        (socktype, proto if socktype == SOCK_RAW else protocol, number)
        for socktype, protocol, _, offered in rows
        if asked or offered
    ]


def _fits(row: tuple[int, int, str, bool], type: int, proto: int) -> bool:
    socktype, protocol, _, _ = row
    return type in (0, socktype) and (proto in (0, protocol) or socktype == SOCK_RAW)


def _named_services(name: str, rows: list[tuple[int, int, str, bool]]) -> list[tuple[int, int, int]]:
    result = []
    for socktype, protocol, protocol_name, _ in rows:
        port = None if socktype == SOCK_RAW else socket_services.service_port(name, protocol_name)
        if port is not None:
            result.append((socktype, protocol, port))
    if not result:
        raise resolver.resolver_error(resolver.EAI_SERVICE)
    return result


def _port_number(service: bytes, flags: int) -> int | None:
    """The port if the service is a number; a too large one keeps its low 16 bits, as in glibc."""
    number = _NUMBER.fullmatch(service)
    if number is not None and number[1] != b"-":
        return int(number[2]) & 0xFFFF
    if not service:
        return 0
    if flags & AI_NUMERICSERV:
        raise resolver.resolver_error(resolver.EAI_NONAME)
    return None


# Addresses


def _addresses(
    kernel: Kernel, name: str | None, family: int, flags: int
) -> tuple[list[tuple[int, int, int]], str]:
    """(family, address, scope id) of each address, and the canonical name if it was asked for."""
    if name is None:
        v6, v4 = (V6_ANY, V4_ANY) if flags & AI_PASSIVE else (V6_LOOPBACK, V4_LOOPBACK)
        both = [(AF_INET6, v6, 0), (AF_INET, v4, 0)]
        return sort_addresses(kernel, [entry for entry in both if family in (AF_UNSPEC, entry[0])]), ""
    addresses, answer = resolver.named_addresses(kernel, name, family, flags)
    if not flags & AI_CANONNAME:
        return addresses, ""
    return addresses, name if answer is None else answer.name


# Names of addresses


def _host_name(kernel: Kernel, family: int, address: int, scope_id: int, flags: int) -> str:
    if not flags & NI_NUMERICHOST:
        answer = None
        if not (family == AF_INET6 and is_v4(address)):
            answer = resolver.find_address(kernel, address)
        if answer is not None:
            return _without_domain(kernel, answer.name) if flags & NI_NOFQDN else answer.name
    if flags & NI_NAMEREQD:
        raise resolver.resolver_error(resolver.EAI_NONAME)
    if family == AF_INET:
        return format_ip(address)
    text = format_mapped(address)
    return f"{text}%{_zone(kernel, address, scope_id)}" if scope_id else text


def _without_domain(kernel: Kernel, name: str) -> str:
    host, _, domain = name.partition(".")
    return host if domain and kernel.hostname.partition(".")[2] == domain else name


def _zone(kernel: Kernel, address: int, scope_id: int) -> str:
    if is_link_local(address) or address >> 112 in (0xFF01, 0xFF02):
        for interface in kernel.stack.interfaces:
            if interface.ifindex == scope_id:
                return str(interface.name)
    return str(scope_id)


def _service_name(port: int, flags: int) -> str:
    name = None
    if not flags & NI_NUMERICSERV:
        name = socket_services.service_name(port, "udp" if flags & NI_DGRAM else "tcp")
    return str(port) if name is None else name
