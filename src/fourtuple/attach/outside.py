"""The port of a simulated switch that leads out of the simulation."""

from __future__ import annotations

from typing import Final

from ..network.switch import Switch
from ..stack.base import Device
from ..wire.ethernet import EthernetFrame, parse_frame
from ..wire.lenient import read_frame
from ..wire.packet import WireError
from .tap_device import TapDevice

_HEADER: Final = 14


class Outside(Device):
    """Joins ``switch`` to a TAP interface: what its hosts send there reaches the machine's kernel, and back.

    The links of the switch have their latency, loss and rules as ever. Frames come in only when
    :meth:`take` is called, which :class:`~.realtime.RealTime` does.
    """

    def __init__(self, switch: Switch, tap: TapDevice) -> None:
        self.tap = tap
        self.port = switch.add_port()
        self.port.device = self
        self.malformed: int = 0
        """Frames from outside with an error at some layer."""
        self.last_error: WireError | None = None

    def transmit(self, frame: EthernetFrame) -> None:
        self.tap.write(frame.serialize())

    def take(self, limit: int) -> int:
        """Let up to ``limit`` waiting frames in, at the clock's present time; returns how many there were."""
        count = 0
        while count < limit:
            data = self.tap.read()
            if data is None:
                break
            count += 1
            try:
                frame = parse_frame(data)
            except WireError as error:
                self.malformed += 1
                self.last_error = error
                if len(data) < _HEADER:
                    continue
                # Who looks at lower layers sees it all the same; its receiver drops it.
                frame = read_frame(data)
            self.port.receive(frame)
        return count
