"""The run's trace: a digest that is always on, and the events themselves when asked to keep them.

Two runs with the same digest put the same frames on the same links at the same times.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import Final

from ..wire.ethernet import EthernetFrame
from ..wire.fingerprint import fingerprint
from .tap import Tap, TapPoint

SENT: Final = "sent"
DELIVERED: Final = "delivered"
DROPPED: Final = "dropped"

_SENT: Final = 1
_DELIVERED: Final = 2
_DROPPED: Final = 3

# Time, point and verb.
_pack_event: Final = Struct("<QIB").pack
_BATCH: Final = 1024
"""List entries hashed at once, two an event."""


class TraceEvent:
    """One frame seen at one point. ``verb`` is SENT, DELIVERED or DROPPED, ``time`` in ns."""

    __slots__ = ("frame", "point", "reason", "time", "verb")

    def __init__(self, time: int, point: TapPoint, verb: str, frame: EthernetFrame, reason: str) -> None:
        self.time = time
        self.point = point
        self.verb = verb
        self.frame = frame
        self.reason = reason
        """Why it was dropped, else empty."""

    def __repr__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.time} {self.point.node}/{self.point.interface} {self.verb}{reason} {self.frame!r}"


class Trace(Tap):
    """Digest of everything that was on the wire. With ``keep`` the ``events`` are kept too."""

    def __init__(self, keep: bool = False) -> None:
        self.events: list[TraceEvent] = []
        """What happened so far in order; stays empty unless ``keep``."""
        self.keep = keep
        self._hash = blake2b(digest_size=16)
        self._pending: list[bytes] = []

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        pending = self._pending
        pending.append(_pack_event(now, point.id, _SENT))
        pending.append(frame.fingerprint or fingerprint(frame))
        if len(pending) >= _BATCH:
            self._flush()
        if self.keep:
            self.events.append(TraceEvent(now, point, SENT, frame, ""))

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        pending = self._pending
        pending.append(_pack_event(now, point.id, _DELIVERED))
        pending.append(frame.fingerprint or fingerprint(frame))
        if len(pending) >= _BATCH:
            self._flush()
        if self.keep:
            self.events.append(TraceEvent(now, point, DELIVERED, frame, ""))

    def dropped(self, point: TapPoint, now: int, frame: EthernetFrame, reason: str) -> None:
        text = reason.encode()
        self._pending.append(_pack_event(now, point.id, _DROPPED))
        self._pending.append(fingerprint(frame) + len(text).to_bytes(4, "little") + text)
        if len(self._pending) >= _BATCH:
            self._flush()
        if self.keep:
            self.events.append(TraceEvent(now, point, DROPPED, frame, reason))

    def digest(self) -> str:
        """The digest of all events so far, in hex. More events may follow."""
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        self._hash.update(b"".join(self._pending))
        self._pending.clear()
