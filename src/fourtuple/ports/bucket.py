"""The bind bucket: who holds one TCP port, and what the port remembers of its binders.

Linux ``struct inet_bind_bucket`` with ``sk_reuseport_match`` and ``inet_csk_update_fastreuse``.
"""

from __future__ import annotations

from .conflict import addresses_overlap
from .endpoint import Endpoint


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
        "open_to_connect",
        "owners",
        "port",
    )

    def __init__(self, port: int) -> None:
        self.port: int = port
        # A dict as an ordered set.
        self.owners: dict[Endpoint, None] = {}
        self.bind_owners: int = 0
        """Owners whose port did not come from connect()."""
        self.open_to_connect: bool = True
        """Whether connect() may share the port: no bind() owner holds it, or in older kernels has
        held it since it was last free."""
        self.cache: bool = False
        """Whether a SO_REUSEPORT binder is remembered, by the following."""
        self.cache_uid: int = 0
        self.cache_family: int = 0
        self.cache_address: int = 0
        self.cache_v6only: bool = False

    def add(self, endpoint: Endpoint) -> None:
        if endpoint not in self.owners:
            self.owners[endpoint] = None
            if not endpoint.port_by_connect:
                self.bind_owners += 1
                self.open_to_connect = False

    def remove(self, endpoint: Endpoint, forgets: bool) -> None:
        """Remove an owner; harmless if it is none.

        With ``forgets`` the port forgets its binders and is open to connect() again when the last
        owner that came by bind() leaves.
        """
        if endpoint in self.owners:
            del self.owners[endpoint]
            if not endpoint.port_by_connect:
                self.bind_owners -= 1
                if forgets and self.bind_owners == 0:
                    self.open_to_connect = True
                    self.cache = False

    def waves_through(self, endpoint: Endpoint, address: int, v6only: bool) -> bool:
        """Whether the port's memory lets ``endpoint`` bind without looking at the owners.

        It does for a SO_REUSEPORT socket of the remembered one's user and address, or any address
        if that was a wildcard; other owners and devices do not count.
        """
        return (
            self.cache
            and endpoint.reuse_port
            and endpoint.group is None
            and self.cache_uid == endpoint.uid
            and addresses_overlap(
                self.cache_family, self.cache_address, self.cache_v6only, address, v6only, True, False
            )
        )

    def remember(self, endpoint: Endpoint, address: int, v6only: bool) -> None:
        """A bind or listen succeeded: remember the socket if it has SO_REUSEPORT and is not covered
        by the one remembered; one without makes the port forget."""
        if not endpoint.reuse_port:
            self.cache = False
        elif not self.waves_through(endpoint, address, v6only):
            self.cache = True
            self.cache_uid = endpoint.uid
            self.cache_family = endpoint.family
            self.cache_address = address
            self.cache_v6only = v6only
