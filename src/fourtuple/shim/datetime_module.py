"""Stand-in for the two readings of the clock in ``datetime``: ``datetime.now`` and ``utcnow``.

``date.today`` and ``datetime.today`` ask ``time.time`` themselves. The methods are replaced inside
the C type, so that the type, its instances and its pickles stay the same everywhere.
"""

from __future__ import annotations

import datetime
import sys
import warnings
from typing import Any, Final

from ..runtime.thread import SimThread, current_thread
from .patching import replace_in_type
from .time_module import wall_ns

_Datetime: Final = datetime.datetime
_real_now: Final[Any] = _Datetime.__dict__["now"]
_real_utcnow: Final[Any] = _Datetime.__dict__["utcnow"]


def _read(owner: type[datetime.datetime], thread: SimThread, tz: datetime.tzinfo | None) -> datetime.datetime:
    seconds, nanoseconds = divmod(wall_ns(thread), 1_000_000_000)
    return owner.fromtimestamp(seconds, tz).replace(microsecond=nanoseconds // 1_000)


def _now(owner: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
    thread = current_thread()
    if thread is None:
        moment: datetime.datetime = _real_now.__get__(None, owner)(tz)
        return moment
    return _read(owner, thread, tz)


def _utcnow(owner: type[datetime.datetime]) -> datetime.datetime:
    thread = current_thread()
    if thread is None:
        moment: datetime.datetime = _real_utcnow.__get__(None, owner)()
        return moment
    if sys.version_info >= (3, 12):
        warnings.warn(
            "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. "
            "Use timezone-aware objects to represent datetimes in UTC: datetime.datetime.now(datetime.UTC).",
            DeprecationWarning,
            stacklevel=2,
        )
    return _read(owner, thread, datetime.UTC).replace(tzinfo=None)


def install() -> None:
    for name, function in (("now", _now), ("utcnow", _utcnow)):
        real = _Datetime.__dict__[name]
        function.__name__ = name
        function.__qualname__ = f"datetime.{name}"
        function.__doc__ = real.__doc__
        replace_in_type(_Datetime, name, classmethod(function))
