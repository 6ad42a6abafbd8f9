"""Extensions of the compiled rooms; everything else is in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent.resolve()
sys.path.insert(0, str(ROOT / "build_backend"))

from compile_choice import compiled_files, wants_compile  # noqa: E402

extensions = []
if wants_compile():
    from mypyc.build import mypycify

    extensions = mypycify(
        ["--strict", "--python-version=3.11", *compiled_files(ROOT)],
        opt_level="2",
        debug_level="0",
        multi_file=True,
        group_name="fourtuple",
    )

setup(ext_modules=extensions)
