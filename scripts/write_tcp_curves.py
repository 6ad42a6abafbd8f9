"""Write docs/tcp-behaviour.md and the plots beside it: what our congestion controls achieve.

    python scripts/write_tcp_curves.py

Takes some minutes interpreted. The output is the same each time: virtual time, seeds fixed.
"""

from __future__ import annotations

import sys
from pathlib import Path as FilePath

ROOT = FilePath(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "tests" / "behaviour"))

from bulk_flow import (  # noqa: E402
    BOTTLENECK,
    Path,
    share_a_bottleneck,
    under_periodic_loss,
    under_random_loss,
)
from models import (  # noqa: E402
    cubic_periodic,
    cubic_random,
    jain,
    reno_periodic,
    reno_random,
)
from steady_states import cubic_steady_states  # noqa: E402

from fourtuple.clock.clock import MILLISECOND, SECOND  # noqa: E402
from fourtuple.stack.sysctl import CONGESTION_CONTROLS  # noqa: E402

SEEDS = range(2)
RENO = ((0.01, 4_000), (0.003, 10_000), (0.001, 20_000))
CUBIC = ((100, 0.01, 4_000), (20, 0.003, 10_000), (200, 0.001, 30_000), (400, 0.002, 20_000))
RENO_EVERY = (100, 300, 1000)
CUBIC_EVERY = ((100, 100), (20, 300), (200, 1000), (500, 500), (400, 1000), (300, 2000), (200, 3000))
PLOT_SECONDS = 20
SHARE_SECONDS = 40


def random_rows() -> list[str]:
    rows = []
    for probability, segments in RENO:
        found = under_random_loss("reno", 100 * MILLISECOND, probability, segments, SEEDS)
        model = reno_random(probability)
        rows.append(
            f"| NewReno | 100 ms | {probability:.1%} | {found.window:.1f} | {model:.1f} | "
            f"{found.window / model:.2f} | {found.losses} |"
        )
    for rtt, probability, segments in CUBIC:
        found = under_random_loss("cubic", rtt * MILLISECOND, probability, segments, SEEDS)
        model = cubic_random(probability, rtt / 1000)
        rows.append(
            f"| CUBIC | {rtt} ms | {probability:.1%} | {found.window:.1f} | {model:.1f} | "
            f"{found.window / model:.2f} | {found.losses} |"
        )
    return rows


def periodic_rows() -> list[str]:
    rows = []
    for every in RENO_EVERY:
        model = reno_periodic(1 / every)
        delayed = under_periodic_loss("reno", 100 * MILLISECOND, every).window
        quick = under_periodic_loss("reno", 100 * MILLISECOND, every, quick_acks=True).window
        rows.append(
            f"| NewReno | 100 ms | {every} | {delayed:.1f}, {quick:.1f} without delayed ACKs | {model:.1f} | "
            f"{delayed / model:.2f}, {quick / model:.2f} | |"
        )
    for rtt, every in CUBIC_EVERY:
        model = cubic_periodic(1 / every, rtt / 1000)
        below, above = (
            under_periodic_loss("cubic", rtt * MILLISECOND, every, int(start * model)).window
            for start in (0.6, 1.6)
        )
        region = ", Reno-friendly"
        steady = ""
        if model > reno_periodic(1 / every):
            region = ""
            least, largest = cubic_steady_states(rtt / 1000, every)
            steady = f"{least / model:.2f} to {largest / model:.2f}"
        rows.append(
            f"| CUBIC{region} | {rtt} ms | {every} | {below:.1f}, {above:.1f} | {model:.1f} | "
            f"{below / model:.2f}, {above / model:.2f} | {steady} |"
        )
    return rows


def share_rows() -> list[str]:
    rows = []
    for control in CONGESTION_CONTROLS:
        shares, capacity = share_a_bottleneck(control, control, SHARE_SECONDS)
        percent = [share / capacity for share in shares]
        rows.append(f"| {control} | {percent[0]:.0%} | {percent[1]:.0%} | {jain(shares):.3f} |")
    return rows


def bottleneck_plot(control: str) -> str:
    """One flow through the bottleneck."""
    path = Path(1, 40 * MILLISECOND, BOTTLENECK, 50)
    return window_plot(
        control, path, PLOT_SECONDS, f"{control}: congestion window, segments (dashed: ssthresh)"
    )


def periodic_plot(control: str, rtt: int, every: int, seconds: int) -> str:
    """One flow that loses every so many segments."""
    path = Path(1, rtt * MILLISECOND)
    path.lose_every(every)
    title = (
        f"{control}, {rtt} ms, every {every}th segment lost: congestion window, segments (dashed: ssthresh)"
    )
    return window_plot(control, path, seconds, title)


