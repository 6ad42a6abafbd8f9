"""Where captures watch the wire: a tap sees each frame enter a link, arrive, or get lost."""

from __future__ import annotations

from ..wire.ethernet import EthernetFrame


class TapPoint:
    """One end of a link, or a loopback: where frames are seen.

    ``id`` is unique in a network and given in the order the points are made; the digest rests on it.
    At a ``loopback`` the same frames are sent and delivered.
    """

    __slots__ = ("id", "interface", "loopback", "node")

    def __init__(self, id: int, node: str, interface: str, loopback: bool = False) -> None:
        self.id = id
        self.node = node
        """Name of the host, switch or router."""
        self.interface = interface
        """Name of the interface there, as in ``eth0``."""
        self.loopback = loopback

    def __repr__(self) -> str:
        return f"TapPoint({self.id}, {self.node}/{self.interface})"


class Tap:
    """Watches frames. ``now`` is the virtual time in ns.

    A frame may be looked at and kept, but not changed: the network uses the same object.
    """

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        """``frame`` was handed to the wire at ``point``."""

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        """``frame`` has arrived at ``point`` and is about to be processed there."""

    def dropped(self, point: TapPoint, now: int, frame: EthernetFrame, reason: str) -> None:
        """``frame``, sent at ``point``, will never arrive; ``reason`` says why."""
