"""``fourtuple drill`` at the command line: what is wrong is told in one line, and by the exit code."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fourtuple.cli.drill import BAD_USE, drill

GOOD = b"0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n"


def command(*words: str) -> Result:
    return CliRunner().invoke(drill, list(words))


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "good.pkt"
    path.write_bytes(GOOD)
    return str(path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--ipv4", "--ipv6"], "only one of --ipv4, --ipv6 and --mapped can be given"),
        (["-O", "nosuch=1"], "--nosuch: there is no such option"),
        (["-O", "mtu=abc"], "--mtu: 'abc' is not a number"),
        (["-D", "x"], "--define: 'x' is not SYMBOL=VALUE"),
        (
            ["--pcap", "/nowhere/to/be/found.pcapng"],
            "--pcap: /nowhere/to/be/found.pcapng cannot be written: No such file",
        ),
        (["/nowhere.pkt"], "/nowhere.pkt: there is no such file"),
    ],
)
def test_a_wrong_command_is_told_and_nothing_runs(words: list[str], told: str, script: str) -> None:
    result = command(*words, script)
    assert result.exit_code == BAD_USE
    assert told in result.output
    assert "passed" not in result.output


def test_several_scripts_need_a_directory_for_their_captures(script: str, tmp_path: Path) -> None:
    other = tmp_path / "other.pkt"
    other.write_bytes(GOOD)
    result = command("--pcap", str(tmp_path / "one.pcapng"), script, str(other))
    assert result.exit_code == BAD_USE
    assert "is no directory, and there are 2 scripts to capture" in result.output
    assert command("--pcap", str(tmp_path), script, str(other)).exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("*.pcapng")) == ["good.pcapng", "other.pcapng"]


@pytest.mark.parametrize(
    "data",
    [
        GOOD.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOOD,
        b"// Jos\xe9\n" + GOOD,
        "// José\n".encode() + GOOD,
        GOOD.rstrip(b"\n"),
    ],
    ids=["crlf", "bom", "latin-1", "utf-8", "no-newline"],
)
def test_texts_of_every_editor_are_read(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "edited.pkt"
    path.write_bytes(data)
    assert command(str(path)).output == f"passed {path}\n"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", ":1:1: expected an event, not the end of the file"),
        (b"\x00\x01\x02", ": is no text: byte 0 is NUL"),
        (b"\xff\xd8\xff", ":1:1: expected the time of an event, not '\xff'"),
    ],
    ids=["empty", "binary", "no-utf-8"],
)
def test_what_is_no_script_is_an_error_of_its_file(data: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pkt"
    path.write_bytes(data)
    result = command(str(path))
    assert result.exit_code == 1
    assert "".join(result.output.split("\n")).startswith("error ")
    assert told.replace("\xff", "\u00ff") in result.output.replace("\n", "")
