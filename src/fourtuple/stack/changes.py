"""Who wants to know of changes of interfaces, addresses, routes and neighbours (Linux's notifier chains)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import mypyc_attr

if TYPE_CHECKING:
    from .interface import Interface
    from .neighbour import Neighbour
    from .route import RouteEntry


@mypyc_attr(allow_interpreted_subclasses=True)
class ChangeListener:
    """Told of each change after it was made. This one does not care."""

    def link_changed(self, interface: Interface, toggled: bool) -> None:
        """Of its flags (``toggled``: it went up or down), name, MTU or MAC address."""

    def address_added(self, interface: Interface, address: int, length: int) -> None:
        """An address is the host's; its subnet's route may not be there yet."""

    def address_removed(self, interface: Interface, address: int, length: int) -> None:
        """An address is the host's no more; its subnet's route may still be there."""

    def route_added(self, entry: RouteEntry) -> None: ...

    def route_removed(self, entry: RouteEntry) -> None: ...

    def neighbour_changed(self, neighbour: Neighbour) -> None:
        """It entered another state."""

    def neighbour_removed(self, neighbour: Neighbour) -> None: ...
