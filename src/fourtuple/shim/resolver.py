"""The name service of the network, and what programs ask of it by host name.

A name is known if the network has it (``Kernel.names``), if it is the host's own, or if it is
``localhost``, or if its hosts file has it. Answers, errors and their texts are those of glibc 2.36
behind CPython's ``_socket``; no packet is sent, and no time passes but what a fault of the resolver costs,
unless the host asks name servers (``HostNames.asks_dns``): then ``stub_resolver`` does instead.
``socket_addrinfo`` has getaddrinfo and getnameinfo.
"""

from __future__ import annotations

import ipaddress
from _socket import gaierror, herror, inet_aton, inet_pton
from typing import TYPE_CHECKING, Any, Final

from ..kernel.host_names import FATAL, FOUND, TEMPORARY
from ..kernel.sockaddr import AF_INET, AF_INET6, AF_UNSPEC
from ..runtime.thread import current_thread
from ..wire.address import (
    V4_ANY,
    V4_BASE,
    V4_BROADCAST,
    V4_LOOPBACK,
    V6_ANY,
    V6_LOOPBACK,
    format_ip,
    is_link_local,
    is_loopback,
    is_v4,
)
from ..wire.dns import TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_PTR, DnsReply, read_name
from . import stub_resolver
from .socket_address_order import sort_addresses

if TYPE_CHECKING:
    from ..kernel.kernel import Kernel

EAI_BADFLAGS: Final = -1
EAI_NONAME: Final = -2
EAI_AGAIN: Final = -3
EAI_FAIL: Final = -4
EAI_NODATA: Final = -5
EAI_FAMILY: Final = -6
EAI_SOCKTYPE: Final = -7
EAI_SERVICE: Final = -8
EAI_ADDRFAMILY: Final = -9

AI_NUMERICHOST: Final = 0x4
AI_V4MAPPED: Final = 0x8
AI_ALL: Final = 0x10

_TEXTS: Final = {
    EAI_BADFLAGS: "Bad value for ai_flags",
    EAI_NONAME: "Name or service not known",
    EAI_AGAIN: "Temporary failure in name resolution",
    EAI_FAIL: "Non-recoverable failure in name resolution",
    EAI_NODATA: "No address associated with hostname",
    EAI_FAMILY: "ai_family not supported",
    EAI_SOCKTYPE: "ai_socktype not supported",
    EAI_SERVICE: "Servname not supported for ai_socktype",
    EAI_ADDRFAMILY: "Address family for hostname not supported",
}

# For what gethostbyaddr() raises: h_errno and hstrerror(3), by the code getnameinfo() would raise.
_HOST_ERRORS: Final = {
    EAI_AGAIN: (stub_resolver.TRY_AGAIN, "Host name lookup failure"),
    EAI_FAIL: (stub_resolver.NO_RECOVERY, "Unknown server error"),
}


def resolver_error(code: int) -> gaierror:
    """The exception for glibc's EAI_* ``code``."""
    return gaierror(code, _TEXTS[code])


def host_bytes(host: Any) -> bytes:
    """A host argument as C gets it: IDNA-encoded if not ASCII.

    Raises TypeError unless it is str, bytes or bytearray without a NUL, UnicodeError if IDNA
    cannot encode it.
    """
    if isinstance(host, str):
        encoded = host.encode() if host.isascii() else host.encode("idna")
    elif isinstance(host, bytes | bytearray):
        encoded = bytes(host)
    else:
        raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")
    if b"\0" in encoded:
        raise TypeError("host name must not contain null character")
    return encoded


# Names


class Answer:
    """What the name service knows of a name: its canonical form, its other names, its addresses."""

    __slots__ = ("addresses", "aliases", "name")

    def __init__(self, name: str, aliases: list[str], addresses: list[int]) -> None:
        self.name = name
        self.aliases = aliases
        self.addresses = addresses


