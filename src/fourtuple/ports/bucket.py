"""The bind bucket: who holds one TCP port, and what the port remembers of its binders.

Linux ``struct inet_bind_bucket`` with ``sk_reuseport_match`` and ``inet_csk_update_fastreuse``.
"""

from __future__ import annotations

from typing import Final

from .conflict import addresses_overlap
from .endpoint import LISTEN, Endpoint

CACHE_NONE: Final = 0
CACHE_STRICT: Final = 1
"""Valid for the remembered address."""
CACHE_ANY: Final = 2
"""Every owner so far came with SO_REUSEPORT: valid for any address."""


class BindBucket:
    """The owners of one port, in the order they came, and the verdict cache of bind().

    Connections of a listening port are owners too, so there may be 100,000: nothing on the path of
    a connection walks them.
    """

    __slots__ = (
        "bind_owners",
        "cache",
        "cache_address",
        "cache_family",
        "cache_uid",
        "cache_v6only",
        "owners",
        "port",
        "reuse_addr_only",
    )

    def __init__(self, port: int) -> None:
        self.port: int = port
        # A dict as an ordered set.
        self.owners: dict[Endpoint, None] = {}
        self.bind_owners: int = 0
        """Owners whose port did not come from connect(); while there are any, connect() may not
        share the port."""
        self.cache: int = CACHE_NONE
        self.cache_uid: int = 0
        self.cache_family: int = 0
        self.cache_address: int = 0
        self.cache_v6only: bool = False
        self.reuse_addr_only: bool = False
        """Every bind so far had SO_REUSEADDR and did not listen."""

    def add(self, endpoint: Endpoint) -> None:
        if endpoint not in self.owners:
            self.owners[endpoint] = None
            if not endpoint.port_by_connect:
                self.bind_owners += 1

    def remove(self, endpoint: Endpoint) -> None:
        """Remove an owner; harmless if it is none.

        When the last owner that came by bind() leaves, the port forgets its binders (Linux 6.18).
        """
        if endpoint in self.owners:
            del self.owners[endpoint]
            if not endpoint.port_by_connect:
                self.bind_owners -= 1
                if self.bind_owners == 0:
                    self.cache = CACHE_NONE
                    self.reuse_addr_only = False

    def waves_through(self, endpoint: Endpoint, address: int, v6only: bool) -> bool:
        """Whether the port's memory lets ``endpoint`` bind without looking at the owners."""
        return (
            self.reuse_addr_only and endpoint.reuse_addr and endpoint.state != LISTEN
        ) or self.cache_matches(endpoint, address, v6only)

    def cache_matches(self, endpoint: Endpoint, address: int, v6only: bool) -> bool:
        """Whether the remembered SO_REUSEPORT binder vouches for ``endpoint``."""
        if (
            self.cache == CACHE_NONE
            or not endpoint.reuse_port
            or endpoint.group is not None
            or self.cache_uid != endpoint.uid
        ):
            return False
        return self.cache == CACHE_ANY or addresses_overlap(
            self.cache_family, self.cache_address, self.cache_v6only, address, v6only, True, False
        )

    def remember(self, endpoint: Endpoint, address: int, v6only: bool) -> None:
        """A bind or listen succeeded: update the memory. Called before :meth:`add`."""
        reuse = endpoint.reuse_addr and endpoint.state != LISTEN
        if not self.owners:
            self.reuse_addr_only = reuse
            kind = CACHE_ANY
        else:
            if not reuse:
                self.reuse_addr_only = False
            kind = CACHE_STRICT
        if not endpoint.reuse_port:
            self.cache = CACHE_NONE
        elif kind == CACHE_ANY or not self.cache_matches(endpoint, address, v6only):
            self.cache = kind
            self.cache_uid = endpoint.uid
            self.cache_family = endpoint.family
            self.cache_address = address
            self.cache_v6only = v6only
