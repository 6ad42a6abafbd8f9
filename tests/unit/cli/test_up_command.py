"""``fourtuple up`` and ``fourtuple demo``: output, exit codes, socket tables, captures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fourtuple import __version__
from fourtuple.cli.main import cli

EXAMPLE = Path(__file__).parents[3] / "examples" / "upper" / "network.toml"

HOSTS = """
[hosts.a]
address = "10.0.0.1"
[hosts.longer]
address = "10.0.0.2"
"""


def up(directory: Path, programs: str, *options: str, top: str = "") -> Result:
    file = directory / "net.toml"
    file.write_text(top + HOSTS + programs)
    return CliRunner().invoke(cli, ["up", str(file), *options])


def program(host: str, code: str, *keys: str) -> str:
    return "\n".join([f"[[hosts.{host}.programs]]", f"run = ['python', '-c', '''{code}''']", *keys, ""])


def test_example_network_runs_as_it_is(tmp_path: Path) -> None:
    capture = tmp_path / "x.pcapng"
    result = CliRunner().invoke(cli, ["up", str(EXAMPLE), "--ss", "--capture", str(capture)])
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[:2] == ["server | 10.0.0.2 sent: Hello socket!", "client | Received: HELLO SOCKET!"]
    table = "\n".join(lines[2:])
    assert re.search(
        r'server \| tcp +LISTEN +0 +5 +0\.0\.0\.0:9999 .*users:\(\("server\.py",pid=2,fd=3\)\)', table
    )
    assert re.search(
        r"client \| tcp +TIME-WAIT +0 +0 +10\.0\.0\.2:\d+ +10\.0\.0\.1:9999$", table, re.MULTILINE
    )
    assert capture.stat().st_size > 1000


def test_lines_go_to_the_stream_they_were_written_to(tmp_path: Path) -> None:
    code = 'import sys; print("out"); print("err", file=sys.stderr)'
    result = up(tmp_path, program("a", code))
    assert (result.stdout, result.stderr) == ("a      | out\n", "a      | err\n")


def test_exit_code_is_that_of_the_first_to_fail_in_time(tmp_path: Path) -> None:
    late = program("a", "import sys, time; time.sleep(2); sys.exit(3)")
    early = program("longer", "import sys; sys.exit(4)", 'start = "1s"')
    assert up(tmp_path, late + early).exit_code == 4


def test_daemon_ended_with_the_run_is_no_failure_but_one_that_failed_is(tmp_path: Path) -> None:
    fine = program("a", "1", 'start = "2s"')
    sleeper = program("longer", "import time; time.sleep(100)", "daemon = true")
    assert up(tmp_path, fine + sleeper).exit_code == 0
    failing = program("longer", "import sys; sys.exit(5)", "daemon = true")
    assert up(tmp_path, fine + failing).exit_code == 5


def test_program_ended_by_a_signal_exits_as_a_shell_says(tmp_path: Path) -> None:
    assert up(tmp_path, program("a", "import os; os.kill(os.getpid(), 9)")).exit_code == 137


def test_until_of_the_option_comes_before_that_of_the_file(tmp_path: Path) -> None:
    code = "import time\nwhile True: print(round(time.monotonic())); time.sleep(1)"
    for options, lines in (((), 5), (("--until", "2500ms"), 3)):
        result = up(tmp_path, program("a", code), *options, top='until = "4500ms"\n')
        assert len(result.stdout.splitlines()) == lines
        assert result.exit_code == 0


def test_stuck_run_is_reported_on_stderr(tmp_path: Path) -> None:
    result = up(tmp_path, program("a", "import threading; threading.Event().wait()"))
    assert result.exit_code == 1
    assert "fourtuple: nothing can happen any more" in result.stderr
    assert "a python[2] MainThread" in result.stderr


def test_interrupt_ends_the_run_after_its_socket_tables(tmp_path: Path) -> None:
    sender = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -INT {os.getpid()}"])
    result = up(tmp_path, program("a", "import time\nwhile True: time.sleep(1)"), "--ss")
    sender.wait()
    assert result.exit_code == 130
    assert "a      | Netid State" in result.stdout


def test_second_interrupt_ends_a_program_that_never_blocks(tmp_path: Path) -> None:
    sender = subprocess.Popen(["sh", "-c", f"for i in 1 2; do sleep 0.2; kill -INT {os.getpid()}; done"])
    result = up(tmp_path, program("a", "while True: pass"))
    sender.wait()
    assert result.exit_code == 130


def test_seed_of_the_option_comes_before_that_of_the_file(tmp_path: Path) -> None:
    code = "import random; print(random.random())"
    choices: list[tuple[str, ...]] = [(), ("--seed", "3"), ("--seed", "1")]
    outputs = [up(tmp_path, program("a", code), *options, top="seed = 3\n").stdout for options in choices]
    assert outputs[0] == outputs[1] != outputs[2]


def demo(directory: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    monkeypatch.chdir(directory)
    result = CliRunner().invoke(cli, ["demo", *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_demo_shows_output_ladder_and_way_and_writes_a_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = demo(tmp_path, monkeypatch)
    for part in (
        "server | 10.0.0.2 sent: Hello socket!",
        "client | Received: HELLO SOCKET!",
        "─ SYN ─",
        "─ SYN, ACK 1 ─",
        "lost: loss",
        "(again)",
        "link       client-server: sent 0.",
        "interface  eth0 of server",
        "IP         10.0.0.2 → 10.0.0.1",
        "searched   connections of this four-tuple: 1 candidate",
        "✓ wins     10.0.0.1:9999 ⇄ 10.0.0.2:",
        "not asked  *:9999 LISTEN, server.py[2] fd 3",
        "fd         4",
        "process    server.py, pid 2 on server",
        "fourtuple demo --seed 7",
    ):
        assert part in text
    assert b"taken by server: server.py[2] fd 4" in (tmp_path / "demo.pcapng").read_bytes()


def test_demo_repeats_itself_and_the_seed_chooses_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {seed: demo(tmp_path, monkeypatch, "--seed", str(seed)) for seed in range(4)}
    assert runs[1] == demo(tmp_path, monkeypatch, "--seed", "1")
    lost = {next(line for line in text.splitlines() if "lost: loss" in line) for text in runs.values()}
    assert len(lost) == 2
    assert all(text.count("lost: loss") == 1 for text in runs.values())


def test_demo_that_cannot_write_its_capture_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["demo", "--output", "gone/x.pcapng"])
    assert result.exit_code == 2
    assert "--output gone/x.pcapng: No such file or directory" in result.stderr


def test_version_says_which_form_runs() -> None:
    text = CliRunner().invoke(cli, ["--version"]).stdout
    python = sys.version.split()[0]
    assert re.fullmatch(
        rf"fourtuple {__version__} \((compiled|interpreted), Python {re.escape(python)}\)\n", text
    )


def test_program_that_until_cuts_short_is_named(tmp_path: Path) -> None:
    programs = program("a", "import time; time.sleep(50)") + program("longer", "import time; time.sleep(1)")
    result = up(tmp_path, programs, "--until", "5s")
    assert result.exit_code == 0
    assert result.stderr == "fourtuple: python on a was still running at the end of the run\n"
    daemons = up(tmp_path, program("a", "import time; time.sleep(50)", "daemon = true"), "--until", "5s")
    assert daemons.stderr == ""


def test_network_file_isolates_packages(tmp_path: Path) -> None:
    result = up(tmp_path, program("a", "print(1)", 'isolate = ["json"]'))
    assert result.exit_code == 2
    assert "isolate" in result.stderr
    assert "json cannot be isolated" in result.stderr
    assert up(tmp_path, program("a", "print(1)", 'isolate = ["mypkg"]')).exit_code == 0


def test_dns_of_a_network_file_is_asked_by_packets(tmp_path: Path) -> None:
    code = "import socket; print(socket.gethostbyname('shop'), socket.gethostbyname('a'))"
    dns = """
[hosts.ns]
dns_server = { domain = "lab.test", ask = true, records = ["shop.lab.test A 10.9.9.9"] }
[[links]]
between = ["ns", "a"]
[[links]]
between = ["ns", "longer"]
"""
    result = up(tmp_path, dns + program("a", code) + program("longer", code))
    assert result.stdout == "a      | 10.9.9.9 10.0.0.1\nlonger | 10.9.9.9 10.0.0.1\n", result.stderr
    result = up(tmp_path, dns.replace('"longer"]', '"longer"]\nloss = 1.0') + program("longer", code))
    assert "Temporary failure in name resolution" in result.stderr