def find(kernel: Kernel, name: str, family: int = AF_UNSPEC) -> Answer | None:
    """The entry of ``name``, whatever its case, with or without the final dot of an absolute name.

    Addresses of another ``family`` may be among the answer's. Raises gaierror.
    """
    wanted = name.removesuffix(".").lower()
    if wanted == "localhost":
        # As the hosts file of most systems.
        return Answer("localhost", [], [V4_LOOPBACK, V6_LOOPBACK])
    listed = kernel.host_names.addresses(wanted)
    if listed:
        names = kernel.host_names.names_of(listed[0])
        return Answer(names[0], names[1:], listed)
    if wanted != kernel.hostname.lower():
        if not _asks(kernel, wanted):
            return None
        if kernel.host_names.asks_dns:
            return _ask_for_name(name, family)
    for known, addresses in kernel.names.items():
        if known.lower() == wanted:
            return Answer(known, _aliases(kernel, known, addresses), list(addresses))
    if wanted == kernel.hostname.lower():
        return Answer(kernel.hostname, [], _own_addresses(kernel) or [V4_LOOPBACK])
    return None


def _asks(kernel: Kernel, name: str) -> bool:
    """Ask the network's name service for ``name``, as the faults of the host's resolver let it.

    False if it is not found on purpose. Raises gaierror for a failure, and waits for a delay.
    """
    fault = kernel.host_names.fault_of(name)
    if fault is None:
        return True
    if fault.delay:
        thread = current_thread()
        if thread is not None:
            thread.scheduler.sleep(fault.delay, f"the name service, asked for {name}")
    if fault.outcome == TEMPORARY:
        raise resolver_error(EAI_AGAIN)
    if fault.outcome == FATAL:
        raise resolver_error(EAI_FAIL)
    return fault.outcome == FOUND


def find_address(kernel: Kernel, address: int) -> Answer | None:
    """The entry that has ``address``; the first name given to it is the canonical one."""
    if is_loopback(address):
        known = address in (V4_LOOPBACK, V6_LOOPBACK)
        return Answer("localhost", [], [address]) if known else None
    listed = kernel.host_names.names_of(address)
    if listed:
        return Answer(listed[0], listed[1:], [address])
    if not _asks(kernel, format_ip(address)):
        return None
    if kernel.host_names.asks_dns and address not in _own_addresses(kernel):
        return _ask_for_address(address)
    for name, addresses in kernel.names.items():
        if address in addresses:
            return Answer(name, _aliases(kernel, name, [address]), [address])
    if address in _own_addresses(kernel):
        return Answer(kernel.hostname, [], [address])
    return None


def _ask_for_name(name: str, family: int) -> Answer | None:
    """What the name servers say of ``name``; None if there is none such.

    Raises gaierror, and OSError without a descriptor to ask with.
    """
    types = {AF_INET: [TYPE_A], AF_INET6: [TYPE_AAAA]}.get(family, [TYPE_A, TYPE_AAAA])
    thread = current_thread()
    if thread is None:
        raise resolver_error(EAI_AGAIN)
    try:
        outcome = stub_resolver.search(thread, name, types)
    except stub_resolver.NoDescriptor as error:
        # EAI_SYSTEM
        raise OSError(error.errno, error.strerror) from None
    if outcome.herrno == stub_resolver.TRY_AGAIN:
        raise resolver_error(EAI_AGAIN)
    if outcome.herrno in (stub_resolver.HOST_NOT_FOUND, stub_resolver.NO_RECOVERY):
        return None
    found = Answer(name.removesuffix("."), [], [])
    for reply in outcome.replies:
        _add_addresses(reply, found)
    if not found.addresses:
        raise resolver_error(EAI_NODATA)
    return found


def _add_addresses(reply: DnsReply, found: Answer) -> None:
    """Follow the aliases of ``reply`` to its addresses."""
    name = reply.name
    aliases = []
    for record in reply.answers:
        if record.type == TYPE_CNAME and record.name.lower() == name.lower():
            aliases.append(name)
            name = read_name(record.data)
    for record in reply.answers:
        if record.name.lower() != name.lower() or record.type != reply.qtype:
            continue
        if record.type == TYPE_A and len(record.data) == 4:
            found.addresses.append(V4_BASE | int.from_bytes(record.data, "big"))
        elif record.type == TYPE_AAAA and len(record.data) == 16:
            found.addresses.append(int.from_bytes(record.data, "big"))
    if found.addresses:
        found.name, found.aliases = name, aliases


