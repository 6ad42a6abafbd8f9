"""What one host knows of names beside the network: its hosts file, and faults of its resolver."""

from __future__ import annotations

from typing import Final

from ..wire.address import format_ip

FOUND: Final = 0
NOT_FOUND: Final = 1
TEMPORARY: Final = 2
FATAL: Final = 3

# resolv.conf(5): RES_TIMEOUT, RES_DFLRETRY, and the dots that make a name absolute at first.
TIMEOUT: Final = 5
ATTEMPTS: Final = 2
NDOTS: Final = 1


class HostsEntry:
    """A line of the hosts file: an address and its names, the first of which is the canonical one."""

    __slots__ = ("address", "names")

    def __init__(self, address: int, names: list[str]) -> None:
        self.address: int = address
        self.names: list[str] = names


class NameFault:
    """What becomes of questions for names that begin and end as told: an outcome, and a delay in ns."""

    __slots__ = ("delay", "head", "outcome", "tail", "whole")

    def __init__(self, pattern: str, outcome: int, delay: int) -> None:
        head, star, tail = pattern.lower().partition("*")
        self.head: str = head
        self.tail: str = tail
        self.whole: bool = not star
        self.outcome: int = outcome
        self.delay: int = delay

    def concerns(self, name: str) -> bool:
        """Is ``name``, in lower case, among those it is about?"""
        if self.whole:
            return name == self.head
        long_enough = len(name) >= len(self.head) + len(self.tail)
        return long_enough and name.startswith(self.head) and name.endswith(self.tail)


class HostNames:
    """The hosts file and the resolver's state of one host."""

    __slots__ = (
        "asks_dns",
        "attempts",
        "entries",
        "faults",
        "nameservers",
        "ndots",
        "search",
        "timeout",
        "told",
    )

    def __init__(self) -> None:
        self.entries: list[HostsEntry] = []
        """The hosts file below its line for localhost, in order."""
        self.faults: list[NameFault] = []
        """The first that concerns a name decides; answers of the hosts file are not affected."""
        self.nameservers: list[int] = []
        """Addresses of resolv.conf's nameserver lines."""
        self.search: list[str] = []
        """Domains of resolv.conf's search line."""
        self.told: bool = False
        """Are servers or domains the host's own, not the network's?"""
        self.asks_dns: bool = False
        """Do names that the hosts file has not get asked of the name servers, by packets?"""
        self.ndots: int = NDOTS
        """Names with fewer dots are looked for in the search domains first."""
        self.timeout: int = TIMEOUT
        """Seconds the resolver waits for an answer before it asks the next server, or again."""
        self.attempts: int = ATTEMPTS
        """How often it asks each server."""

    def fault_of(self, name: str) -> NameFault | None:
        """The fault that concerns ``name``, in lower case."""
        for fault in self.faults:
            if fault.concerns(name):
                return fault
        return None

    def addresses(self, name: str) -> list[int]:
        """Addresses the hosts file has for ``name``, in lower case."""
        return [
            entry.address for entry in self.entries if any(known.lower() == name for known in entry.names)
        ]

    def names_of(self, address: int) -> list[str]:
        """Names the hosts file has for ``address``, the canonical one first."""
        found: list[str] = []
        for entry in self.entries:
            if entry.address == address:
                found.extend(name for name in entry.names if name not in found)
        return found

    def hosts_file(self, hostname: str, own: list[int]) -> str:
        """The text of /etc/hosts; ``own`` are addresses of the host."""
        lines = ["127.0.0.1\tlocalhost"]
        lines += [f"{format_ip(address)}\t{hostname}" for address in own]
        lines += [f"{format_ip(entry.address)}\t{' '.join(entry.names)}" for entry in self.entries]
        return "".join(f"{line}\n" for line in lines)

    def resolv_conf(self) -> str:
        """The text of /etc/resolv.conf."""
        lines = [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"nameserver {format_ip(address)}" for address in self.nameservers]
        options = [
            f"{name}:{value}"
            for name, value, usual in (
                ("ndots", self.ndots, NDOTS),
                ("timeout", self.timeout, TIMEOUT),
                ("attempts", self.attempts, ATTEMPTS),
            )
            if value != usual
        ]
        if options:
            lines.append(f"options {' '.join(options)}")
        return "".join(f"{line}\n" for line in lines)
