"""The table of exact four-tuples: established TCP connections, connected UDP sockets.

One dict keyed by one int packed from the four-tuple. Two sockets may hold the same four-tuple on
different devices; the newer one is in the dict, the older ones behind it.
"""

from __future__ import annotations

from typing import Final

from ..wire.address import V4_BASE, V4_LAST
from .endpoint import Endpoint

_MASK32: Final = 0xFFFF_FFFF


def pack_tuple(peer: int, peer_port: int, local: int, local_port: int) -> int:
    """The four-tuple as one int: 96 bits for IPv4, 288 for IPv6, never equal across the two."""
    if V4_BASE <= peer <= V4_LAST:
        return ((peer & _MASK32) << 16 | peer_port) << 48 | (local & _MASK32) << 16 | local_port
    return (peer << 16 | peer_port) << 144 | local << 16 | local_port


def endpoint_key(endpoint: Endpoint) -> int:
    return pack_tuple(endpoint.peer, endpoint.peer_port, endpoint.local, endpoint.local_port)


class ExactTable:
    """Endpoints by four-tuple; adding, removing and finding take constant time."""

    __slots__ = ("_entries", "_shadowed")

    def __init__(self) -> None:
        self._entries: dict[int, Endpoint] = {}
        self._shadowed: dict[int, list[Endpoint]] = {}

    def __len__(self) -> int:
        return len(self._entries) + sum([len(older) for older in self._shadowed.values()])

    def add(self, endpoint: Endpoint) -> None:
        """Add under its present four-tuple, before any other of the same one."""
        key = endpoint_key(endpoint)
        endpoint.key = key
        before = self._entries.get(key)
        self._entries[key] = endpoint
        if before is not None:
            older = self._shadowed.get(key)
            if older is None:
                self._shadowed[key] = [before]
            else:
                older.insert(0, before)

    def remove(self, endpoint: Endpoint) -> None:
        """Remove; harmless if it is not here."""
        key = endpoint.key
        if key < 0:
            return
        endpoint.key = -1
        older = self._shadowed.get(key) if self._shadowed else None
        if older is None:
            del self._entries[key]
            return
        if self._entries[key] is endpoint:
            self._entries[key] = older.pop(0)
        else:
            older.remove(endpoint)
        if not older:
            del self._shadowed[key]

    def replace(self, old: Endpoint, new: Endpoint) -> None:
        """Put ``new`` in the place of ``old``, which must be here and have the same four-tuple."""
        key = old.key
        old.key = -1
        new.key = key
        if self._entries[key] is old:
            self._entries[key] = new
        else:
            older = self._shadowed[key]
            older[older.index(old)] = new

    def find(self, key: int, ifindex: int) -> Endpoint | None:
        """The newest entry of ``key`` that takes packets received on ``ifindex``.

        A device-bound entry takes only its device's (``inet_sk_bound_dev_eq`` without a VRF).
        """
        endpoint = self._entries.get(key)
        if endpoint is None:
            return None
        if endpoint.device == 0 or endpoint.device == ifindex:
            return endpoint
        if self._shadowed:
            older = self._shadowed.get(key)
            if older is not None:
                for candidate in older:
                    if candidate.device == 0 or candidate.device == ifindex:
                        return candidate
        return None

    def all_of(self, key: int) -> list[Endpoint]:
        """Every entry of ``key``, newest first."""
        endpoint = self._entries.get(key)
        if endpoint is None:
            return []
        return [endpoint, *self._shadowed.get(key, [])]

    def endpoints(self) -> list[Endpoint]:
        """All entries, in the order their four-tuples were first added."""
        found: list[Endpoint] = []
        for key in self._entries:
            found.extend(self.all_of(key))
        return found
