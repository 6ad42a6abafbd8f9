"""greenlet, with types: the package has none of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    class GreenletExit(BaseException):
        """Thrown into a greenlet to end it."""

    class greenlet:  # noqa: N801  the package's own name
        parent: greenlet | None
        dead: bool
        gr_frame: FrameType | None

        def __init__(self, run: object = None, parent: greenlet | None = None) -> None: ...
        def run(self) -> object: ...
        def switch(self, *args: object) -> object: ...
        def throw(self, *args: object) -> object: ...
        def __bool__(self) -> bool: ...

    def getcurrent() -> greenlet: ...

else:
    from greenlet import GreenletExit, getcurrent, greenlet

__all__ = ["GreenletExit", "getcurrent", "greenlet"]
