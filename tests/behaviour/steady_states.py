"""Where CUBIC comes to rest under periodic loss, counted in whole segments as Linux and we do.

RFC 9438's closed form has one answer: the curve is back at W_max just when the next loss comes. In whole
segments the curve is at W_max as soon as it is less than one segment below, (1/C)^(1/3) = 1.36 s and a
round trip (it looks one ahead) before its middle, and leaves it as long after. A loss at any moment in
between finds the window equal to W_max, so neither fast convergence nor growth moves W_max any more: every
such window is a steady state.
"""

from __future__ import annotations

_UNIT = 1024


def _cube_root(number: int) -> int:
    root = round(number ** (1 / 3))
    while root**3 > number:
        root -= 1
    while (root + 1) ** 3 <= number:
        root += 1
    return root


def _epoch(most: int, rtt: float, segments: int) -> tuple[int, float]:
    """From a decrease at ``most`` until ``segments`` more were sent: the window then, and the mean window."""
    window = start = most * 717 // 1024
    middle = _cube_root((most - window) * 5 * _UNIT**3 // 2)
    # The round trip of recovery: the window rests.
    time, sent = rtt, start
    clock = 0.0
    looked_at, looked_window = -1000, 0
    count = acked = 0
    reno = per = window
    while sent < segments:
        clock += rtt / window
        sent += 1
        acked += 1
        tick = int(clock * 1000)
        if window != looked_window or tick - looked_at > 31:
            looked_at, looked_window = tick, window
            offset = int(clock * _UNIT) + int(rtt * _UNIT) - middle
            delta = abs(offset) ** 3 * 2 // (5 * _UNIT**3)
            target = most + delta if offset >= 0 else most - delta
            per = window // (target - window) if target > window else 100 * window
            share = window * 15 >> 3
            while acked > share:
                acked -= share
                reno += 1
            if reno > window:
                per = min(per, window // (reno - window))
            per = max(per, 2)
        if count >= per:
            count = 0
            window += 1
        count += 1
        if count >= per:
            window += count // per
            count %= per
    return window, sent / ((time + clock) / rtt)


def cubic_steady_states(rtt: float, every: int) -> tuple[float, float]:
    """Least and largest mean window, in segments, at which CUBIC may stay if every ``every``-th segment is
    lost. ``rtt`` in seconds."""
    means = []
    # All are near RFC 9438's window, (rtt every)^(3/4).
    for most in range(4, int(2.5 * (rtt * every) ** 0.75)):
        window, mean = _epoch(most, rtt, every)
        if window == most:
            means.append(mean)
    return min(means), max(means)