def window_plot(control: str, path: Path, seconds: int, title: str) -> str:
    """An SVG of cwnd (line) and ssthresh (dashes) of one flow."""
    flow = path.open(control)
    path.sample(seconds * 5 * MILLISECOND)
    path.run(seconds * SECOND)
    points = flow.windows
    width, height, left, bottom = 760, 240, 50, 30
    top = max(cwnd for _, cwnd, _ in points)
    most = (top // 20 + 1) * 20

    def x(time: int) -> float:
        return left + (width - left - 10) * time / (seconds * SECOND)

    def y(segments: float) -> float:
        return height - bottom - (height - bottom - 20) * min(segments, most) / most

    window = " ".join(f"{x(time):.1f},{y(cwnd):.1f}" for time, cwnd, _ in points)
    threshold = " ".join(
        f"{x(time):.1f},{y(ssthresh):.1f}" for time, _, ssthresh in points if ssthresh < 1 << 30
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="13">{title}</text>',
    ]
    for value in range(0, most + 1, max(most // 80 * 20, 20)):
        parts.append(f'<text x="8" y="{y(value) + 4:.1f}">{value}</text>')
        parts.append(f'<path d="M{left} {y(value):.1f}H{width - 10}" stroke="#ddd"/>')
    for second in range(0, seconds + 1, seconds // 4):
        parts.append(f'<text x="{x(second * SECOND) - 8:.1f}" y="{height - 10}">{second} s</text>')
    parts += [
        f'<polyline points="{threshold}" fill="none" stroke="#c60" stroke-dasharray="4 3"/>',
        f'<polyline points="{window}" fill="none" stroke="#06c" stroke-width="1.5"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


HEAD = """# What TCP achieves

Written by `scripts/write_tcp_curves.py`; `tests/behaviour` asserts it. Windows are what was delivered
per round trip, in segments of 1448 bytes. Segments with data are lost, ACKs are not; buffers do not
limit.

## Throughput when every n-th segment is lost

`link.add_rule(DropEvery(n))` does it: no chance in it, as the closed forms assume. Measured over whole
periods, once the window repeats itself.

- NewReno: √1.5 / √p with p = 1/n (Mathis, Semke, Mahdavi and Ott 1997). The paper halves the 1.5 for
  delayed ACKs; here, as in Linux, the window grows by segments and not by ACKs, so that they make no
  difference.
- CUBIC: 1.054 (RTT/p)^0.75 (RFC 9438 §5.1), or NewReno's where that is more (§4.3, its Reno-friendly
  region). Two figures: slow start ended at 0.6 and at 1.6 of the model.

Small windows are below the model since a recovery is a round trip without growth, and there are many.

CUBIC's own region has many steady states, and the closed form is only one of them. In whole segments the
curve is at W_max as soon as it is less than one segment below, (1/C)^(1/3) = 1.36 s and a round trip before
its middle (the target is looked up a round trip ahead), and stays there as long after. A loss at any moment
in between finds the window equal to W_max: neither fast convergence, which needs less, nor growth, which
needs more, moves W_max any further. `tests/behaviour/steady_states.py` counts the segments of such periods;
the last column is from the least to the largest of them, as a part of the closed form's. At 200 ms and n =
1000 a window of 46 to 86 segments before each loss repeats itself, where the closed form has 61. Coming
from above, as after a slow start or the 5 % a round trip before the first loss, W_max shrinks by fast
convergence until it is within that range and stays in its upper half. That is why both we and Linux, whose
tcp_cubic.c counts the same way, are above the closed form there: Linux 6.18, sending over the same simulated
link through a TAP interface in real time, got 69.4 and 64.5 segments (1.24 and 1.15) in two runs, its window
going from 54 to 78 and from 53 to 76, and 49.9 in a third, on a machine busy with other things.

| control | round trip | n | window | model | ratio | steady states |
| --- | --- | --- | --- | --- | --- | --- |
"""

RANDOM = """
## Throughput under random loss

Each segment is lost with the same probability, independent of the others; on average over two seeds,
after ten losses that do not count.

- NewReno: 1.31 / √p (the same paper, table 1, random losses, every segment counted). At 1 % it gets a
  fifth less, and so does Linux: 6.18 with reno, sending for a minute each over the same simulated link
  through a TAP interface, got 10.1 and 10.2 segments, and we in its place 10.5 and 9.8. Delayed ACKs have no
  part in it (above). The model's window halves and grows again at once. With ten segments a recovery is a
  tenth of the time between two losses and nothing grows in it, halves are rounded down, and one loss in ten
  falls into the recovery from another: iterated by the round trip, these three give 0.89 of the model, 0.96
  at 0.1 %. What remains we have not taken apart.
- CUBIC: the equations of RFC 9438 (§4.2, §4.3, §4.6, §4.7) iterated by the round trip under such
  losses. Random losses leave the cube more room now and then than those at equal distances, so the
  constant of (RTT/p)^0.75 is larger than 1.054: 1.300 (Poojary and Sharma, arXiv:1510.08496), or 1.20
  with fast convergence, which they leave out (`tests/behaviour/models.py` integrates RFC 9438's curve
  and gets both).

| control | round trip | loss | window | model | ratio | losses seen |
| --- | --- | --- | --- | --- | --- | --- |
"""

SHARING = """
## Two flows at one bottleneck

10 Mbit/s, 40 ms, a queue of 50 packets; the second flow begins 5 s after the first. Shares of what the
link can carry over 40 s, and Jain's index (1: equal shares, 0.5: one has all).

| control | first | second | Jain |
| --- | --- | --- | --- |
"""

PLOTS = """
## The window over time

One flow alone at that bottleneck.
"""

PERIODIC_PLOTS = """
One flow that loses every n-th segment: NewReno's saw teeth, and CUBIC's curve, concave up to the window
before the loss.
"""


def main() -> None:
    text = HEAD + "\n".join(periodic_rows()) + "\n" + RANDOM + "\n".join(random_rows()) + "\n"
    text += SHARING + "\n".join(share_rows()) + "\n" + PLOTS
    for control in CONGESTION_CONTROLS:
        (DOCS / f"tcp-cwnd-{control}.svg").write_text(bottleneck_plot(control))
        text += f"\n![cwnd of {control}](tcp-cwnd-{control}.svg)\n"
    text += PERIODIC_PLOTS
    for control, rtt, every, seconds in (("reno", 100, 300, 20), ("cubic", 300, 2000, 60)):
        (DOCS / f"tcp-cwnd-{control}-periodic.svg").write_text(periodic_plot(control, rtt, every, seconds))
        text += f"\n![cwnd of {control} under periodic loss](tcp-cwnd-{control}-periodic.svg)\n"
    (DOCS / "tcp-behaviour.md").write_text(text)


if __name__ == "__main__":
    main()
