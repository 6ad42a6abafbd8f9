"""Functions of a program that OpenSSL calls in the middle of its work: what they do stays theirs.

OpenSSL keeps a queue of errors for each thread of the OS, which simulated threads have in common, and asks
it whether a call has failed. Such a function may block, and then other threads' TLS goes on: so the
queue is put away while it runs, and is back when OpenSSL goes on.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
from collections.abc import Callable
from typing import Any, Final

from ..runtime.thread import current_thread
from .patching import replace_in_type

# ERR_GET_LIB and ERR_GET_REASON of OpenSSL 3's openssl/err.h.
_SYSTEM_FLAG: Final = 0x80000000
_LIBRARY_OF_SYSTEM: Final = 2
_LIBRARY_SHIFT: Final = 23
_LIBRARY_MASK: Final = 0xFF
_REASON_MASK: Final = 0x7FFFFF

# Those of `_ssl._SSLContext`, as attributes and as methods that set them (3.13).
_ATTRIBUTES: Final = ("_msg_callback", "sni_callback")
_SETTERS: Final = ("set_psk_client_callback", "set_psk_server_callback")


class ErrorQueue:
    """The error queue of this thread of the OS. ``reachable`` is False if OpenSSL is none of 3.x, or is
    linked into the interpreter; then the queue is left as it is."""

    def __init__(self, module: Any) -> None:
        handle = ctypes.CDLL(getattr(module, "__file__", None))
        self.reachable = False
        try:
            self._get, self._new, self._set = handle.ERR_get_error, handle.ERR_new, handle.ERR_set_error
        except AttributeError:
            return
        self._get.restype = ctypes.c_ulong
        self._new.restype = self._set.restype = None
        self._set.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p]
        self.reachable = True

    def take(self) -> list[int]:
        """Its codes, the oldest first; it is empty then."""
        codes = []
        while code := self._get():
            codes.append(code)
        return codes

    def put(self, codes: list[int]) -> None:
        """Have only ``codes`` in it."""
        self.take()
        for code in codes:
            if code & _SYSTEM_FLAG:
                library, reason = _LIBRARY_OF_SYSTEM, code & ~_SYSTEM_FLAG
            else:
                library, reason = code >> _LIBRARY_SHIFT & _LIBRARY_MASK, code & _REASON_MASK
            self._new()
            self._set(library, reason, None)


class Guarded:
    """``function`` as OpenSSL is to call it."""

    def __init__(self, function: Callable[..., Any], queue: ErrorQueue) -> None:
        self.function = function
        self._queue = queue

    def __call__(self, *args: Any) -> Any:
        if current_thread() is None:
            return self.function(*args)
        codes = self._queue.take()
        try:
            return self.function(*args)
        finally:
            self._queue.put(codes)


def install() -> None:
    try:
        module = importlib.import_module("_ssl")
    except ImportError:
        # A Python without OpenSSL.
        return
    queue = ErrorQueue(module)
    if not queue.reachable:
        return
    owner: Any = vars(module)["_SSLContext"]
    for name in _ATTRIBUTES:
        replace_in_type(owner, name, _attribute(owner.__dict__[name], queue))
    for name in _SETTERS:
        if name in owner.__dict__:
            replace_in_type(owner, name, _setter(owner.__dict__[name], queue))


def _attribute(real: Any, queue: ErrorQueue) -> property:
    def get(context: Any) -> Any:
        found = real.__get__(context)
        return found.function if isinstance(found, Guarded) else found

    def put(context: Any, value: Any) -> None:
        real.__set__(context, Guarded(value, queue) if callable(value) else value)

    return property(get, put, doc=real.__doc__)


def _setter(real: Any, queue: ErrorQueue) -> Callable[..., Any]:
    @functools.wraps(real)
    def put(context: Any, callback: Any = None, *rest: Any, **more: Any) -> Any:
        return real(context, Guarded(callback, queue) if callable(callback) else callback, *rest, **more)

    return put
