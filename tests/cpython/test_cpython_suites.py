"""CPython's own test suites on a simulated host, held against the table of known failures.

A test outside the table that does not pass fails here, and so does a test of the table that passes. One
that is skipped inside must be skipped, or fail, on the real system too.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from known import load_known
from outcomes import SKIPPED, Outcome, read_outcomes
from suites import MODULES, chunks_of, classes_of, run_classes, run_outside

FAST = ["test.test_socket.BasicTCPTest", "test.test_socket.NonBlockingTCPTests", "test.test_epoll.TestEPoll"]

needs_suites = pytest.mark.skipif(
    importlib.util.find_spec("test.test_socket") is None,
    reason="this Python came without its test package",
)


def surprises(classes: dict[str, list[str]]) -> list[str]:
    """What the table does not say of the tests of ``classes``."""
    known = load_known()
    found = []
    skipped = []
    for test, outcome in run_classes(classes, known.hanging, known.alone).items():
        reason = known.reasons.get(test)
        if outcome.passed():
            if reason is not None:
                found.append(f"{test} passes, but is in the table: {reason}")
        elif reason is None and outcome.kind == SKIPPED:
            skipped.append((test, outcome))
        elif reason is None:
            found.append(f"{test} {outcome}")
    return found + skipped_only_inside(skipped)


def skipped_only_inside(skipped: list[tuple[str, Outcome]]) -> list[str]:
    names = [test for test, _ in skipped]
    outside = run_outside(names) if names else {}
    return [
        f"{test} {outcome}, but passes on the real system"
        for test, outcome in skipped
        if outside.get(test, {}).get("outcome") == "ok"
    ]


@needs_suites
def test_some_classes_do_what_the_table_says() -> None:
    classes = classes_of(["test.test_socket", "test.test_epoll"])
    assert surprises({name: classes[name] for name in FAST}) == []


@needs_suites
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("module", MODULES)
def test_module_does_what_the_table_says(module: str) -> None:
    classes = classes_of([module])
    if not classes:
        pytest.skip(f"Python {sys.version_info.major}.{sys.version_info.minor} has no {module}")
    found = []
    for chunk in chunks_of(classes):
        found += surprises({name: classes[name] for name in chunk})
    assert found == []


@needs_suites
@pytest.mark.slow
def test_table_names_only_tests_there_are() -> None:
    tests = {test for found in classes_of(MODULES).values() for test in found}
    assert [test for test in load_known().reasons if test not in tests] == []


OUTPUT = """\
test_a (test.m.C.test_a) ... ok
test_b (test.m.C.test_b)
What it is about ... noise of a server
ok
test_c (test.m.C.test_c) ... skipped 'not here'
test_d (test.m.C.test_d) ...   test_d (test.m.C.test_d) (i=1) ... FAIL
test_e (test.m.C.test_e) ... ERROR

======================================================================
FAIL: test_d (test.m.C.test_d) (i=1)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "x.py", line 1, in test_d
AssertionError: 1 != 2

======================================================================
ERROR: test_e (test.m.C.test_e)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "x.py", line 1, in test_e
OSError: [Errno 9] Bad file descriptor

----------------------------------------------------------------------
Ran 5 tests in 1.000s

FAILED (failures=1, errors=1, skipped=1)
"""


def kinds(output: str, names: str, hung: bool = False) -> dict[str, str]:
    expected = [f"test.m.C.test_{name}" for name in names]
    return {test[-1]: str(found) for test, found in read_outcomes(output, expected, hung).items()}


def test_outcomes_are_read_from_what_unittest_prints() -> None:
    assert kinds(OUTPUT, "abcdef") == {
        "a": "ok",
        "b": "ok",
        "c": "skipped: not here",
        "d": "failed: AssertionError: 1 != 2",
        "e": "failed: OSError: [Errno 9] Bad file descriptor",
        "f": "not run: FAILED (failures=1, errors=1, skipped=1)",
    }


def test_run_without_a_summary_was_ended_by_its_last_test() -> None:
    output = OUTPUT[: OUTPUT.index("test_c")] + "test_c (test.m.C.test_c) ... Segmentation fault"
    assert kinds(output, "abcd")["c"] == "ended the run: test_c (test.m.C.test_c) ... Segmentation fault"
    assert kinds(output, "abcd", hung=True)["c"] == "ended the run: hung"
    assert kinds(output, "abcd")["d"].startswith("not run")


def test_class_that_could_not_be_set_up_fails_in_all_its_tests() -> None:
    rule, line = "=" * 70, "-" * 70
    output = f"setUpClass (test.m.C) ... ERROR\n\n{rule}\nERROR: setUpClass (test.m.C)\n{line}\nOSError: x\n"
    output += f"\n{line}\nRan 0 tests in 0.1s\n"
    assert kinds(output, "ab") == dict.fromkeys("ab", "failed: OSError: x")
    output = "setUpClass (test.m.C) ... skipped \"Resource 'x' is not available\"\n\nRan 0 tests in 0.1s\n"
    assert kinds(output, "a") == {"a": "skipped: Resource 'x' is not available"}
    before = "test_a (test.m.D.test_a) ... ok\n" + output
    assert str(read_outcomes(before, ["test.m.D.test_a"], False)["test.m.D.test_a"]) == "ok"
