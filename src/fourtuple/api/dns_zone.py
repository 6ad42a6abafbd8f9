"""What a name server of a network knows: the network's hosts, and records it was given."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ..network.fabric import Fabric
from ..wire.address import format_ip, is_v4
from ..wire.dns import BADVERS as _BADVERS
from ..wire.dns import (
    CLASS_ANY,
    CLASS_IN,
    FLAG_AA,
    FLAG_RA,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    REFUSED,
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_CNAME,
    TYPE_MX,
    TYPE_NS,
    TYPE_PTR,
    TYPE_SOA,
    TYPE_SRV,
    TYPE_TXT,
    DnsQuery,
    DnsRecord,
    build_response,
    encode_name,
)

_CNAMES: Final = 8

TYPES: Final[Mapping[str, int]] = {
    "A": TYPE_A,
    "AAAA": TYPE_AAAA,
    "CNAME": TYPE_CNAME,
    "MX": TYPE_MX,
    "NS": TYPE_NS,
    "PTR": TYPE_PTR,
    "SOA": TYPE_SOA,
    "SRV": TYPE_SRV,
    "TXT": TYPE_TXT,
}


def _name(text: str) -> bytes:
    return encode_name(text.removesuffix("."))


def _number(text: str, bits: int) -> bytes:
    number = int(text)
    if not 0 <= number < 1 << bits:
        raise ValueError
    return number.to_bytes(bits // 8, "big")


def _text(value: str) -> bytes:
    data = value.encode()
    parts = [data[at : at + 255] for at in range(0, len(data), 255)] or [b""]
    return b"".join(bytes([len(part)]) + part for part in parts)


def _mx(value: str) -> bytes:
    preference, host = value.split()
    return _number(preference, 16) + _name(host)


def _srv(value: str) -> bytes:
    priority, weight, port, host = value.split()
    return _number(priority, 16) + _number(weight, 16) + _number(port, 16) + _name(host)


def _soa(value: str) -> bytes:
    server, mailbox, *numbers = value.split()
    if len(numbers) != 5:
        raise ValueError
    return _name(server) + _name(mailbox) + b"".join(_number(number, 32) for number in numbers)


_ENCODERS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "A": lambda value: ipaddress.IPv4Address(value).packed,
    "AAAA": lambda value: ipaddress.IPv6Address(value).packed,
    "CNAME": _name,
    "MX": _mx,
    "NS": _name,
    "PTR": _name,
    "SOA": _soa,
    "SRV": _srv,
    "TXT": _text,
}


def reverse_name(address: int) -> str:
    """The name PTR records of ``address`` have, below in-addr.arpa or ip6.arpa."""
    return ipaddress.ip_address(format_ip(address)).reverse_pointer


class DnsZone:
    """Answers questions from records of its own and from the names of a network."""

    def __init__(self, fabric: Fabric, domain: str, ttl: int) -> None:
        self._fabric = fabric
        self.domain = domain.strip(".").lower()
        self.ttl = ttl
        self._records: dict[str, list[DnsRecord]] = {}

    def add(self, name: str, type: str, value: str, ttl: int | None = None) -> None:
        """A record. Raises ValueError for a type or value that is none."""
        kind = type.upper()
        if kind not in TYPES:
            raise ValueError(f"record type {type!r} is none of {', '.join(TYPES)}")
        try:
            data = _ENCODERS[kind](value)
            encode_name(name.removesuffix("."))
        except ValueError as error:
            raise ValueError(f"{name} {kind} {value!r}: not the value of such a record") from error
        owner = name.removesuffix(".")
        made = DnsRecord(owner, TYPES[kind], self.ttl if ttl is None else ttl, data)
        self._records.setdefault(owner.lower(), []).append(made)

    # Answers

    def respond(self, query: DnsQuery, limit: int) -> bytes:
        """The answer in at most ``limit`` bytes."""
        if query.opcode() != 0:
            return build_response(query, NOTIMP, 0, [], [], [], limit)
        if query.edns and query.edns_version:
            return build_response(query, _BADVERS, 0, [], [], [], limit)
        if query.qclass not in (CLASS_IN, CLASS_ANY):
            return build_response(query, REFUSED, 0, [], [], [], limit)
        answers: list[DnsRecord] = []
        name = query.name
        exists = False
        for _ in range(_CNAMES):
            found = self._of(name)
            exists = exists or bool(found) or self._is_above(name)
            aliases = [record for record in found if record.type == TYPE_CNAME]
            wanted = [record for record in found if query.qtype in (record.type, TYPE_ANY)]
            answers += wanted or aliases
            if wanted or not aliases:
                break
            name = _read(aliases[0].data)
        rcode = NOERROR if exists else NXDOMAIN
        authority = [] if answers else self._authority(query.name)
        return build_response(
            query, rcode, FLAG_AA | FLAG_RA, answers, authority, self._helpful(answers), limit
        )

    def _of(self, name: str) -> list[DnsRecord]:
        wanted = name.lower()
        found = list(self._records.get(wanted, ()))
        host = wanted
        if self.domain and wanted.endswith("." + self.domain):
            host = wanted[: -len(self.domain) - 1]
        for known, addresses in self._fabric.names.items():
            if known.lower() in (wanted, host) and known != "localhost":
                found += [_address_record(name, self.ttl, address) for address in addresses]
        if wanted.endswith(".arpa"):
            found += self._pointers(name)
        return found

    def _pointers(self, name: str) -> list[DnsRecord]:
        for known, addresses in self._fabric.names.items():
            if known != "localhost" and any(reverse_name(each) == name.lower() for each in addresses):
                full = f"{known}.{self.domain}" if self.domain and "." not in known else known
                return [DnsRecord(name, TYPE_PTR, self.ttl, encode_name(full))]
        return []

    def _is_above(self, name: str) -> bool:
        """Is there a name below it? Then it exists, without records (RFC 8020)."""
        end = "." + name.lower()
        names = [*self._records, *(known.lower() for known in self._fabric.names)]
        return any(known.endswith(end) for known in names)

    def _authority(self, name: str) -> list[DnsRecord]:
        """The SOA record that says how long the absence holds (RFC 2308)."""
        labels = name.lower().split(".")
        for at in range(len(labels) + 1):
            for record in self._records.get(".".join(labels[at:]), ()):
                if record.type == TYPE_SOA:
                    return [record]
        return []

    def _helpful(self, answers: Sequence[DnsRecord]) -> list[DnsRecord]:
        """Addresses of the hosts that SRV, MX and NS records name."""
        skip = {TYPE_SRV: 6, TYPE_MX: 2, TYPE_NS: 0}
        found: list[DnsRecord] = []
        for record in answers:
            if record.type in skip:
                name = _read(record.data[skip[record.type] :])
                found += [each for each in self._of(name) if each.type in (TYPE_A, TYPE_AAAA)]
        return found


def _address_record(name: str, ttl: int, address: int) -> DnsRecord:
    if is_v4(address):
        return DnsRecord(name, TYPE_A, ttl, (address & 0xFFFFFFFF).to_bytes(4, "big"))
    return DnsRecord(name, TYPE_AAAA, ttl, address.to_bytes(16, "big"))


def _read(data: bytes) -> str:
    """A name that was written by :func:`encode_name`."""
    labels = []
    at = 0
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels)
