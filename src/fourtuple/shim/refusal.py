"""What a simulated process cannot do, said with the way it can be done."""

from __future__ import annotations

from errno import ENOSYS
from typing import NoReturn


class NotSimulated(OSError):
    """A program called something that has no meaning in a simulated process."""


def refuse(call: str, instead: str) -> NoReturn:
    """Raises NotSimulated (errno ENOSYS) naming ``call`` and what to use ``instead``."""
    raise NotSimulated(ENOSYS, f"{call} is not simulated; {instead}")
