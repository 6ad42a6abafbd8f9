"""Stand-in for ``open`` and ``input``.

``open`` of a number is a file object over a descriptor of the simulated process; ``open`` of a path is
the real file, its descriptor moved out of the way. ``input`` talks to the process's own streams.
"""

from __future__ import annotations

import _io
import builtins
import io
import os
import sys
from collections.abc import Callable
from typing import Any, Final

from ..runtime.descriptors import real_descriptors
from ..runtime.guarded_files import GuardedReader, GuardedWriter
from ..runtime.stdio import DescriptorIO
from ..runtime.thread import SimThread
from .descriptor_module import NULL_PATHS, RANDOM_PATHS, open_null, open_random
from .file_times import note_opened
from .foreign_numbers import dispatch_number
from .host_files import open_own
from .patching import dispatch, replace
from .real_files import bad_descriptor, is_real, lift, open_real

_real_open: Final[Callable[..., Any]] = io.open


def _open(
    thread: SimThread,
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Callable[[Any, int], int] | None = None,
) -> Any:
    if isinstance(file, int):
        if is_real(file):
            made = _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
            if closefd:
                real_descriptors.enter_file(made)
            return made
        if not thread.process.fds.has(file):
            raise bad_descriptor()
        return _wrap(thread, file, mode, buffering, encoding, errors, newline, closefd)

    if opener is None and file in NULL_PATHS:
        null = open_null(thread, _flags(mode))
        return _wrap(thread, null, mode, buffering, encoding, errors, newline, True, file)

    if opener is None and file in RANDOM_PATHS:
        device = open_random(thread, _flags(mode))
        return _wrap(thread, device, mode, buffering, encoding, errors, newline, True, file)

    def opened(path: Any, flags: int) -> int:
        if opener is not None:
            fd = opener(path, flags)
        elif (own := open_own(thread, path, flags)) >= 0:
            return own
        else:
            fd = open_real(path, flags, 0o666)
            note_opened(thread, fd, flags)
        return fd if is_real(fd) else lift(fd)

    made = _real_open(file, mode, buffering, encoding, errors, newline, closefd, opened)
    real_descriptors.enter_file(made)
    return made


def _flags(mode: str) -> int:
    """The access mode open(2) gets for ``mode``, if that is one."""
    if "+" in mode:
        return os.O_RDWR
    return os.O_RDONLY if "r" in mode else os.O_WRONLY


def _wrap(
    thread: SimThread,
    fd: int,
    mode: str,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
    closefd: bool,
    name: Any = None,
) -> Any:
    """The layers of ``io.open`` over a simulated descriptor, opened by ``name`` if given."""
    kinds = [kind for kind in "rwxa" if kind in mode]
    text = "b" not in mode
    if set(mode) - set("rwxabt+") or len(mode) > len(set(mode)) or ("b" in mode and "t" in mode):
        raise ValueError(f"invalid mode: {mode!r}")
    if len(kinds) != 1:
        raise ValueError("must have exactly one of create/read/write/append mode")
    if not text and (encoding is not None or errors is not None or newline is not None):
        raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
    if text and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    updating = "+" in mode
    raw_mode = kinds[0] + "b" + ("+" if updating else "")
    raw = DescriptorIO(thread.process, fd, raw_mode, closefd)
    if name is not None:
        raw.name = name
    if buffering == 0:
        return raw
    size = io.DEFAULT_BUFFER_SIZE if buffering in (-1, 1) else buffering
    buffer: Any
    if updating:
        buffer = io.BufferedRandom(raw, size) if raw.seekable() else None
        if buffer is None:
            raise io.UnsupportedOperation("File or stream is not seekable.")
    elif kinds == ["r"]:
        buffer = GuardedReader(raw, size)
    else:
        buffer = GuardedWriter(raw, size)
    if not text:
        return buffer
    line_buffering = buffering == 1 or (buffering == -1 and raw.isatty())
    wrapper = io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering)
    vars(wrapper)["mode"] = mode
    return wrapper


def _input(thread: SimThread, prompt: object = "", /) -> str:
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name, None) is None:
            raise RuntimeError(f"input(): lost sys.{name}")
    sys.stderr.flush()
    sys.stdout.write(str(prompt))
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError("EOF when reading a line")
    return line[:-1] if line.endswith("\n") else line


def install() -> None:
    dispatch_number(builtins, "open", _open)
    replace(io, "open", builtins.open)
    replace(_io, "open", builtins.open)
    dispatch(builtins, "input", _input)
