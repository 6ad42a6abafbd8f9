"""Paths of unix sockets beside the real files they lie among: what bind(2) and connect(2) make of either."""

from __future__ import annotations

import os
import stat
from errno import EADDRINUSE, ECONNREFUSED, ENOENT, ENOTDIR


def check_new_path(path: bytes) -> None:
    """Raises OSError if a socket cannot be bound to ``path``: ENOENT, ENOTDIR or EACCES for its directory,
    EADDRINUSE if a real file or another socket's node is there. Abstract names pass."""
    if not path or path.startswith(b"\0"):
        return
    directory = os.path.dirname(path) or b"."
    if not stat.S_ISDIR(os.stat(directory).st_mode):
        raise OSError(ENOTDIR, os.strerror(ENOTDIR))
    if os.path.lexists(path):
        raise OSError(EADDRINUSE, os.strerror(EADDRINUSE))


def missing_path_errno(path: bytes) -> int:
    """What connect() to a path without a socket's node gives: a real file there is no socket."""
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno or ENOENT
    return ECONNREFUSED
