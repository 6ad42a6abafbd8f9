"""Stand-in for the calls of ``os`` and ``open`` on /proc, /sys/class/net, /dev/std*, cubic's parameters
and what tells machines apart.

``open``, ``os.open``, ``stat``, ``lstat``, ``access``, ``listdir``, ``scandir`` and ``readlink`` see
there what ``procfs`` says of the simulated host. Nothing there can be written; settings are changed through
``host.sysctl``. Of ``/proc/sys``, ``net`` and the host's name are simulated; the rest is the machine's.
"""

from __future__ import annotations

import builtins
import io
import os
import posix
import posixpath
import stat
import sys
from collections.abc import Callable, Iterator
from errno import EINVAL, EISDIR, ENOENT, ENOTDIR
from typing import Any, Final, Self

from ..kernel.process import Process
from ..runtime.thread import SimThread
from . import procfs
from .host_identity import MACHINE_ID_PATHS, dmi, kernel_setting, machine_id
from .patching import dispatch, replace
from .real_files import REAL_BASE, lift
from .refusal import refuse
from .wait_module import open_pidfd

_STREAMS: Final = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_PLACES: Final = (
    *("/proc", "/sys/class/net", "/sys/class/dmi", "/sys/devices/virtual/dmi", "/sys/module/tcp_cubic"),
    *("/dev/std", "/dev/fd", *MACHINE_ID_PATHS),
)
_real_memfd: Final[Callable[[str], int]] = os.memfd_create


class Entry:
    """Something below one of those directories: a file with ``text``, a directory with ``names``, or a
    symbolic link to ``target``, which is the descriptor ``fd`` of the process if that is not -1."""

    def __init__(
        self, text: str | None = None, names: list[str] | None = None, target: str = "", fd: int = -1
    ) -> None:
        self.text = text
        self.names = names
        self.target = target
        self.fd = fd
        self.process: Process | None = None
        """Whose own directory it is; a descriptor of that is one of the process (pidfd_send_signal(2))."""

    def mode(self) -> int:
        if self.text is not None:
            return stat.S_IFREG | 0o444
        if self.names is not None:
            return stat.S_IFDIR | 0o555
        return stat.S_IFLNK | 0o777


_MISSING: Final = Entry()


def find(thread: SimThread, path: object) -> Entry | None:
    """What is at ``path``, None if that is not ours to say."""
    if isinstance(path, str):
        text = path
    elif isinstance(path, bytes | os.PathLike):
        text = os.fsdecode(path)
    else:
        return None
    if not text.startswith(_PLACES):
        return None
    text = posixpath.normpath(text)
    parts = text.split("/")[1:]
    if text in _STREAMS:
        return _descriptor(thread.process, str(_STREAMS[text]))
    if parts[:2] == ["dev", "fd"]:
        return _of_process(thread, thread.process, ["fd", *parts[2:]])
    if text in MACHINE_ID_PATHS:
        return Entry(machine_id(thread))
    if parts[:3] == ["sys", "class", "dmi"] or parts[:4] == ["sys", "devices", "virtual", "dmi"]:
        return _product(thread, parts[3 if parts[1] == "class" else 4 :])
    if parts[:3] == ["sys", "class", "net"]:
        return _interface(thread, parts[3:])
    if parts[:3] == ["sys", "module", "tcp_cubic"]:
        return _parameter(thread, parts[2:])
    if parts[0] == "proc":
        return _proc(thread, parts[1:])
    return None


def _proc(thread: SimThread, parts: list[str]) -> Entry | None:
    kernel = thread.process.kernel
    if not parts:
        pids = [str(pid) for pid in kernel.processes]
        return Entry(names=[*pids, "self", "thread-self", "net", "sys", *procfs.TOP, *sorted(procfs.MACHINE)])
    first, rest = parts[0], parts[1:]
    if first in ("self", "thread-self", "net"):
        pid = str(thread.process.pid)
        target = {"net": "self/net", "self": pid, "thread-self": f"{pid}/task/{pid}"}[first]
        return _proc(thread, [*target.split("/"), *rest]) if rest else Entry(target=target)
    if first == "sys":
        return _setting(thread, rest)
    if first.isdecimal():
        process = kernel.processes.get(int(first))
        return _MISSING if process is None else _of_process(thread, process, rest)
    if first in procfs.TOP and not rest:
        return Entry(procfs.TOP[first](thread.state))
    return None if first in procfs.MACHINE else _MISSING


