"""Network files: what is read, and each error in one line with file, key, value and rule."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fourtuple.api.network import Network
from fourtuple.cli.build import build_network
from fourtuple.cli.main import cli
from fourtuple.cli.network_file import KEYS, read_network_file

GOOD = """
seed = 7
until = "30s"

[hosts.server]
address = "10.0.0.1"
names = "db"
sysctl = { "net.ipv4.tcp_sack" = 0 }
[[hosts.server.programs]]
run = "python server.py"
daemon = true

[hosts.client]
address = ["10.0.0.2", "10.9.0.2/16"]
[[hosts.client.programs]]
run = ["python", "-c", "print(1)"]
start = "100ms"
env = { A = "b" }
cwd = "sub"
uid = 1000
stdin = "text"

[hosts.other]

[switches.s]

[[links]]
between = ["server", "s"]
[[links]]
between = ["s", "client"]
latency = "10ms"
jitter = "1ms"
in_order = true
bandwidth = "10mbit"
queue = "64kB"
mtu = 1000
loss = 0.01
duplicate = 0.02
corrupt = 0.03
from.client = { loss = 0.5 }
[[links]]
between = ["server", "client"]
addresses = ["10.1.0.1/30", "10.1.0.2/30"]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "server.py").write_text("print('server')\n")
    (tmp_path / "sub").mkdir()
    return tmp_path


def write(directory: Path, text: str) -> Path:
    file = directory / "net.toml"
    file.write_text(text)
    return file


def test_whole_file_is_read_and_built(directory: Path) -> None:
    spec = read_network_file(write(directory, GOOD))
    assert (spec.seed, spec.until) == (7, 30_000_000_000)
    with Network(spec.seed) as network:
        build_network(spec, network)
        assert list(network.hosts) == ["server", "client", "other"]
        assert network.hosts["client"].addresses == ["10.0.0.2", "10.9.0.2", "10.1.0.2"]
        assert network.hosts["other"].address == "10.0.0.3"
        assert network.fabric.names["db"] == network.fabric.names["server"]
        assert network.hosts["server"].sysctl["net.ipv4.tcp_sack"] == "0"
        assert [link.name for link in network.links] == ["server-s", "s-client", "server-client"]
        from_switch, from_client = network.links[1].link.directions("")
        assert from_switch.faults is not None
        assert from_client.faults is not None
        assert (from_switch.faults.loss, from_client.faults.loss) == (0.01, 0.5)
        assert (from_client.latency, from_client.bandwidth) == (10_000_000, 10_000_000)
        assert (from_client.queue_packets, from_client.queue_bytes) == (-1, 64_000)
        server, client = network.processes
        assert (server.daemon, client.daemon) == (True, False)
        network.run()
        assert (server.stdout, client.stdout, client.exitcode) == ("server\n", "1\n", 0)
        assert client.ended_at == 100_000_000


TWO = '[hosts.a]\naddress = "10.0.0.1"\n[hosts.b]\naddress = "10.0.0.2"'
BEGINNINGS = {
    "TWO": TWO,
    "PROGRAM": TWO + '\n[[hosts.b.programs]]\nrun = "python -c 1"',
    "LINK": TWO + '\n[[links]]\nbetween = ["a", "b"]',
}
TABLE = Path(__file__).with_name("network_file_errors.txt")


def error_cases() -> list[tuple[str, str]]:
    """(file, line) of each entry of the table."""
    cases = []
    lines: list[str] = []
    for line in TABLE.read_text().splitlines():
        if line.startswith("=> "):
            cases.append(("\n".join(lines), line.removeprefix("=> ")))
            lines = []
        elif line and not line.startswith("#"):
            lines.append(BEGINNINGS.get(line, line))
    return cases


@pytest.mark.parametrize(("text", "line"), error_cases(), ids=[line[:40] for _, line in error_cases()])
def test_bad_file_is_told_in_one_line(directory: Path, text: str, line: str) -> None:
    file = write(directory, text)
    result = CliRunner().invoke(cli, ["up", str(file)])
    assert result.stderr.startswith(f"{file}: {line}")
    assert result.stderr.count("\n") == 1
    assert (result.exit_code, result.stdout) == (2, "")


def test_file_wrong_in_its_last_line_starts_nothing(directory: Path) -> None:
    marker = directory / "started"
    program = f'[[hosts.a.programs]]\nrun = ["python", "-c", "open({str(marker)!r}, \'w\')"]\n'
    file = write(directory, program)
    assert CliRunner().invoke(cli, ["up", str(file)]).exit_code == 0
    marker.unlink()
    write(directory, program + "[hosts.b]\naddress = '10.0.0.1'\nnames = ['a']\n")
    assert CliRunner().invoke(cli, ["up", str(file)]).exit_code == 2
    assert not marker.exists()


def test_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["up", str(tmp_path / "gone.toml")])
    assert result.stderr == f"{tmp_path / 'gone.toml'}: cannot be read: No such file or directory\n"
    assert result.exit_code == 2


def test_only_daemons_without_an_end_is_refused(directory: Path) -> None:
    file = write(directory, '[[hosts.a.programs]]\nrun = "python server.py"\ndaemon = true\n')
    result = CliRunner().invoke(cli, ["up", str(file)])
    assert "has only daemons, which nothing ends" in result.stderr
    assert result.exit_code == 2
    assert CliRunner().invoke(cli, ["up", str(file), "--until", "1s"]).stdout == "a | server\n"


def test_help_names_every_key_that_is_read() -> None:
    text = CliRunner().invoke(cli, ["up", "--help"]).stdout
    for key in (
        *(
            "seed",
            "until",
            "address",
            "names",
            "hosts",
            "sysctl",
            "run",
            "start",
            "daemon",
            "env",
            "cwd",
            "uid",
            "stdin",
        ),
        *("between", "addresses", "latency", "jitter", "in_order", "bandwidth", "queue", "mtu"),
        *("loss", "duplicate", "corrupt", "from.", "[switches.NAME]"),
    ):
        assert key in text
        assert key in KEYS
