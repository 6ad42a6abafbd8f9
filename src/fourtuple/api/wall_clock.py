"""The wall-clock time at which virtual time begins."""

from __future__ import annotations

import datetime

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_LAST = datetime.datetime(2200, 1, 1, tzinfo=datetime.UTC)


def parse_start(start: datetime.datetime | str) -> int:
    """``start``, a datetime or ISO 8601 text such as ``2030-05-01T12:00:00Z``, in ns since 1970.

    Without a zone it is UTC. Raises ValueError if it is none, or not between 1970 and 2200.
    """
    if isinstance(start, str):
        try:
            moment = datetime.datetime.fromisoformat(start)
        except ValueError:
            raise ValueError(f"{start!r} is not a time such as 2030-05-01T12:00:00Z") from None
    else:
        moment = start
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    if not _EPOCH <= moment < _LAST:
        raise ValueError(f"{str(start)!r} is not between 1970 and 2200")
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