def _ask_for_address(address: int) -> Answer | None:
    """As :func:`_ask_for_name`, for the name of an address."""
    thread = current_thread()
    if thread is None:
        raise resolver_error(EAI_AGAIN)
    name = ipaddress.ip_address(format_ip(address)).reverse_pointer
    try:
        outcome = stub_resolver.query(thread, name, TYPE_PTR)
    except stub_resolver.NoDescriptor as error:
        raise OSError(error.errno, error.strerror) from None
    if outcome.herrno == stub_resolver.TRY_AGAIN:
        raise resolver_error(EAI_AGAIN)
    names = [
        read_name(record.data)
        for reply in outcome.replies
        for record in reply.answers
        if record.type == TYPE_PTR
    ]
    return Answer(names[0], names[1:], [address]) if names else None


def _aliases(kernel: Kernel, name: str, addresses: list[int]) -> list[str]:
    return [
        other
        for other, theirs in kernel.names.items()
        if other != name and any(address in theirs for address in addresses)
    ]


def interface_addresses(kernel: Kernel) -> list[int]:
    """Every address of the host, in the order of its interfaces."""
    return [address for interface in kernel.stack.interfaces for address, _ in interface.addresses]


def _own_addresses(kernel: Kernel) -> list[int]:
    return [address for address in interface_addresses(kernel) if not is_loopback(address)]


# Numeric hosts


def numeric_host(kernel: Kernel, host: str) -> tuple[int, int, int] | None:
    """(family, address, scope id) of a host written in numbers, None if it is not.

    IPv4 in any form of inet_aton(3), IPv6 perhaps with ``%interface`` or ``%number``.
    """
    if not host.isascii():
        return None
    if ":" in host:
        text, percent, zone = host.partition("%")
        try:
            address = int.from_bytes(inet_pton(AF_INET6, text), "big")
        except OSError:
            return None
        scope = _scope_id(kernel, address, zone) if percent else 0
        return None if scope is None else (AF_INET6, address, scope)
    # inet_aton() takes what follows a blank for a comment, getaddrinfo() does not.
    if not host or host.split() != [host]:
        return None
    try:
        return AF_INET, V4_BASE | int.from_bytes(inet_aton(host), "big"), 0
    except OSError:
        return None


def _scope_id(kernel: Kernel, address: int, zone: str) -> int | None:
    if is_link_local(address) or address >> 112 in (0xFF01, 0xFF02):
        for interface in kernel.stack.interfaces:
            if interface.name == zone:
                return int(interface.ifindex)
    return int(zone) if zone.isdecimal() and int(zone) <= 0xFFFFFFFF else None


# The addresses of a host


def host_addresses(kernel: Kernel, host: str, family: int, flags: int) -> list[tuple[int, int, int]]:
    """(family, address, scope id) of each address of ``host``, the best to connect to first.

    ``flags`` may hold AI_NUMERICHOST, AI_V4MAPPED and AI_ALL. Raises gaierror.
    """
    return named_addresses(kernel, host, family, flags)[0]


def named_addresses(
    kernel: Kernel, host: str, family: int, flags: int
) -> tuple[list[tuple[int, int, int]], Answer | None]:
    """As :func:`host_addresses`, with what is known of the name; None for a host in numbers."""
    numeric = numeric_host(kernel, host)
    if numeric is not None:
        return [_in_family(numeric, family, flags)], None
    if flags & AI_NUMERICHOST:
        raise resolver_error(EAI_NONAME)
    answer = _find_in_families(kernel, host, family, flags)
    v4 = [ip for ip in answer.addresses if is_v4(ip)]
    v6 = [ip for ip in answer.addresses if not is_v4(ip)]
    found = [(AF_INET6, ip, 0) for ip in v6] if family != AF_INET else []
    if family != AF_INET6:
        found += [(AF_INET, ip, 0) for ip in v4]
    elif flags & AI_V4MAPPED and (flags & AI_ALL or not v6):
        found += [(AF_INET6, ip, 0) for ip in v4]
    if not found:
        raise resolver_error(EAI_NONAME)
    return sort_addresses(kernel, found), answer


