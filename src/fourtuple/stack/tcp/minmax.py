"""The largest or smallest value of a sliding window of time, from three candidates.

Kathleen Nichols's filter, Linux's ``win_minmax``: an estimate that needs no list of all values.
"""

from __future__ import annotations


class MaxFilter:
    """The largest of the last rounds' values, from three candidates (Linux's ``win_minmax``)."""

    __slots__ = ("_times", "_values")

    def __init__(self) -> None:
        self._times: list[int] = [0, 0, 0]
        self._values: list[int] = [0, 0, 0]

    def best(self) -> int:
        return self._values[0]

    def take(self, window: int, time: int, value: int) -> None:
        times = self._times
        values = self._values
        if value >= values[0] or time - times[2] > window:
            self._times = [time, time, time]
            self._values = [value, value, value]
            return
        if value >= values[1]:
            times[1] = times[2] = time
            values[1] = values[2] = value
        elif value >= values[2]:
            times[2] = time
            values[2] = value
        age = time - times[0]
        if age > window:
            # The best is too old: the others move up.
            times[0], values[0] = times[1], values[1]
            times[1], values[1] = times[2], values[2]
            times[2], values[2] = time, value
            if time - times[0] > window:
                times[0], values[0] = times[1], values[1]
                times[1], values[1] = times[2], values[2]
        elif times[1] == times[0] and age > window >> 2:
            times[1] = times[2] = time
            values[1] = values[2] = value
        elif times[2] == times[1] and age > window >> 1:
            times[2] = time
            values[2] = value


class MinFilter:
    """The smallest value of the last ``window``; any time and window of one unit."""

    __slots__ = ("_times", "_values")

    def __init__(self, time: int, value: int) -> None:
        self._times: list[int] = [time, time, time]
        self._values: list[int] = [value, value, value]

    def best(self) -> int:
        return self._values[0]

    def take(self, window: int, time: int, value: int) -> None:
        times = self._times
        values = self._values
        age = time - times[0]
        if value > values[2] and age <= window >> 2:
            return
        if value <= values[0] or time - times[2] > window:
            self._times = [time, time, time]
            self._values = [value, value, value]
            return
        if value <= values[1]:
            times[1] = times[2] = time
            values[1] = values[2] = value
        elif value <= values[2]:
            times[2] = time
            values[2] = value
        if age > window:
            # The best is too old: the others move up.
            times[0], values[0] = times[1], values[1]
            times[1], values[1] = times[2], values[2]
            times[2], values[2] = time, value
            if time - times[0] > window:
                times[0], values[0] = times[1], values[1]
                times[1], values[1] = times[2], values[2]
        elif times[1] == times[0] and age > window >> 2:
            times[1] = times[2] = time
            values[1] = values[2] = value
        elif times[2] == times[1] and age > window >> 1:
            times[2] = time
            values[2] = value
