"""Times of real files as simulated processes see them, and the order of directories.

A file that was changed before the run keeps its time, but none is from the future: what changed after virtual
time began, or since this interpreter was started, is of the moment virtual time began. A file the run
writes has virtual times: of when it was last opened for writing, written by number, or first seen with
another size. So what is served or listed repeats. The real file keeps its real times, which is what
importlib goes by. Directories are listed by name, and files that are so new have inode numbers in the order
in which the network first looked at them.
"""

from __future__ import annotations

import importlib
import os
import posix
import stat
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from ..runtime.thread import SimThread
from .patching import dispatch
from .real_files import is_real
from .time_module import present_ns

_SECOND: Final = 1_000_000_000
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_TRUNC
_real_stat: Final = os.stat
_real_fstat: Final = os.fstat
# When this interpreter was started.
_STARTED: Final = int(_real_stat("/proc/self").st_ctime_ns)
# Written by one network, by device and inode: virtual ns, and the size then.
_Written = dict[tuple[int, int], tuple[int, int]]
_KEPT: Final = "file times"
_INODES: Final = "inodes"
_FIRST_INODE: Final = 1_000_001


def _written(thread: SimThread) -> _Written:
    kept: Any = thread.scheduler.kept.setdefault(_KEPT, {})
    found: _Written = kept
    return found


def note_opened(thread: SimThread, fd: int, flags: int) -> None:
    """The real file ``fd`` was opened with ``flags``."""
    if flags & (os.O_APPEND | os.O_TRUNC) == os.O_APPEND:
        _note_appending(thread, fd)
    elif flags & _WRITING:
        note_written(thread, fd)


def _note_appending(thread: SimThread, fd: int) -> None:
    """The real file ``fd`` was opened to be added to, which changes it once its size does."""
    found = _real_fstat(fd)
    written = _written(thread)
    key = (found.st_dev, found.st_ino)
    horizon = min(thread.process.kernel.epoch_ns, _STARTED)
    if not stat.S_ISREG(found.st_mode) or key in written:
        return
    if found.st_mtime_ns < horizon:
        written[key] = (found.st_mtime_ns, found.st_size)
    else:
        note_written(thread, fd)


def note_written(thread: SimThread, fd: int) -> None:
    """The real file ``fd`` is written now."""
    found = _real_fstat(fd)
    if stat.S_ISREG(found.st_mode):
        _written(thread)[(found.st_dev, found.st_ino)] = (present_ns(thread), found.st_size)


def shown(thread: SimThread, real: os.stat_result) -> os.stat_result:
    """``real`` with the times that the process of ``thread`` sees."""
    epoch = thread.process.kernel.epoch_ns
    horizon = min(epoch, _STARTED)
    if real.st_mtime_ns < horizon and real.st_ctime_ns < horizon and real.st_atime_ns < horizon:
        return real
    modified = real.st_mtime_ns if real.st_mtime_ns < horizon else epoch
    written = _written(thread)
    key = (real.st_dev, real.st_ino)
    known = written.get(key)
    if known is not None:
        modified, size = known
        if size != real.st_size:
            modified = present_ns(thread)
            written[key] = (modified, real.st_size)
    accessed = real.st_atime_ns if real.st_atime_ns < horizon else modified
    changed = real.st_ctime_ns if real.st_ctime_ns < horizon else max(modified, min(epoch, horizon))
    inodes: Any = thread.scheduler.kept.setdefault(_INODES, {})
    number: int = inodes.setdefault(key, _FIRST_INODE + len(inodes))
    return with_times(real, number, accessed, modified, changed)


def with_times(
    real: os.stat_result, inode: int, accessed: int, modified: int, changed: int
) -> os.stat_result:
    """``real`` with another inode number and other times, in ns."""
    times = (accessed, modified, changed)
    extra = {
        "st_blksize": real.st_blksize,
        "st_blocks": real.st_blocks,
        "st_rdev": real.st_rdev,
        **{f"st_{kind}time": ns / _SECOND for kind, ns in zip("amc", times, strict=True)},
        **{f"st_{kind}time_ns": ns for kind, ns in zip("amc", times, strict=True)},
    }
    return os.stat_result((real[0], inode, *real[2:7], *(ns // _SECOND for ns in times)), extra)


def _utime(thread: SimThread, path: Any, *args: Any, **kwargs: Any) -> None:
    _real_utime(path, *args, **kwargs)
    follow = kwargs.get("follow_symlinks", True)
    found = _real_stat(path, dir_fd=kwargs.get("dir_fd"), follow_symlinks=follow)
    times, ns = args[0] if args else kwargs.get("times"), kwargs.get("ns")
    given = present_ns(thread)
    if ns is not None:
        given = int(ns[1])
    elif times is not None:
        given = int(times[1] * _SECOND)
    _written(thread)[(found.st_dev, found.st_ino)] = (given, found.st_size)


_real_utime: Final[Any] = os.utime


class _Entry:
    """os.DirEntry of a real file."""

    __slots__ = ("_real", "_thread", "name", "path")

    def __init__(self, thread: SimThread, real: os.DirEntry[Any]) -> None:
        self._thread = thread
        self._real = real
        self.name = real.name
        self.path = real.path

    def __fspath__(self) -> Any:
        return self.path

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return shown(self._thread, self._real.stat(follow_symlinks=follow_symlinks))

    def inode(self) -> int:
        return self.stat(follow_symlinks=False).st_ino

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __repr__(self) -> str:
        return repr(self._real)


class _Scan:
    """What os.scandir() returns."""

    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[_Entry]:
        return self

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def _path_stat(path: Any) -> os.stat_result:
    return _real_stat(path)


def install() -> None:
    bootstrap: Any = importlib.import_module("importlib._bootstrap_external")
    # By whose times compiled files are found stale.
    bootstrap._path_stat = _path_stat
    real_listdir: Any = posix.listdir
    real_scandir: Any = posix.scandir

    def stat_call(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def inside(thread: SimThread, *args: Any, **kwargs: Any) -> os.stat_result:
            return shown(thread, real(*args, **kwargs))

        return inside

    def listdir(thread: SimThread, *args: Any, **kwargs: Any) -> list[Any]:
        return sorted(real_listdir(*args, **kwargs))

    def scandir(thread: SimThread, *args: Any, **kwargs: Any) -> _Scan:
        with real_scandir(*args, **kwargs) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        return _Scan([_Entry(thread, entry) for entry in entries])

    for name in ("stat", "lstat"):
        dispatch(posix, name, stat_call(getattr(posix, name)))
    dispatch(posix, "listdir", listdir)
    dispatch(posix, "scandir", scandir)
    dispatch(posix, "utime", _utime)
    real_write: Any = posix.write
    real_fstat: Any = posix.fstat

    def write(thread: SimThread, fd: Any, data: Any, /) -> int:
        written: int = real_write(fd, data)
        note_written(thread, fd)
        return written

    def fstat(thread: SimThread, fd: Any) -> os.stat_result:
        found: os.stat_result = real_fstat(fd)
        return shown(thread, found) if isinstance(fd, int) and is_real(fd) else found

    dispatch(posix, "write", write)
    dispatch(posix, "fstat", fstat)
