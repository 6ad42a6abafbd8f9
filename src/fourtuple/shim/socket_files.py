"""``socket.makefile`` of a simulated process: file objects its threads may share."""

from __future__ import annotations

import io
import socket
from typing import Any, Final

from ..runtime.guarded_files import GuardedPair, GuardedReader, GuardedWriter
from ..runtime.thread import SimThread
from .patching import dispatch_method

_real: Final[Any] = socket.socket.makefile


def _makefile(
    thread: SimThread,
    sock: socket.socket,
    mode: str = "r",
    buffering: int | None = None,
    *,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
) -> Any:
    if buffering == 0:
        return _real(sock, mode, 0, encoding=encoding, errors=errors, newline=newline)
    text = "b" not in mode
    raw = _real(sock, mode + "b" if text else mode, 0)
    size = io.DEFAULT_BUFFER_SIZE if buffering is None or buffering < 0 else buffering
    buffer: Any
    if "w" not in mode:
        buffer = GuardedReader(raw, size)
    elif "r" not in mode:
        buffer = GuardedWriter(raw, size)
    else:
        buffer = GuardedPair(raw, raw, size)
    if not text:
        return buffer
    wrapper = io.TextIOWrapper(buffer, io.text_encoding(encoding), errors, newline)
    vars(wrapper)["mode"] = mode
    return wrapper


def install() -> None:
    dispatch_method(socket.socket, "makefile", _makefile)
