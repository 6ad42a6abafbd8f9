"""CPython's own test suites: which, which classes they hold, and how a class is run on a simulated host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from outcomes import ENDED, NOT_RUN, Outcome, read_outcomes

_OF_ASYNCIO: Final = """
    base_events buffered_proto context events futures futures2 locks pep492 proactor_events protocols queues
    runners selector_events sendfile server sock_lowlevel ssl sslproto streams subprocess taskgroups tasks
    threads timeouts transports unix_events waitfor
"""
_OTHERS: Final = """
    socket socketserver selectors select poll epoll timeout httplib httpservers ftplib smtplib poplib imaplib
    xmlrpc docxmlrpc urllib2_localnet wsgiref logging threading queue thread threading_local sched signal
    threadsignals time ssl asyncore asynchat smtpd nntplib telnetlib urllib urllib2 robotparser
"""
MODULES: Final = (
    *(f"test.test_{name}" for name in _OTHERS.split()),
    *(f"test.test_asyncio.test_{name}" for name in _OF_ASYNCIO.split()),
    "test.test_concurrent_futures.test_thread_pool",
)
"""In the order of the report. What a version of Python does not have is passed over."""

MOST_TESTS: Final = 80
"""In one process, so that a run that goes wrong costs little."""

# What loadTestsFromName finds, by class in its order; a module this Python does not have is left out.
_LIST: Final = """
import json, sys, unittest, warnings
warnings.simplefilter("ignore")
def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite): yield from flat(test)
        else: yield test
found = {}
for name in sys.argv[1:]:
    try:
        suite = unittest.defaultTestLoader.loadTestsFromName(name)
    except (unittest.SkipTest, AttributeError):
        continue
    for test in flat(suite):
        kind = type(test)
        full = f"{kind.__module__}.{kind.__qualname__}"
        if kind.__module__ == name and "<locals>" not in full:
            found.setdefault(full, []).append(test.id())
sys.stdout.write("\\n" + json.dumps(found))
"""


def classes_of(modules: tuple[str, ...] | list[str]) -> dict[str, list[str]]:
    """The tests of each class of ``modules``, by the class's full name, as the loader finds them."""
    done = subprocess.run(
        [sys.executable, "-c", _LIST, *modules], capture_output=True, text=True, check=True, timeout=300
    )
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def chunks_of(classes: dict[str, list[str]]) -> list[list[str]]:
    """The classes in runs of a module's neighbours of at most MOST_TESTS tests, to start less often."""
    chunks: list[list[str]] = []
    count = MOST_TESTS
    former = ""
    for name, tests in classes.items():
        module = name.rpartition(".")[0]
        if module != former or count + len(tests) > MOST_TESTS:
            chunks.append([])
            count = 0
        former = module
        count += len(tests)
        chunks[-1].append(name)
    return chunks


def run_classes(classes: dict[str, list[str]], hanging: set[str], alone: set[str]) -> dict[str, Outcome]:
    """Run ``classes`` together; what ended the run or was not reached then runs again on its own.

    Those of ``hanging`` are passed over: they would take the time a run may last. Those of ``alone`` run
    by themselves.
    """
    outcomes = _run_together(classes, hanging | alone)
    for tests in classes.values():
        for test in tests:
            if test in alone:
                outcomes.update(run_inside([test], [test]))
            elif test in hanging:
                outcomes[test] = Outcome(ENDED, "hung")
    return outcomes


def _run_together(classes: dict[str, list[str]], hanging: set[str]) -> dict[str, Outcome]:
    tests = [test for found in classes.values() for test in found]
    names = []
    for name, found in classes.items():
        names += [test for test in found if test not in hanging] if hanging.intersection(found) else [name]
    outcomes = run_inside(names, tests) if names else {}
    for test in tests:
        outcomes.setdefault(test, Outcome(NOT_RUN))
    left = [test for test in tests if outcomes[test].kind in (ENDED, NOT_RUN) and test not in hanging]
    if left and len(classes) > 1:
        for name, found in classes.items():
            if any(test in left for test in found):
                outcomes.update(_run_together({name: found}, hanging))
        return outcomes
    while left and len(left) < len(tests):
        # Each round gets beyond the test that ended the one before.
        remaining = [test for test in left if outcomes[test].kind == NOT_RUN]
        if not remaining:
            break
        again = run_inside(remaining, remaining)
        outcomes.update(again)
        left = remaining
        if all(again[test].kind == NOT_RUN for test in remaining):
            break
    return outcomes


def run_inside(names: list[str], tests: list[str], seconds: float = 120) -> dict[str, Outcome]:
    """Run ``fourtuple python -m unittest -v NAME …``; the outcome of each of ``tests``."""
    command = [sys.executable, "-m", "fourtuple", "python", "-m", "unittest", "-v", *names]
    output, hung = _run(command, seconds)
    keep = os.environ.get("FOURTUPLE_CPYTHON_OUTPUT")
    if keep:
        Path(keep, f"{names[0]}.{len(names)}.txt").write_text(output)
    return read_outcomes(output, tests, hung)


def run_outside(names: list[str], seconds: float = 150) -> dict[str, dict[str, str]]:
    """Run the same classes or tests on the real system: outcome, detail and kind by test (see record.py).

    What comes after one that does not end is run once more without those before it.
    """
    found: dict[str, dict[str, str]] = {}
    while names:
        with tempfile.TemporaryDirectory() as place:
            results = Path(place, "results.json")
            record = str(Path(__file__).with_name("record.py"))
            _, hung = _run([sys.executable, record, str(results), *names], seconds)
            if results.exists():
                found.update(json.loads(results.read_text()))
        if not hung:
            break
        begun = [at for at, name in enumerate(names) if any(test.startswith(name) for test in found)]
        names = names[max(begun, default=0) + 1 :]
    return found


def _run(command: list[str], seconds: float) -> tuple[str, bool]:
    """Run ``command`` in an empty directory; what it printed, and whether it had to be ended."""
    with tempfile.TemporaryDirectory() as place:
        environ = {**os.environ, "PYTHONWARNINGS": "default", "TMPDIR": place}
        with subprocess.Popen(
            command,
            cwd=place,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A job in the background ignores it, and tests that interrupt themselves would wait for ever.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            try:
                output, _ = process.communicate(timeout=seconds)
                hung = False
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
                hung = True
    return output.decode(errors="replace"), hung
