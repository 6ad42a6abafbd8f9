"""The command the demo tells to run again is one the reader's shell finds."""

import sys
from pathlib import Path

import pytest

from fourtuple.cli import demo


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / ".venv" / "bin" / "fourtuple"
    file.parent.mkdir(parents=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(file), "demo"])
    return file


def test_command_not_on_path_is_told_as_it_was_called(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert demo._command() == ".venv/bin/fourtuple"


def test_command_on_path_is_told_by_name(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(script.parent))
    assert demo._command() == "fourtuple"
