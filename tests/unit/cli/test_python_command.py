"""``fourtuple python`` beside ``python``: streams, arguments, exit codes, and our own options."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fourtuple.cli import restart
from fourtuple.cli.main import cli


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run ``fourtuple python`` with these arguments and stdin, on the real descriptors 0, 1 and 2."""
    monkeypatch.chdir(tmp_path)
    saved = os.dup(0)

    def call(*arguments: str, stdin: str = "") -> Outcome:
        file = tmp_path / "stdin"
        file.write_text(stdin)
        descriptor = os.open(file, os.O_RDONLY)
        os.dup2(descriptor, 0)
        os.close(descriptor)
        result = CliRunner().invoke(cli, ["python", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        out, err = capfd.readouterr()
        return Outcome(result.exit_code, out + result.stdout, err + result.stderr)

    yield call
    os.dup2(saved, 0)
    os.close(saved)


def test_code_writes_to_the_real_streams_and_exits(run: Run) -> None:
    outcome = run(
        "-c", "import sys; print(sys.argv); print('e', file=sys.stderr); sys.exit(7)", "a", "-m", "--seed=1"
    )
    assert (outcome.code, outcome.out, outcome.err) == (7, "['-c', 'a', '-m', '--seed=1']\n", "e\n")


def test_script_reads_the_real_stdin(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("import sys\nprint(sys.argv, __name__)\nprint(sys.stdin.read().upper())\n")
    outcome = run("x.py", "-h", stdin="one\ntwo\n")
    assert (outcome.code, outcome.out) == (0, "['x.py', '-h'] __main__\nONE\nTWO\n\n")


def test_module_runs_as_main(run: Run) -> None:
    outcome = run("-m", "json.tool", "--compact", stdin='{"a": 1}')
    assert (outcome.code, outcome.out) == (0, '{"a":1}\n')


def test_exception_is_printed_and_exits_with_1(run: Run) -> None:
    outcome = run("-c", "1/0")
    assert outcome.code == 1
    assert outcome.err.startswith("Traceback (most recent call last):\n")
    printed, told = outcome.err.splitlines()[-2:]
    assert printed == "ZeroDivisionError: division by zero"
    assert told == "fourtuple: ZeroDivisionError: It ended host python[2] at 0.000000000 s of virtual time."
    assert outcome.err.count("fourtuple") == 1


def test_death_by_signal_exits_as_a_shell_says(run: Run) -> None:
    assert run("-c", "import os, signal; os.kill(os.getpid(), signal.SIGTERM)").code == 143


def test_environment_is_the_real_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "yes")
    assert run("-c", "import os; print(os.environ['MINE'])").out == "yes\n"


def test_time_is_virtual(run: Run) -> None:
    code = "import time; t = time.monotonic(); time.sleep(1e6); print(time.monotonic() - t)"
    assert run("-c", code).out == "1000000.0\n"


def test_seed_decides_what_is_random(run: Run) -> None:
    code = "import random, os; print(random.random(), os.urandom(4).hex())"
    first, second, other = (run("--seed", seed, "-c", code).out for seed in ("5", "5", "6"))
    assert first == second != other


def test_until_ends_the_program_as_timeout_does(run: Run) -> None:
    outcome = run("--until=2s", "-c", "import time; time.sleep(1); print('one', flush=True); time.sleep(5)")
    assert (outcome.code, outcome.out) == (124, "one\n")
    assert "python was still running at the end of --until" in outcome.err


def test_interrupt_is_the_programs_to_handle(run: Run) -> None:
    code = """
import time
try:
    for _ in range(10**9): time.sleep(1)
except KeyboardInterrupt:
    print("bye")
"""

    sender = subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -INT {os.getpid()}"])
    outcome = run("-c", code)
    sender.wait()
    assert (outcome.code, outcome.out) == (0, "bye\n")


def test_program_that_waits_for_ever_is_reported(run: Run) -> None:
    outcome = run("-c", "import threading; threading.Event().wait()")
    assert outcome.code == 1
    assert "nothing can happen any more" in outcome.err


def test_program_talks_to_itself_and_the_capture_shows_it(run: Run, tmp_path: Path) -> None:
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
client.sendall(b"hello")
print(peer.recv(10).decode())
"""
    outcome = run("--capture", "x.pcapng", "-c", code)
    assert (outcome.code, outcome.out) == (0, "hello\n")
    data = (tmp_path / "x.pcapng").read_bytes()
    assert b"host/lo" in data
    assert b"hello" in data
    assert b"sent by host: python[2] fd 4" in data


@pytest.mark.parametrize("arguments", [[], ["-m"], ["--seed", "1"], ["-X", "importtime", "x.py"]])
def test_nothing_to_run_is_a_usage_error(run: Run, arguments: list[str]) -> None:
    outcome = run(*arguments)
    assert outcome.code == 2
    assert "give a SCRIPT, -m MODULE or -c CODE" in outcome.err


def test_bad_option_is_a_usage_error(run: Run) -> None:
    assert "'soon' is not a duration" in run("--until", "soon", "-c", "1").err
    assert "No such file or directory" in run("--capture", "gone/x.pcapng", "-c", "1").err


def test_help_does_not_need_a_program(run: Run) -> None:
    outcome = run("--help")
    assert outcome.code == 0
    assert "--capture FILE.pcapng" in outcome.out


# Pinned hashes


class Restarted(Exception):
    pass


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], dict[str, str]]]:
    calls: list[tuple[str, list[str], dict[str, str]]] = []

    def execve(path: str, arguments: list[str], environment: dict[str, str]) -> None:
        calls.append((path, arguments, environment))
        raise Restarted

    monkeypatch.setattr(restart.os, "execve", execve)
    monkeypatch.setattr(restart.sys, "orig_argv", ["py", "/bin/fourtuple", "demo"])
    monkeypatch.setattr(restart.sys, "executable", "/bin/py")
    return calls


@pytest.mark.parametrize("value", [None, "random"])
def test_random_hashes_restart_the_same_command(
    executed: list[tuple[str, list[str], dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: str | None,
) -> None:
    monkeypatch.setenv("OTHER", "kept")
    if value is None:
        monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    else:
        monkeypatch.setenv("PYTHONHASHSEED", value)
    with pytest.raises(Restarted):
        restart.restart_pinned(tell=True)
    path, arguments, environment = executed[0]
    assert (path, arguments) == ("/bin/py", ["/bin/py", "/bin/fourtuple", "demo"])
    assert (environment["PYTHONHASHSEED"], environment["OTHER"]) == ("0", "kept")
    assert "PYTHONHASHSEED=0" in capsys.readouterr().err


def test_pinned_hashes_need_no_restart(
    executed: list[tuple[str, list[str], dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "17")
    restart.restart_pinned(tell=True)
    assert executed == []