def _find_in_families(kernel: Kernel, host: str, family: int, flags: int) -> Answer:
    """The entry of ``host`` with IPv4 addresses too where AI_V4MAPPED wants them."""
    mapped = family == AF_INET6 and flags & AI_V4MAPPED
    try:
        answer = find(kernel, host, family)
    except gaierror as error:
        if not mapped or error.errno != EAI_NODATA:
            raise
        answer = find(kernel, host, AF_INET)
    else:
        if answer is not None and mapped and flags & AI_ALL and kernel.host_names.asks_dns:
            answer = find(kernel, host, AF_UNSPEC)
    if answer is None:
        raise resolver_error(EAI_NONAME)
    return answer


def _in_family(numeric: tuple[int, int, int], family: int, flags: int) -> tuple[int, int, int]:
    found, address, scope = numeric
    if family in (AF_UNSPEC, found):
        return numeric
    if found == AF_INET6 and is_v4(address):
        return AF_INET, address, scope
    if found == AF_INET and flags & AI_V4MAPPED:
        return AF_INET6, address, scope
    raise resolver_error(EAI_ADDRFAMILY)


# What CPython's _socket asks for a host argument (setipaddr)


def resolve_one(kernel: Kernel, host: bytes, family: int) -> int:
    """The one address a host argument stands for: "" the wildcard, "<broadcast>", a number, a name.

    ``family`` is AF_INET, AF_INET6 or AF_UNSPEC. Raises gaierror or OSError.
    """
    return resolve_host(kernel, host, family)[1]


def resolve_host(kernel: Kernel, host: bytes, family: int) -> tuple[int, int]:
    """As :func:`resolve_one`, with the family found."""
    if not host:
        if family == AF_UNSPEC:
            raise OSError("wildcard resolved to multiple address")
        return family, V4_ANY if family == AF_INET else V6_ANY
    text = host.decode("utf-8", "surrogateescape")
    if text in ("<broadcast>", "255.255.255.255"):
        if family == AF_INET6:
            raise OSError("address family mismatched")
        return AF_INET, V4_BROADCAST
    found_family, address, _ = host_addresses(kernel, text, family, 0)[0]
    return found_family, address


# gethostbyname and its kin


def gethostbyname(kernel: Kernel, host: Any) -> str:
    """socket.gethostbyname(): the first IPv4 address, as text."""
    return format_ip(resolve_one(kernel, _argument("gethostbyname", host), AF_INET))


def gethostbyname_ex(kernel: Kernel, host: Any) -> tuple[str, list[str], list[str]]:
    """socket.gethostbyname_ex(): canonical name, aliases, IPv4 addresses."""
    name = _argument("gethostbyname_ex", host)
    text = name.decode("utf-8", "surrogateescape")
    answer = None
    if kernel.host_names.asks_dns:
        # CPython looks whether there is an address before it asks for the entry.
        resolve_one(kernel, name, AF_INET)
    if name and text not in ("<broadcast>", "255.255.255.255"):
        answer = named_addresses(kernel, text, AF_INET, 0)[1]
    if answer is None:
        return text, [], [format_ip(resolve_one(kernel, name, AF_INET))]
    return answer.name, answer.aliases, [format_ip(ip) for ip in answer.addresses if is_v4(ip)]


def gethostbyaddr(kernel: Kernel, host: Any) -> tuple[str, list[str], list[str]]:
    """socket.gethostbyaddr(): name, aliases and address of a host given by either."""
    family, address = resolve_host(kernel, _argument("gethostbyaddr", host), AF_UNSPEC)
    mapped = family == AF_INET6 and is_v4(address)
    try:
        answer = None if mapped else find_address(kernel, address)
    except gaierror as error:
        raise herror(*_HOST_ERRORS[error.errno or EAI_AGAIN]) from None
    if answer is None:
        raise herror(stub_resolver.HOST_NOT_FOUND, "Unknown host")
    return answer.name, answer.aliases, [format_ip(address)]


def _argument(function: str, host: Any) -> bytes:
    if isinstance(host, str | bytes | bytearray):
        return host_bytes(host)
    raise TypeError(f"{function}() argument 1 must be str, bytes or bytearray, not {type(host).__name__}")
