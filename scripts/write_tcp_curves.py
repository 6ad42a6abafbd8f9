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
    cubic_model,
    cubic_random_model,
    jain,
    mathis,
    share_a_bottleneck,
    under_loss,
)

from fourtuple.clock.clock import MILLISECOND, SECOND  # noqa: E402
from fourtuple.stack.sysctl import CONGESTION_CONTROLS  # noqa: E402

SEEDS = range(2)
RENO = ((0.01, 4_000), (0.003, 10_000), (0.001, 20_000))
CUBIC = ((100, 0.01, 4_000), (20, 0.003, 10_000), (200, 0.001, 30_000))
PLOT_SECONDS = 20
SHARE_SECONDS = 40


def throughput_rows() -> list[str]:
    rows = []
    for probability, segments in RENO:
        found = under_loss("reno", 100 * MILLISECOND, probability, segments, SEEDS)
        model = mathis(probability)
        rows.append(
            f"| NewReno | 100 ms | {probability:.1%} | {found.window:.1f} | {model:.1f} | "
            f"{found.window / model:.2f} | | {found.losses} |"
        )
    for rtt, probability, segments in CUBIC:
        found = under_loss("cubic", rtt * MILLISECOND, probability, segments, SEEDS)
        model = cubic_random_model(probability, rtt * MILLISECOND)
        closed = cubic_model(probability, rtt * MILLISECOND)
        rows.append(
            f"| CUBIC | {rtt} ms | {probability:.1%} | {found.window:.1f} | {model:.1f} | "
            f"{found.window / model:.2f} | {closed:.1f} | {found.losses} |"
        )
    return rows


def share_rows() -> list[str]:
    rows = []
    for control in CONGESTION_CONTROLS:
        shares, capacity = share_a_bottleneck(control, control, SHARE_SECONDS)
        percent = [share / capacity for share in shares]
        rows.append(f"| {control} | {percent[0]:.0%} | {percent[1]:.0%} | {jain(shares):.3f} |")
    return rows


def window_plot(control: str) -> str:
    """An SVG of cwnd (line) and ssthresh (dashes) of one flow through the bottleneck."""
    path = Path(1, 40 * MILLISECOND, BOTTLENECK, 50)
    flow = path.open(control)
    path.sample(100 * MILLISECOND)
    path.run(PLOT_SECONDS * SECOND)
    points = flow.windows
    width, height, left, bottom = 760, 240, 50, 30
    top = max(cwnd for _, cwnd, _ in points)
    most = (top // 20 + 1) * 20

    def x(time: int) -> float:
        return left + (width - left - 10) * time / (PLOT_SECONDS * SECOND)

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
        f'<text x="{left}" y="13">{control}: congestion window, segments (dashed: ssthresh)</text>',
    ]
    for value in range(0, most + 1, max(most // 80 * 20, 20)):
        parts.append(f'<text x="8" y="{y(value) + 4:.1f}">{value}</text>')
        parts.append(f'<path d="M{left} {y(value):.1f}H{width - 10}" stroke="#ddd"/>')
    for second in range(0, PLOT_SECONDS + 1, 5):
        parts.append(f'<text x="{x(second * SECOND) - 8:.1f}" y="{height - 10}">{second} s</text>')
    parts += [
        f'<polyline points="{threshold}" fill="none" stroke="#c60" stroke-dasharray="4 3"/>',
        f'<polyline points="{window}" fill="none" stroke="#06c" stroke-width="1.5"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


HEAD = """# What TCP achieves

Written by `scripts/write_tcp_curves.py`; `tests/behaviour` asserts it.

## Throughput under random loss

Each segment with data is lost with the same probability, independent of the others; ACKs are not. The
window is what was delivered per round trip, in segments of 1448 bytes, on average over two seeds, after
ten losses that do not count. Buffers do not limit.

- NewReno: 1.31 / √p (Mathis, Semke, Mahdavi and Ott 1997, table 1, random losses, every segment counted).
- CUBIC: the equations of RFC 9438 (§4.2, §4.3, §4.6, §4.7) iterated by the round under the same losses. The
  closed form of its §5.1, 1.054 (RTT/p)^0.75, or Reno's √(1.5/p) where that is more, stands beside it; it is
  for losses at equal distances, which leave the cube less room to grow.

| control | round trip | loss | window | model | ratio | closed form | losses seen |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""

SHARING = """
## Two flows at one bottleneck

10 Mbit/s, 40 ms, a queue of 50 packets; the second flow begins 5 s after the first. Shares of what the link
can carry over 40 s, and Jain's index (1: equal shares, 0.5: one has all).

| control | first | second | Jain |
| --- | --- | --- | --- |
"""


def main() -> None:
    text = HEAD + "\n".join(throughput_rows()) + "\n" + SHARING + "\n".join(share_rows()) + "\n"
    text += "\n## The window over time\n\nOne flow alone at that bottleneck.\n"
    for control in CONGESTION_CONTROLS:
        (DOCS / f"tcp-cwnd-{control}.svg").write_text(window_plot(control))
        text += f"\n![cwnd of {control}](tcp-cwnd-{control}.svg)\n"
    (DOCS / "tcp-behaviour.md").write_text(text)


if __name__ == "__main__":
    main()
