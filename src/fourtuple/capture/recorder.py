"""Records what a tap sees as a capture file that says who sent and who got each packet."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from ..wire.ethernet import EthernetFrame
from .pcapng import INBOUND, OUTBOUND, PcapngWriter
from .tap import Tap, TapPoint


class Annotator:
    """Comments on packets. This one has none; the network's knows hosts, processes and sockets."""

    def comment_sent(self, point: TapPoint, frame: EthernetFrame) -> str:
        """What is known of the sender of ``frame``, sent at ``point``; empty for no comment."""
        return ""

    def comment_delivered(self, point: TapPoint, frame: EthernetFrame) -> str:
        """What is known of the receiver of ``frame``, delivered at ``point``; empty for no comment."""
        return ""


class PcapngRecorder(Tap):
    """Writes the frames seen at the points ``wanted`` accepts to ``file``, which it closes at the end.

    Each point is an interface ``node/interface`` of the file. As in tcpdump on that node, it has the
    frames sent there and those delivered there, a loopback's once. A frame that gets lost is written
    again, with the reason, to an interface ``node/interface lost`` of its own.

    A file of every point has each frame that crossed a link twice, which Wireshark takes for
    retransmissions; ``arrivals=False`` leaves out what is delivered, so each link has a frame once.

    ``epoch`` is the wall-clock time, in ns since 1970, of virtual time 0. What has been seen is sure
    to be in the file only after :meth:`flush` or :meth:`close`.
    """

    def __init__(
        self,
        file: BinaryIO,
        epoch: int,
        annotator: Annotator,
        wanted: Callable[[TapPoint], bool] | None = None,
        arrivals: bool = True,
    ) -> None:
        self.packets = 0
        """Packets written so far."""
        self.closed = False
        self._file = file
        self._writer = PcapngWriter(file, epoch)
        self._annotator = annotator
        self._wanted = wanted
        self._arrivals = arrivals
        # Interface number by point id, -1 where the point is not wanted.
        self._interfaces: dict[int, int] = {}
        self._lost_interfaces: dict[int, int] = {}

    def add_point(self, point: TapPoint) -> None:
        """Describe ``point`` now, if it is wanted; else that is done when its first frame is seen."""
        self._interface(point)

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        if self.closed or point.loopback:
            return
        interface = self._interface(point)
        if interface >= 0:
            comment = self._annotator.comment_sent(point, frame)
            self._write(interface, now, frame, OUTBOUND, (comment,))

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        if self.closed or not (self._arrivals or point.loopback):
            return
        interface = self._interface(point)
        if interface < 0:
            return
        comment = self._annotator.comment_delivered(point, frame)
        if point.loopback:
            sender = self._annotator.comment_sent(point, frame)
            self._write(interface, now, frame, 0, (sender, comment))
        else:
            self._write(interface, now, frame, INBOUND, (comment,))

    def dropped(self, point: TapPoint, now: int, frame: EthernetFrame, reason: str) -> None:
        if self.closed or self._interface(point) < 0:
            return
        interface = self._lost_interfaces.get(point.id, -1)
        if interface < 0:
            name = f"{point.node}/{point.interface}"
            interface = self._writer.add_interface(f"{name} lost", f"frames sent at {name} that got lost")
            self._lost_interfaces[point.id] = interface
        comment = self._annotator.comment_sent(point, frame)
        self._write(interface, now, frame, OUTBOUND, (f"lost: {reason}", comment))

    def flush(self) -> None:
        """Hand everything seen so far to the operating system."""
        if not self.closed:
            self._file.flush()

    def close(self) -> None:
        """Finish the file. What is seen later is not recorded; a second call does nothing."""
        if not self.closed:
            self.closed = True
            self._file.close()

    def _interface(self, point: TapPoint) -> int:
        number = self._interfaces.get(point.id)
        if number is None:
            number = -1
            if self._wanted is None or self._wanted(point):
                name = f"{point.node}/{point.interface}"
                number = self._writer.add_interface(name, f"{point.interface} of {point.node}")
            self._interfaces[point.id] = number
        return number

    def _write(
        self, interface: int, now: int, frame: EthernetFrame, direction: int, comments: tuple[str, ...]
    ) -> None:
        self._writer.write_packet(interface, now, frame.serialize(), direction, comments)
        self.packets += 1
