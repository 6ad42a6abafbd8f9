"""Build backend: setuptools, plus mypyc when the hot rooms are to be compiled.

``FOURTUPLE_COMPILE=auto|1|0``: compile if a C compiler is found (the default), always, or never.
"""

from compile_choice import wants_compile
from setuptools.build_meta import *  # noqa: F403

# The compiler decides what is built, so its version is pinned.
MYPYC = "mypy[mypyc]==2.4.1"


# setuptools would run setup.py to find out, and setup.py needs mypyc.
def get_requires_for_build_wheel(config_settings=None):
    return [MYPYC] if wants_compile() else []


def get_requires_for_build_editable(config_settings=None):
    return get_requires_for_build_wheel(config_settings)


def get_requires_for_build_sdist(config_settings=None):
    return []
