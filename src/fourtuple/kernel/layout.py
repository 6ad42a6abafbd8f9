"""Data structures of socket options and control messages, in Linux's x86-64 layout."""

from __future__ import annotations

from errno import EINVAL
from struct import Struct
from typing import Final

from .error import KernelError

_INT: Final = Struct("<i")
_TWO_INTS: Final = Struct("<ii")
_TIMEVAL: Final = Struct("<qq")


def pack_int(value: int) -> bytes:
    """A C int."""
    value &= 0xFFFFFFFF
    return value.to_bytes(4, "little")


def read_int(value: bytes) -> int:
    """The C int at the start of ``value``. Raises EINVAL if it is shorter."""
    if len(value) < 4:
        raise KernelError(EINVAL, "option value too short")
    number: int = _INT.unpack_from(value)[0]
    return number


def pack_linger(on: bool, seconds: int) -> bytes:
    """struct linger."""
    return _TWO_INTS.pack(1 if on else 0, seconds)


def read_two_ints(value: bytes) -> tuple[int, int]:
    """Two C ints. Raises EINVAL if the value is shorter."""
    if len(value) < 8:
        raise KernelError(EINVAL, "option value too short")
    first, second = _TWO_INTS.unpack_from(value)
    return first, second


def pack_timeval(seconds: int, microseconds: int) -> bytes:
    """struct timeval, 64-bit."""
    return _TIMEVAL.pack(seconds, microseconds)


def read_timeval(value: bytes) -> tuple[int, int]:
    """Seconds and microseconds. Raises EINVAL if the value is shorter."""
    if len(value) < 16:
        raise KernelError(EINVAL, "option value too short")
    seconds, microseconds = _TIMEVAL.unpack_from(value)
    return seconds, microseconds


def pack_ucred(pid: int, uid: int, gid: int) -> bytes:
    """struct ucred; -1 for no such user or group."""
    return pack_int(pid) + pack_int(uid) + pack_int(gid)


def read_ucred(value: bytes) -> tuple[int, int, int]:
    """pid, uid and gid. Raises EINVAL if the value is not a struct ucred."""
    if len(value) != 12:
        raise KernelError(EINVAL, "not a struct ucred")
    return (
        int.from_bytes(value[:4], "little", signed=True),
        int.from_bytes(value[4:8], "little"),
        int.from_bytes(value[8:], "little"),
    )
