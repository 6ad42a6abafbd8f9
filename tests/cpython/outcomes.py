"""What became of each test of a run of ``python -m unittest -v``, read from what it prints."""

from __future__ import annotations

import re

OK = "ok"
SKIPPED = "skipped"
FAILED = "failed"
NOT_RUN = "not run"
ENDED = "ended the run"

_RULE = "=" * 70
_START = re.compile(r"(\w+) \((test\.[\w.]+\.\1)\)")
_SKIP = re.compile(r"skipped (?:'(.*)'|\"(.*)\")")
_TROUBLE = re.compile(r"^(?:ERROR|FAIL|UNEXPECTED SUCCESS): (\w+) \(([\w.]+)\)", re.MULTILINE)
_INLINE = re.compile(r"(?:^|\.\.\. )(?:ERROR|FAIL|unexpected success)$", re.MULTILINE)
_CLASS_SKIP = re.compile(r"^setUp(?:Class|Module) \(.*\) \.\.\. skipped (?:'(.*)'|\"(.*)\")", re.MULTILINE)
_RAN = re.compile(r"^Ran \d+ tests? in ", re.MULTILINE)


class Outcome:
    """``kind`` is one of the words above, ``detail`` a reason or the last line of a traceback."""

    def __init__(self, kind: str, detail: str = "") -> None:
        self.kind = kind
        self.detail = detail

    def passed(self) -> bool:
        return self.kind == OK

    def __repr__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


def read_outcomes(output: str, expected: list[str], hung: bool) -> dict[str, Outcome]:
    """The outcome of each test of ``expected`` by its id, from the merged output of a run.

    A run that printed no summary was ended by the test it was at.
    """
    head, _, tail = output.partition(f"\n{_RULE}\n")
    starts = list(_START.finditer(head))
    found: dict[str, Outcome] = {}
    last = ""
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(head)
        # A class behind it that is skipped whole prints no test of its own.
        text = _CLASS_SKIP.split(head[start.end() : end])[0]
        if text.startswith((" [", " (")):
            # A part of a test (subTest), which is told of only if it did not pass.
            continue
        last = start[2]
        skip = _SKIP.search(text)
        if skip:
            found[last] = Outcome(SKIPPED, skip[1] or skip[2] or "")
        else:
            found[last] = Outcome(FAILED) if _INLINE.search(text) else Outcome(OK)
    for text in f"\n{tail}".split(f"\n{_RULE}\n"):
        _read_trouble(text.strip(), expected, found)
    if not _RAN.search(output) and last and found[last].kind == OK:
        found[last] = Outcome(ENDED, "hung" if hung else _last_line(output))
    class_skip = _CLASS_SKIP.search(output)
    if class_skip:
        missing = Outcome(SKIPPED, class_skip[1] or class_skip[2])
    else:
        missing = Outcome(NOT_RUN, _last_line(output))
    return {test: found.get(test, missing) for test in expected}


def _read_trouble(text: str, expected: list[str], found: dict[str, Outcome]) -> None:
    heading = _TROUBLE.match(text)
    if heading is None:
        return
    body = text.partition(f"\n\n{'-' * 70}\n")[0]
    body = body.partition("\nStdout:\n")[0]
    outcome = Outcome(FAILED, _last_error(body))
    if heading[1] in ("setUpClass", "setUpModule", "tearDownClass", "tearDownModule"):
        for test in expected:
            if test.startswith(f"{heading[2]}."):
                found[test] = outcome
    else:
        found[heading[2]] = outcome


def _last_error(text: str) -> str:
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "-"))]
    return lines[-1][:200] if lines else ""


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "no output"
