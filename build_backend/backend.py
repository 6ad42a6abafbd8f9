"""Build backend: setuptools, plus mypyc when the hot rooms are to be compiled.

``FOURTUPLE_COMPILE=auto|1|0``: compile if a C compiler is found (the default), always, or never.
"""

from compile_choice import wants_compile
from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

# The compiler decides what is built, so its version is pinned.
MYPYC = "mypy[mypyc]==2.4.1"


def _extra() -> list[str]:
    return [MYPYC] if wants_compile() else []


def get_requires_for_build_wheel(config_settings=None):
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_extra()]


def get_requires_for_build_editable(config_settings=None):
    return [*build_meta.get_requires_for_build_editable(config_settings), *_extra()]