def _of_process(thread: SimThread, process: Process, parts: list[str]) -> Entry | None:
    if not parts:
        own = Entry(names=[*procfs.OF_PROCESS, "cwd", "exe", "fd", "net", "root", "task"])
        own.process = process
        return own
    first, rest = parts[0], parts[1:]
    if first == "task":
        threads = thread.scheduler.threads_of(process)
        tids = [str(each.native_id or process.pid) for each in threads] or [str(process.pid)]
        if not rest:
            return Entry(names=list(dict.fromkeys(tids)))
        return _of_process(thread, process, rest[1:]) if rest[0] in tids else _MISSING
    if first == "fd":
        if not rest:
            return Entry(names=[str(fd) for fd, _ in process.fds.items()])
        return _descriptor(process, rest[0])
    if first == "net":
        if not rest:
            return Entry(names=list(procfs.NET))
        return Entry(procfs.NET[rest[0]](thread.state)) if rest[0] in procfs.NET else _MISSING
    if not rest and first in ("cwd", "exe", "root"):
        return Entry(target={"cwd": process.cwd, "exe": sys.executable, "root": "/"}[first])
    if first in procfs.OF_PROCESS and not rest:
        return Entry(procfs.OF_PROCESS[first](thread.state, process))
    return _MISSING


def _descriptor(process: Process, number: str) -> Entry | None:
    if not number.isdecimal():
        return _MISSING
    fd = int(number)
    if process.fds.has(fd):
        return Entry(target=process.fds.get(fd).describe(), fd=fd)
    # A real file a program opened.
    return None if fd >= REAL_BASE else _MISSING


def _setting(thread: SimThread, parts: list[str]) -> Entry | None:
    kernel = thread.process.kernel
    if parts[:1] == ["kernel"]:
        text = kernel_setting(thread, parts[1:])
        return None if text is None else Entry(text)
    if not parts or parts[0] != "net":
        return None
    name = ".".join(parts)
    names = kernel.stack.sysctl.names()
    if name in names:
        return Entry(f"{kernel.stack.sysctl.get(name)}\n")
    below = [each[len(name) + 1 :].partition(".")[0] for each in names if each.startswith(name + ".")]
    return Entry(names=list(dict.fromkeys(below))) if below else _MISSING


def _parameter(thread: SimThread, parts: list[str]) -> Entry | None:
    """A parameter of a module, ``[module, "parameters", name]``."""
    sysctl = thread.process.kernel.stack.sysctl
    known = [name.partition(".")[2] for name in sysctl.names() if name.startswith(f"{parts[0]}.")]
    if len(parts) == 1:
        return Entry(names=["parameters"])
    if parts[1] != "parameters" or len(parts) > 3:
        return _MISSING
    if len(parts) == 2:
        return Entry(names=known)
    return Entry(f"{sysctl.get(f'{parts[0]}.{parts[2]}')}\n") if parts[2] in known else _MISSING


def _product(thread: SimThread, parts: list[str]) -> Entry:
    found = dmi(thread, parts)
    if found is None:
        return _MISSING
    return Entry(found) if isinstance(found, str) else Entry(names=found)


def _interface(thread: SimThread, parts: list[str]) -> Entry:
    stack = thread.process.kernel.stack
    if not parts:
        return Entry(names=[interface.name for interface in stack.interfaces])
    interface = stack.interface_named(parts[0])
    if interface is None:
        return _MISSING
    if len(parts) == 1:
        return Entry(names=sorted([*procfs.OF_INTERFACE, "statistics"]))
    if parts[1] == "statistics":
        if len(parts) == 2:
            return Entry(names=list(procfs.STATISTICS))
        counter = procfs.STATISTICS.get(parts[2])
        return _MISSING if counter is None or len(parts) > 3 else Entry(f"{counter(interface)}\n")
    if len(parts) > 2:
        return _MISSING
    read = procfs.OF_INTERFACE.get(parts[1])
    return _MISSING if read is None else Entry(read(interface) + "\n")


# The calls


def _error(number: int, path: object) -> OSError:
    return OSError(number, os.strerror(number), os.fsdecode(path) if isinstance(path, bytes) else path)


def _there(thread: SimThread, path: Any) -> Entry | None:
    found = find(thread, path)
    if found is _MISSING:
        raise _error(ENOENT, path)
    return found


def _followed(path: Any, entry: Entry) -> str:
    """Where the link at ``path`` leads."""
    return posixpath.join(posixpath.dirname(os.fsdecode(path)), entry.target)


