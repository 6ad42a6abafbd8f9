"""What every test gets: a check that it runs the form of the code it means to."""

import os
from pathlib import Path

import pytest

import fourtuple
from fourtuple._compiled import is_compiled

PACKAGE = Path(fourtuple.__file__).parent


def pytest_report_header() -> str:
    return f"fourtuple: {'compiled' if is_compiled() else 'interpreted'}"


def pytest_configure() -> None:
    if is_compiled():
        library = min(file.stat().st_mtime for file in PACKAGE.parent.glob("*__mypyc*.so"))
        rooms = {file.parent for file in PACKAGE.rglob("*.so")}
        stale = [file.name for room in rooms for file in room.glob("*.py") if file.stat().st_mtime > library]
        if stale:
            pytest.exit(
                f"compiled modules are older than {sorted(stale)}: make build, make clean, "
                "or set FOURTUPLE_PURE_PYTHON=1",
                returncode=3,
            )
    expected = os.environ.get("FOURTUPLE_EXPECT")
    if expected and expected != ("compiled" if is_compiled() else "interpreted"):
        pytest.exit(f"FOURTUPLE_EXPECT={expected}, but it is not what is imported", returncode=3)
