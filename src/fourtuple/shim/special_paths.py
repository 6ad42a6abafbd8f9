"""Paths that mean something of the process itself: /dev/null, /dev/stdin, /dev/fd/N, /proc/self/fd.

Opening one of a descriptor gives another descriptor of the same open file description; of a socket it is
refused with ENXIO, as Linux does. The rest of /dev and /proc is the real one.
"""

from __future__ import annotations

import os
import posix
import re
from errno import EINVAL, ENOENT, ENXIO
from typing import Any, Final

from ..kernel.error import KernelError
from ..kernel.file import O_ACCMODE, O_NONBLOCK
from ..kernel.socket import Socket
from ..runtime.errors import os_error
from ..runtime.thread import SimThread
from .patching import dispatch
from .real_files import is_real

_STREAMS: Final = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_DIRECTORY: Final = re.compile(r"/dev/fd|/proc/(self|thread-self|\d+)/fd")
_DESCRIPTOR: Final = re.compile(r"(/dev/fd|/proc/(?:self|thread-self|\d+)/fd)/(\d+)")


def _text(path: Any) -> str:
    """``path`` as text, "" for what is none."""
    if isinstance(path, int):
        return ""
    try:
        return os.fsdecode(path)
    except TypeError:
        # The real call says what is wrong with it.
        return ""


def _own_directory(thread: SimThread, text: str) -> bool:
    """Does it list the descriptors of the calling process?"""
    found = _DIRECTORY.fullmatch(text.rstrip("/"))
    return found is not None and found.group(1) in (None, "self", "thread-self", str(thread.process.pid))


def _descriptor(thread: SimThread, text: str) -> int | None:
    """The descriptor ``text`` names, None for other paths and for real files'."""
    if text in _STREAMS:
        return _STREAMS[text]
    found = _DESCRIPTOR.fullmatch(text)
    if found is None or not _own_directory(thread, found.group(1)):
        return None
    fd = int(found.group(2))
    return None if is_real(fd) else fd


def open_special(thread: SimThread, path: Any, flags: int) -> int | None:
    """open(2) of one of these paths: a descriptor of the process. None for another path.

    Raises OSError: ENOENT for a descriptor that is not open, ENXIO for a socket's, EMFILE.
    """
    text = _text(path)
    if not text.startswith(("/dev/", "/proc/")):
        return None
    fds = thread.process.fds
    try:
        if text == os.devnull:
            null = thread.process.kernel.null()
            null.flags = flags & (O_ACCMODE | O_NONBLOCK)
            return fds.install(null, True, 0)
        fd = _descriptor(thread, text)
        if fd is None:
            return None
        if not fds.has(fd):
            raise OSError(ENOENT, os.strerror(ENOENT), path)
        if isinstance(fds.get(fd), Socket):
            raise OSError(ENXIO, os.strerror(ENXIO), path)
        return fds.dup(fd, 0, True)
    except KernelError as error:
        raise os_error(error) from None


def install() -> None:
    real_listdir: Any = os.listdir
    real_readlink: Any = os.readlink

    def listdir(thread: SimThread, path: Any = None) -> Any:
        text = _text(path) if path is not None else ""
        if not _own_directory(thread, text):
            return real_listdir(path)
        numbers = [str(fd) for fd, _ in thread.process.fds.items()]
        return [os.fsencode(number) for number in numbers] if isinstance(path, bytes) else numbers

    def readlink(thread: SimThread, path: Any, *, dir_fd: int | None = None) -> Any:
        text = _text(path)
        if text not in _STREAMS:
            fd = _descriptor(thread, text)
            if fd is not None:
                if not thread.process.fds.has(fd):
                    raise OSError(ENOENT, os.strerror(ENOENT), path)
                shown = thread.process.fds.get(fd).describe()
                return os.fsencode(shown) if isinstance(path, bytes) else shown
            if _own_directory(thread, text) and text != "/dev/fd":
                raise OSError(EINVAL, os.strerror(EINVAL), path)
        return real_readlink(path, dir_fd=dir_fd)

    dispatch(posix, "listdir", listdir)
    dispatch(posix, "readlink", readlink)
