"""From the kernel's errno to Python's exception."""

from __future__ import annotations

import os

from ..kernel.error import KernelError


def os_error(error: KernelError) -> OSError:
    """The OSError (of the subclass its errno asks for) that CPython raises for ``error``."""
    return OSError(error.errno, os.strerror(error.errno))
