"""What a person reads of a run."""

from __future__ import annotations

import json
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .drill import FAILED, NOT_SUPPORTED, PASSED, SKIPPED, WRONG, Outcome
from .text import seconds

_STYLES: Final = {
    PASSED: "green",
    FAILED: "bold red",
    WRONG: "bold red",
    NOT_SUPPORTED: "yellow",
    SKIPPED: "dim",
}


def show(console: Console, outcome: Outcome, verbose: bool) -> None:
    """One line for a script that passed, and what happened for one that did not."""
    for line in outcome.told if verbose else []:
        console.print(escape(line), style="dim", soft_wrap=True, highlight=False)
    place = outcome.path
    if outcome.line and outcome.status not in (PASSED, SKIPPED):
        place += f":{outcome.line}"
        if outcome.column:
            place += f":{outcome.column}"
    style = _STYLES[outcome.status]
    text = f"[{style}]{outcome.status}[/] {escape(place)}"
    if outcome.message:
        text += f": {escape(outcome.message)}"
    console.print(text, soft_wrap=True, highlight=False)
    for warning in outcome.warnings:
        console.print(f"  warning: {escape(warning)}", style="yellow", soft_wrap=True, highlight=False)
    if outcome.status == FAILED:
        _show_failure(console, outcome)


def _show_failure(console: Console, outcome: Outcome) -> None:
    if outcome.source:
        console.print(f"  [bold]{outcome.line}[/]  {escape(outcome.source)}", soft_wrap=True, highlight=False)
    if outcome.expected or outcome.seen:
        table = Table(show_edge=False, pad_edge=True)
        table.add_column("expected", overflow="fold", style="cyan")
        table.add_column("seen", overflow="fold", style="magenta")
        table.add_row(escape(outcome.expected), escape(outcome.seen))
        console.print(table)
    for difference in outcome.differences:
        console.print(
            f"  [bold]{escape(difference.name)}[/]: expected [cyan]{escape(difference.expected)}[/], "
            f"seen [magenta]{escape(difference.seen)}[/]",
            soft_wrap=True,
            highlight=False,
        )
    if outcome.packets:
        console.print("  the last packets:", style="dim")
        for packet in outcome.packets:
            console.print(
                f"    {seconds(packet.time):>12} {escape(packet.text)}", soft_wrap=True, highlight=False
            )


def show_sum(console: Console, outcomes: list[Outcome], elapsed: float) -> None:
    """How many came out how."""
    parts: list[str] = []
    for status in (PASSED, FAILED, WRONG, NOT_SUPPORTED, SKIPPED):
        count = sum([1 for outcome in outcomes if outcome.status == status])
        if count or status == PASSED:
            parts.append(f"[{_STYLES[status]}]{count} {status}[/]")
    virtual = sum([outcome.virtual for outcome in outcomes]) / 1e9
    console.print(f"{', '.join(parts)} ({virtual:.1f} s of virtual time in {elapsed:.1f} s)", highlight=False)


def as_json(outcomes: list[Outcome]) -> str:
    """Everything, for programs."""
    scripts = [
        {
            "path": outcome.path,
            "ip_version": outcome.version,
            "status": outcome.status,
            "message": outcome.message,
            "line": outcome.line,
            "column": outcome.column,
            "event": outcome.source,
            "expected": outcome.expected,
            "seen": outcome.seen,
            "differences": [
                {"field": one.name, "expected": one.expected, "seen": one.seen} for one in outcome.differences
            ],
            "packets": [{"time": packet.time / 1e9, "packet": packet.text} for packet in outcome.packets],
            "warnings": outcome.warnings,
            "virtual_seconds": outcome.virtual / 1e9,
        }
        for outcome in outcomes
    ]
    counts = {
        status: sum([1 for outcome in outcomes if outcome.status == status])
        for status in (PASSED, FAILED, WRONG, NOT_SUPPORTED, SKIPPED)
    }
    return json.dumps({"scripts": scripts, "counts": counts}, indent=2)
