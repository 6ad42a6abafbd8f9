"""What can come of a script, other than that it passes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Difference:
    """One field of a packet, as the script expects it and as it was seen."""

    name: str
    expected: str
    seen: str


class ScriptError(Exception):
    """The script itself is wrong: its text, or what it asks the runner to do.

    ``line`` and ``column`` count from 1; a column of 0 says that only the line is known.
    """

    def __init__(self, message: str, line: int, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Unsupported(Exception):
    """The script needs something the simulated host does not have. ``what`` names it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass
class Failure(Exception):
    """The host did something else than the script says.

    ``expected`` and ``seen`` are packets or results in the script's own notation, to be put side by
    side; either may be empty.
    """

    message: str
    expected: str = ""
    seen: str = ""
    differences: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        return self.message
