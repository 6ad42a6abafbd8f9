"""``python -m bench``: every scenario, compiled, interpreted and on the Linux loopback, in turn.

The three run one after another, round by round, so that a machine whose speed drifts changes the
figures but not their ratios. Quote the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from fourtuple._compiled import is_compiled

# scenario -> (what it measures, amount, of which figure the table speaks, unit)
SCENARIOS = {
    "bulk": ("bulk transfer", 40_000_000, "segments_per_s", "segments/s"),
    "echo": ("echo, 32 bytes", 10_000, "round_trips_per_s", "rounds/s"),
    "idle": ("idle, both ends", 5_000, "bytes_per_connection", "bytes"),
}
PLACES = ("compiled", "interpreted", "loopback")


def measure(scenario: str, place: str, amount: int) -> dict[str, float]:
    environment = dict(os.environ, PYTHONHASHSEED="0")
    environment["FOURTUPLE_PURE_PYTHON"] = "1" if place == "interpreted" else "0"
    where = "loopback" if place == "loopback" else "simulated"
    done = subprocess.run(
        [sys.executable, "-m", "bench.measure", scenario, where, str(amount)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(f"bench: {scenario} on {place} failed with exit code {done.returncode}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=SCENARIOS, action="append")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies every amount")
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"))
    options = parser.parse_args()

    console = Console()
    places = [place for place in PLACES if place != "compiled" or is_compiled()]
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    for scenario in options.only or SCENARIOS:
        amount = max(1, int(SCENARIOS[scenario][1] * options.scale))
        results[scenario] = {place: [] for place in places}
        for _ in range(options.rounds):
            for place in places:
                results[scenario][place].append(measure(scenario, place, amount))

    table = Table(title=f"medians of {options.rounds} rounds; ratio to the Linux loopback")
    for heading in ("scenario", "where", "median", "min..max", "unit", "ratio"):
        table.add_column(heading, justify="left" if heading in ("scenario", "where", "unit") else "right")
    for scenario, by_place in results.items():
        what, _, figure, unit = SCENARIOS[scenario]
        peer = median(run[figure] for run in by_place["loopback"])
        for place, runs in by_place.items():
            values = sorted(run[figure] for run in runs)
            middle = median(values)
            table.add_row(
                what,
                place,
                f"{middle:,.0f}",
                f"{values[0]:,.0f}..{values[-1]:,.0f}",
                unit,
                f"{middle / peer:.3f}",
            )
        table.add_section()
    console.print(table)

    options.json.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "kernel": platform.release(),
        "time": int(time.time()),
        "rounds": options.rounds,
        "scale": options.scale,
        "results": results,
    }
    options.json.write_text(json.dumps(document, indent=1) + "\n")
    console.print(f"written: {options.json}")


if __name__ == "__main__":
    main()
