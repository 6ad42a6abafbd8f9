"""Whether to compile, and what."""

import os
import shutil
import sysconfig
from pathlib import Path

# Rooms built ahead of time; the same files run interpreted.
COMPILED_ROOMS = ("wire", "clock", "ports", "stack", "kernel", "network")


def find_c_compiler() -> str | None:
    """Path of the C compiler an extension would be built with, None if there is none."""
    configured = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    for name in (configured, "cc", "gcc", "clang"):
        if path := shutil.which(name):
            return path
    return None


def wants_compile() -> bool:
    """Read FOURTUPLE_COMPILE. Raises SystemExit if it is none of auto, 1, 0."""
    choice = os.environ.get("FOURTUPLE_COMPILE", "auto")
    if choice == "auto":
        return find_c_compiler() is not None
    if choice in ("0", "1"):
        return choice == "1"
    raise SystemExit(f"FOURTUPLE_COMPILE={choice}: allowed are auto, 1, 0")


def compiled_files(root: Path) -> list[str]:
    """The modules to compile, relative to ``root``, in a stable order."""
    package = root / "src" / "fourtuple"
    files = [
        path
        for room in COMPILED_ROOMS
        for path in sorted((package / room).rglob("*.py"))
        if path.name != "__init__.py"
    ]
    return [str(path.relative_to(root)) for path in files]