def open_text(path: Any, entry: Entry, flags: int) -> int:
    """A real descriptor that reads what ``entry`` says. Raises OSError."""
    if entry.names is not None:
        raise _error(EISDIR if flags & os.O_ACCMODE else EINVAL, path)
    if flags & os.O_ACCMODE:
        setting = posixpath.normpath(os.fsdecode(path)).startswith(("/proc/sys/net/", "/sys/module/"))
        instead = "set host.sysctl[…] outside of the program" if setting else "it says what the host is"
        refuse(f"writing to {os.fsdecode(path)}", instead)
    fd = lift(_real_memfd("proc"))
    assert entry.text is not None
    os.write(fd, entry.text.encode("utf-8", "surrogateescape"))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _on_path(name: str, inside: Callable[..., Any]) -> None:
    """Replace ``os.name``: ``inside(thread, entry, path, …)`` is called for what is ours."""
    before: Any = getattr(posix, name)

    def call(thread: SimThread, path: Any = ".", *args: Any, **kwargs: Any) -> Any:
        entry = _there(thread, path)
        if entry is None:
            return before(path, *args, **kwargs)
        return inside(thread, entry, path, *args, **kwargs)

    dispatch(posix, name, call)


def _os_open(thread: SimThread, entry: Entry, path: Any, flags: int, *rest: Any, **options: Any) -> int:
    if entry.fd >= 0:
        return os.dup(entry.fd)
    if entry.target:
        return os.open(_followed(path, entry), flags, *rest, **options)
    if entry.process is not None and flags & (os.O_DIRECTORY | os.O_ACCMODE) == os.O_DIRECTORY:
        return open_pidfd(thread, entry.process, 0)
    return open_text(path, entry, flags)


def _stat(thread: SimThread, entry: Entry, path: Any, *, follow_symlinks: bool = True, **options: Any) -> Any:
    if follow_symlinks and entry.fd >= 0:
        return os.fstat(entry.fd)
    if follow_symlinks and entry.target:
        return os.stat(_followed(path, entry))
    return _status(thread, entry)


def _lstat(thread: SimThread, entry: Entry, path: Any, **options: Any) -> Any:
    return _status(thread, entry)


def _status(thread: SimThread, entry: Entry) -> os.stat_result:
    now = thread.process.kernel.epoch_ns // 1_000_000_000
    return os.stat_result((entry.mode(), 1, 0, 1, 0, 0, 0, now, now, now))


def _access(thread: SimThread, entry: Entry, path: Any, mode: int, **options: Any) -> bool:
    return not mode & os.W_OK or entry.fd >= 0


def _listdir(thread: SimThread, entry: Entry, path: Any) -> list[Any]:
    if entry.names is None:
        if entry.target and entry.fd < 0:
            return os.listdir(_followed(path, entry))
        raise _error(ENOTDIR, path)
    if isinstance(path, bytes):
        return [os.fsencode(name) for name in entry.names]
    return list(entry.names)


def _readlink(thread: SimThread, entry: Entry, path: Any, **options: Any) -> Any:
    if not entry.target:
        raise _error(EINVAL, path)
    return os.fsencode(entry.target) if isinstance(path, bytes) else entry.target


class _DirEntry:
    """os.DirEntry of one of ours."""

    def __init__(self, directory: Any, name: Any) -> None:
        self.name = name
        self.path = os.path.join(directory, name)

    def __fspath__(self) -> Any:
        return self.path

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat(self.path, follow_symlinks=follow_symlinks)

    def inode(self) -> int:
        return self.stat(follow_symlinks=False).st_ino

    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self.stat(follow_symlinks=False).st_mode)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISDIR(self.stat(follow_symlinks=follow_symlinks).st_mode)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISREG(self.stat(follow_symlinks=follow_symlinks).st_mode)

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class _Scan:
    """What os.scandir() returns."""

    def __init__(self, entries: list[_DirEntry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[_DirEntry]:
        return self._entries

    def __next__(self) -> _DirEntry:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def _scandir(thread: SimThread, entry: Entry, path: Any = ".") -> _Scan:
    directory = os.fspath(path)
    return _Scan([_DirEntry(directory, name) for name in _listdir(thread, entry, path)])


def _install_open() -> None:
    before: Any = builtins.open

    def inside(thread: SimThread, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        entry = None if isinstance(file, int) else _there(thread, file)
        if entry is None:
            return before(file, mode, *args, **kwargs)
        if entry.fd >= 0:
            return before(os.dup(entry.fd), mode, *args, **kwargs)
        if entry.target:
            return before(_followed(file, entry), mode, *args, **kwargs)
        if entry.names is not None:
            raise _error(EISDIR, file)

        def opener(path: Any, flags: int) -> int:
            return open_text(path, entry, flags)

        return before(file, mode, *args, **{**kwargs, "opener": opener})

    dispatch(builtins, "open", inside)
    replace(io, "open", builtins.open)
    replace(sys.modules["_io"], "open", builtins.open)


def install() -> None:
    for name, inside in (
        ("open", _os_open),
        ("stat", _stat),
        ("lstat", _lstat),
        ("access", _access),
        ("listdir", _listdir),
        ("scandir", _scandir),
        ("readlink", _readlink),
    ):
        _on_path(name, inside)
    _install_open()
