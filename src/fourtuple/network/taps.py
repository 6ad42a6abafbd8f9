"""Several taps as one."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from ..capture.tap import Tap, TapPoint
from ..wire.ethernet import EthernetFrame


# The base is not compiled, so this cannot be a native class.
@mypyc_attr(native_class=False)
class TapGroup(Tap):
    """Tells each of ``taps`` in turn."""

    def __init__(self, taps: list[Tap]) -> None:
        self.taps = taps

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        for tap in self.taps:
            tap.sent(point, now, frame)

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        for tap in self.taps:
            tap.delivered(point, now, frame)

    def dropped(self, point: TapPoint, now: int, frame: EthernetFrame, reason: str) -> None:
        for tap in self.taps:
            tap.dropped(point, now, frame, reason)
