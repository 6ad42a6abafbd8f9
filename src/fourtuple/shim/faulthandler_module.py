"""Stand-in for ``faulthandler``: tracebacks of a process's own threads, without the simulator's frames.

``dump_traceback`` writes what the C code would. ``enable`` is kept and returned and changes nothing: the
signals of a crash are the interpreter's, which is one for all. Refused (see ``fences``): timers and signals.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from types import FrameType
from typing import Any, Final

from ..runtime.stuck import is_ours
from ..runtime.thread import SimThread
from .patching import dispatch

_MOST: Final = 100
"""Frames, and threads, after which the C code stops."""
_LONGEST: Final = 500
_ENABLED: Final = "faulthandler"


def _descriptor(file: Any) -> int:
    if file is None:
        file = sys.stderr
        if file is None:
            raise RuntimeError("sys.stderr is None")
    if isinstance(file, int):
        if file < 0:
            raise ValueError("file is not a valid file descriptor")
        return file
    number = file.fileno()
    if not isinstance(number, int) or number < 0:
        raise RuntimeError("file.fileno() is not a valid file descriptor")
    file.flush()
    return number


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _frames(frame: FrameType | None) -> list[str]:
    lines: list[str] = []
    while frame is not None:
        if not is_ours(frame):
            if len(lines) == _MOST:
                lines.append("  ...\n")
                break
            code = frame.f_code
            lines.append(
                f'  File "{_cut(code.co_filename)}", line {frame.f_lineno} in {_cut(code.co_name)}\n'
            )
        frame = frame.f_back
    return lines or ["  <no Python frame>\n"]


def _dump_traceback(thread: SimThread, file: Any = None, all_threads: bool = True) -> None:
    fd = _descriptor(file)
    lines: list[str] = []
    if all_threads:
        # The C code begins with the latest.
        for number, each in enumerate(reversed(thread.state.threads())):
            if number:
                lines.append("\n")
            if number == _MOST:
                lines.append("...\n")
                break
            kind = "Current thread" if each is thread else "Thread"
            lines.append(f"{kind} 0x{each.ident:016x} (most recent call first):\n")
            lines += _frames(sys._getframe() if each is thread else each.active.gr_frame)
    else:
        lines = ["Stack (most recent call first):\n", *_frames(sys._getframe())]
    os.write(fd, "".join(lines).encode("ascii", "backslashreplace"))


def _enable(thread: SimThread, file: Any = None, all_threads: bool = True) -> None:
    _descriptor(file)
    thread.state.kept[_ENABLED] = True


def _disable(thread: SimThread) -> bool:
    return bool(thread.state.kept.pop(_ENABLED, False))


def _nothing(thread: SimThread, *args: object) -> bool:
    """There is nothing to take back."""
    return False


def install() -> None:
    dispatch(faulthandler, "dump_traceback", _dump_traceback)
    dispatch(faulthandler, "enable", _enable)
    dispatch(faulthandler, "disable", _disable)
    dispatch(faulthandler, "is_enabled", lambda thread: _ENABLED in thread.state.kept)
    dispatch(faulthandler, "unregister", _nothing)
    dispatch(faulthandler, "cancel_dump_traceback_later", lambda thread: None)
