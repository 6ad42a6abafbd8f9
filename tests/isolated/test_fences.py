"""Every row of docs/fences.md, run in a fresh interpreter; and nothing outside has changed after them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| `(?P<call>.*)` \| (?P<inside>\w+) \| (?P<note>.*?) ?\|")
SCRIPT = r"""
import errno, gc, json, locale, os, resource, signal, sys, threading, time, warnings
from fourtuple import Network

# What a program may import for the first time inside.
import _random, ctypes, curses, datetime, faulthandler, getpass, mmap, multiprocessing, platform
import readline, sqlite3, ssl, subprocess, syslog, tempfile, termios, tracemalloc, tty, uuid
try:
    import tkinter
except ImportError:
    pass


def evaluate(line):
    names = {}
    parts = line.split("; ")
    for part in parts[:-1]:
        exec(part, names)
    try:
        code = compile(parts[-1], "<row>", "eval")
    except SyntaxError:
        exec(parts[-1], names)
        return "None"
    return repr(eval(code, names))


def attempt(line):
    try:
        return ["value", evaluate(line), ""]
    except ImportError as error:
        return [type(error).__name__, "", str(error)]
    except Exception as error:
        number = getattr(error, "errno", None) or (error.args[0] if error.args else 0)
        return [type(error).__name__, errno.errorcode.get(number, str(number)), str(error)]


def umask():
    former = os.umask(0)
    os.umask(former)
    return former


def outside():
    # The OS thread of the last run's watchdog may need a moment to be gone.
    time.sleep(0.05)
    return repr([
        sorted(os.environ.items()), os.getcwd(), os.getpriority(os.PRIO_PROCESS, 0),
        sorted(os.sched_getaffinity(0)), resource.getrlimit(resource.RLIMIT_NOFILE),
        [signal.getsignal(number) for number in range(1, 65) if number not in (32, 33)],
        signal.getitimer(signal.ITIMER_REAL), signal.getitimer(signal.ITIMER_VIRTUAL),
        sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits(), sys.getdlopenflags(),
        gc.isenabled(), gc.get_threshold(), locale.setlocale(locale.LC_ALL), warnings.filters,
        threading.active_count(), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")),
        umask(), os.path.exists("/tmp/never-made"), sys.gettrace(), sys.getprofile(),
        faulthandler.is_enabled(), len(gc.callbacks), tracemalloc.is_tracing(),
        readline.get_current_history_length(),
        [sys.monitoring.get_tool(tool) for tool in range(6)] if sys.version_info >= (3, 12) else [],
    ])


def results(lines):
    found = []
    for line in lines:
        with Network(seed=5) as network:
            process = network.host("h").spawn(attempt, line)
            network.run()
            found.append(process.result if process.exitcode == 0 else ["exit", str(process.exitcode), ""])
    return found


os.umask(0o22)
Network().close()
lines = json.load(sys.stdin)
before = outside()
first, second = results(lines), results(lines)
gc.collect()
after = outside()
json.dump({"first": first, "second": second, "before": before, "after": after}, sys.stdout)
"""


def rows():
    text = (ROOT / "docs" / "fences.md").read_text()
    found = [match.group("call", "inside", "note") for match in ROW.finditer(text)]
    assert len(found) == sum(line.startswith("| `") for line in text.splitlines())
    return found


@pytest.fixture(scope="module")
def outcomes():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([call for call, _, _ in rows()]),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(rows())), ids=[call for call, _, _ in rows()])
def test_call_does_what_the_table_says(outcomes, number):
    _, inside, note = rows()[number]
    kind, value, text = outcomes["first"][number]
    if inside == "refused":
        assert kind in ("NotSimulated", "LibraryNotSimulated")
        assert value in ("ENOSYS", "")
        assert "not simulated" in text or "cannot run in a simulated process" in text
        assert note in text
    elif inside in ("simulated", "harmless", "real"):
        assert kind == "value", text
        if inside == "simulated":
            assert outcomes["second"][number] == outcomes["first"][number]
    else:
        assert value == inside, text


def test_nothing_outside_has_changed(outcomes):
    assert outcomes["after"] == outcomes["before"]
