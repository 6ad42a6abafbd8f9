"""Stand-in for the calls of ``os`` on paths, where the path is that of a unix socket.

The file system is the real one, but the nodes that binding a unix socket makes are the simulated host's.
A path that has such a node is that node, for stat, unlink, rename, chmod, chown and access; any other
is what it is in the real file system. Nodes are not listed by ``os.listdir`` and the like.
"""

from __future__ import annotations

import os
import posix
import stat
from collections.abc import Callable
from errno import EPERM
from typing import Any, Final

from ..kernel.process import Process
from ..kernel.unix_names import SocketNode
from ..runtime.thread import SimThread
from .patching import dispatch
from .real_files import bad_descriptor, is_real
from .refusal import refuse


def find_node(process: Process, path: Any) -> SocketNode | None:
    """The socket node at ``path``; None also for what is no path."""
    if isinstance(path, int):
        return None
    try:
        return process.kernel.unix.node(os.fsencode(path), process)
    except TypeError:
        # The real call says what is wrong with it.
        return None


def _on_path(name: str, of_node: Callable[..., Any]) -> None:
    """Replace ``os.name``; ``of_node(process, node, …)`` is called if its first argument is a node's."""
    real: Any = getattr(posix, name, None)

    def inside(thread: SimThread, path: Any = None, *args: Any, **kwargs: Any) -> Any:
        if path is None and "path" in kwargs:
            path = kwargs.pop("path")
        if not thread.process.kernel.unix.nodes():
            return real(path, *args, **kwargs)
        node = find_node(thread.process, path)
        if node is None:
            return real(path, *args, **kwargs)
        return of_node(thread.process, node, *args, **kwargs)

    dispatch(posix, name, inside)


def _not_owner() -> OSError:
    return PermissionError(EPERM, os.strerror(EPERM))


def _stat(process: Process, node: SocketNode, **options: object) -> os.stat_result:
    mode = stat.S_IFSOCK | node.mode
    now = process.kernel.epoch_ns // 1_000_000_000
    return os.stat_result((mode, node.ino, 0, 1, node.uid, node.gid, 0, now, now, now))


def _unlink(process: Process, node: SocketNode, **options: object) -> None:
    process.kernel.unix.unlink(node.path, process)


def _rename(process: Process, node: SocketNode, target: Any, **options: object) -> None:
    process.kernel.unix.rename(node.path, os.fsencode(target), process)


def _chmod(process: Process, node: SocketNode, mode: int, **options: object) -> None:
    if process.uid not in (0, node.uid):
        raise _not_owner()
    node.mode = mode & 0o7777


def _chown(process: Process, node: SocketNode, uid: int, gid: int, **options: object) -> None:
    if process.uid != 0:
        raise _not_owner()
    node.uid = node.uid if uid == -1 else uid
    node.gid = node.gid if gid == -1 else gid


def _access(process: Process, node: SocketNode, mode: int, **options: object) -> bool:
    if process.uid == 0:
        return mode & os.X_OK == 0 or node.mode & 0o111 != 0
    shift = 6 if process.uid == node.uid else 3 if process.gid == node.gid else 0
    return node.mode >> shift & mode == mode


def _of_number(name: str) -> None:
    """``os.name`` also takes a descriptor for a path: then it is one of the process."""
    real: Any = getattr(posix, name, None)

    def inside(thread: SimThread, path: Any = None, *args: Any, **kwargs: Any) -> Any:
        if path is None and "path" in kwargs:
            path = kwargs.pop("path")
        if not isinstance(path, int):
            return real(*(() if path is None else (path,)), *args, **kwargs)
        if is_real(path):
            return real(path, *args, **kwargs)
        if name == "stat":
            return posix.fstat(path)
        if not thread.process.fds.has(path):
            raise bad_descriptor()
        return refuse(f"os.{name} of a simulated descriptor", "it has no file in the file system")

    if real is not None:
        dispatch(posix, name, inside)


_TAKE_NUMBERS: Final = (
    *("stat", "chmod", "chown", "truncate", "utime", "listdir", "scandir", "statvfs", "pathconf"),
    *("getxattr", "setxattr", "listxattr", "removexattr"),
)


def _on_real(name: str) -> None:
    """``os.name`` is the machine's, for whoever is not killed."""
    real: Any = getattr(posix, name)
    dispatch(posix, name, lambda thread, *args, **kwargs: real(*args, **kwargs))


# A disk of 128 GiB in blocks of 4 KiB, half of it in use; what others write to the machine's is none of a
# run's business.
_BLOCK: Final = 4096
_BLOCKS: Final = 1 << 25
_FILES: Final = 1 << 23


def _disk(name: str) -> None:
    real: Any = getattr(posix, name)

    def inside(thread: SimThread, *args: Any, **kwargs: Any) -> os.statvfs_result:
        found = real(*args, **kwargs)
        blocks, files = (_BLOCKS, _BLOCKS // 2, _BLOCKS // 2), (_FILES, _FILES // 2, _FILES // 2)
        return os.statvfs_result((_BLOCK, _BLOCK, *blocks, *files, found.f_flag, found.f_namemax, 0))

    dispatch(posix, name, inside)


def install() -> None:
    for name in ("link", "mkdir", "rmdir", "symlink"):
        _on_real(name)
    for name in _TAKE_NUMBERS:
        _of_number(name)
    for name in ("statvfs", "fstatvfs"):
        _disk(name)
    for name, of_node in (
        ("stat", _stat),
        ("lstat", _stat),
        ("unlink", _unlink),
        ("remove", _unlink),
        ("rename", _rename),
        ("replace", _rename),
        ("chmod", _chmod),
        ("chown", _chown),
        ("lchown", _chown),
        ("access", _access),
    ):
        _on_path(name, of_node)
