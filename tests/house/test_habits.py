"""Habits of the house that a reader would otherwise have to check by eye."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "fourtuple"

FORBIDDEN = re.compile(r"pypi\.org|files\.pythonhosted|/work/|/root/|registry\.npmjs|deb\.debian")


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_outgrows_its_subject() -> None:
    long = {
        str(file.relative_to(SOURCE)): lines
        for file in sorted(SOURCE.rglob("*.py"))
        if (lines := len(file.read_text().splitlines())) > 600
    }
    assert not long, f"past 600 lines, look for the seam: {long}"


def test_nothing_names_a_machine_or_a_registry() -> None:
    here = Path(__file__)
    hits = [
        str(file.relative_to(ROOT))
        for file in tracked_files()
        if file != here and FORBIDDEN.search(file.read_text(errors="ignore"))
    ]
    assert not hits


def test_no_build_output_is_tracked() -> None:
    assert not [file for file in tracked_files() if file.suffix in {".so", ".c", ".o", ".pyc", ".pcapng"}]


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(file.relative_to(SOURCE))
        for file in sorted(SOURCE.rglob("*.py"))
        if not file.read_text().lstrip().startswith(('"""', 'r"""'))
    ]
    assert not silent
