"""Counts for docs/cpython-tests.md.

``python tests/cpython/report.py collect FILE [MODULE …]`` runs the suites inside and outside with the Python
it is started with, and keeps what became of each test. ``… again FILE`` runs once more what did not pass
inside, or was not reached outside, and ``… write FILE …`` makes the page of such files.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from known import VERSION, Known, load_known
from suites import MODULES, chunks_of, classes_of, run_classes, run_outside

PAGE = Path(__file__).parents[2] / "docs" / "cpython-tests.md"
INTRODUCTION = """
Made by `python tests/cpython/report.py`. The suite in `tests/cpython` holds it: `CI=true make test` runs
all of it, `make test` a few classes.

A cell says how many tests pass inside, run as by `fourtuple python -m unittest -v test.test_socket.…`, of
those that pass on the real Linux the counts were made on. Tests are counted apart that made a socket
of AF_INET or AF_INET6; one of another family; only the pair an asyncio event loop wakes itself with; none,
which would pass without simulated sockets.
"""
KINDS = ("inet", "unix", "self-pipe", "none")


def collect(target: Path, modules: list[str]) -> None:
    """Run everything; ``target`` is written after each part, and goes on from what it has."""
    known = load_known()
    data: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    data["version"] = VERSION
    data.setdefault("tests", {})
    classes = classes_of(modules)
    _collect(target, data, known, classes)


def again(target: Path) -> None:
    """Run the classes once more of which a test did not pass inside, or was not reached outside."""
    data: dict[str, Any] = json.loads(target.read_text())
    tests: dict[str, Any] = data["tests"]
    for test in list(tests):
        outside, inside = tests[test]["outside"], tests[test]["inside"]
        if inside != "skipped" and (outside == "not run" or (outside == "ok" and inside != "ok")):
            del tests[test]
    _collect(target, data, load_known(), classes_of(MODULES))
    target.write_text(json.dumps(data))


def _collect(target: Path, data: dict[str, Any], known: Known, classes: dict[str, list[str]]) -> None:
    tests: dict[str, Any] = data["tests"]
    for chunk in chunks_of(classes):
        part = {name: classes[name] for name in chunk if any(test not in tests for test in classes[name])}
        if not part:
            continue
        chunk = list(part)
        outside = run_outside(chunk)
        # What did not end, or came after that, is given a run of its own.
        missing = [test for found in part.values() for test in found if test not in outside]
        for test in missing:
            outside.update(run_outside([test]))
        for test, outcome in run_classes(part, known.hanging, known.alone).items():
            found = outside.get(test, {})
            tests[test] = {
                "kind": found.get("kind", "none"),
                "outside": found.get("outcome", "not run"),
                "inside": outcome.kind,
            }
        target.write_text(json.dumps(data))
        print(chunk[0], len(chunk))


def module_of(test: str) -> str:
    return max((name for name in MODULES if test.startswith(f"{name}.")), key=len)


def page_of(runs: list[dict[str, Any]]) -> str:
    lines = [
        "# CPython's own tests on a simulated host",
        "",
        *INTRODUCTION.strip().splitlines(),
        "",
    ]
    for run in runs:
        lines += _table_of(run)
    lines += [
        "## What does not pass",
        "",
        "By name: `tests/cpython/known_failures.toml`. Tests by version:",
        "",
    ]
    counted = {run["version"]: _reasons_of(run) for run in runs}
    lines += [f"| reason | {' | '.join(counted)} |", f"| --- |{' ---: |' * len(counted)}"]
    totals: Counter[str] = sum(counted.values(), Counter())
    for reason, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"| {reason} | {' | '.join(str(each[reason]) for each in counted.values())} |")
    return "\n".join([*lines, ""])


def _reasons_of(run: dict[str, Any]) -> Counter[str]:
    """How many tests do not pass for each reason. Raises ValueError if the table says otherwise."""
    reasons = load_known(run["version"]).reasons
    found: Counter[str] = Counter()
    for test, outcome in run["tests"].items():
        if outcome["outside"] == "ok" and (outcome["inside"] != "ok") is not (test in reasons):
            raise ValueError(
                f"{run['version']}: {test} is {outcome['inside']} inside; the table does not say so"
            )
        if outcome["outside"] == "ok" and test in reasons:
            found[reasons[test]] += 1
    return found


def _table_of(run: dict[str, Any]) -> list[str]:
    lines = [f"## Python {run['version']}", ""]
    lines += ["| module | inet | unix | self-pipe | none |", "| --- | ---: | ---: | ---: | ---: |"]
    totals: Counter[tuple[str, bool]] = Counter()
    by_module: dict[str, Counter[tuple[str, bool]]] = {}
    for test, found in run["tests"].items():
        if found["outside"] == "ok":
            key = (found["kind"], found["inside"] == "ok")
            by_module.setdefault(module_of(test), Counter())[key] += 1
            totals[key] += 1
    for module in MODULES:
        if module in by_module:
            lines.append(_row(module.removeprefix("test."), by_module[module]))
    lines.append(_row("**all**", totals))
    passed = sum(count for (_, well), count in totals.items() if well)
    lines += ["", f"Of {sum(totals.values())} tests {passed} pass: {passed / sum(totals.values()):.1%}.", ""]
    return lines


def _row(name: str, counts: Counter[tuple[str, bool]]) -> str:
    cells = []
    for kind in KINDS:
        passed, failed = counts[kind, True], counts[kind, False]
        cells.append(f"{passed} of {passed + failed}" if passed + failed else "")
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    if sys.argv[1] == "collect":
        collect(Path(sys.argv[2]), sys.argv[3:] or list(MODULES))
    elif sys.argv[1] == "again":
        again(Path(sys.argv[2]))
    else:
        PAGE.write_text(page_of([json.loads(Path(name).read_text()) for name in sys.argv[2:]]))
