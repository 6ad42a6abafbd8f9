"""Commands as a shell has them."""

import sys
from pathlib import Path

import pytest

from fourtuple.runtime.command_line import parse_command


@pytest.mark.parametrize(
    ("command", "kind", "target", "args"),
    [
        ("python server.py", "script", "server.py", []),
        ("python3 dir/x.py a 'b c'", "script", "dir/x.py", ["a", "b c"]),
        ("/usr/bin/python3.13 x.py -m y", "script", "x.py", ["-m", "y"]),
        ("server.py 9999", "script", "server.py", ["9999"]),
        ("python -m http.server 80", "module", "http.server", ["80"]),
        ("python -c 'print(1)' x", "code", "print(1)", ["x"]),
        (["python", "a b.py", "c d"], "script", "a b.py", ["c d"]),
        ([sys.executable, "x"], "script", "x", []),
    ],
)
def test_command_is_read_as_a_shell_would(
    command: str | list[str], kind: str, target: str, args: list[str]
) -> None:
    read = parse_command(command)
    assert (read.kind, read.target, read.args) == (kind, target, args)


@pytest.mark.parametrize(
    "command", ["", "ls -l", "python", "python -m", "python -c", "python -X importtime a.py", "nginx", []]
)
def test_command_that_cannot_be_simulated_is_named(command: str | list[str]) -> None:
    with pytest.raises(ValueError, match="python SCRIPT, python -m MODULE, python -c CODE") as caught:
        parse_command(command)
    assert repr(command) in str(caught.value)


def test_unbalanced_quote_is_named() -> None:
    with pytest.raises(ValueError, match="No closing quotation"):
        parse_command("python 'x.py")


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("python gone.py", "there is no gone.py in"),
        ("python -m nosuchmodule.x", "there is no module nosuchmodule.x"),
        ("python -c 'if'", "the code does not compile"),
    ],
)
def test_check_names_what_is_not_there(command: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=error):
        parse_command(command).check(tmp_path)


def test_check_finds_scripts_and_modules(tmp_path: Path) -> None:
    (tmp_path / "here.py").touch()
    for command in ("here.py", "python here.py", "python -m here", "python -m http.server", "python -c 1"):
        parse_command(command).check(tmp_path)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("python x.py 1", ["x.py", "1"]),
        ("python -m x 1", ["-m", "1"]),
        ("python -c x 1", ["-c", "1"]),
    ],
)
def test_program_has_pythons_argv(command: str, argv: list[str]) -> None:
    assert parse_command(command).program().argv == argv
