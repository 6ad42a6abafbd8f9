"""Memory a program points at in a system call's argument (struct sock_fprog has a pointer)."""

from __future__ import annotations

import ctypes
import struct
from errno import EFAULT, EINVAL, ENOSYS, EPERM
from typing import Any, Final

from ..kernel.error import KernelError
from ..stack.bpf import BPF_MAXINSNS
from ..stack.bpf_check import INSTRUCTION_LENGTH
from .locks import call_outside

_libc: Final[Any] = ctypes.CDLL(None, use_errno=True)
_read: Final = getattr(_libc, "process_vm_readv", None)

_FPROG: Final = struct.Struct("@HP")


class _Range(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def filter_instructions(value: bytes) -> bytes:
    """The instructions a struct sock_fprog points to.

    Raises KernelError: EINVAL if it is none or their number is not 1 to 4096, EFAULT if they are not in
    memory.
    """
    if len(value) != _FPROG.size:
        raise KernelError(EINVAL, "not a struct sock_fprog")
    count, address = _FPROG.unpack(value)
    if address == 0 or not 0 < count <= BPF_MAXINSNS:
        raise KernelError(EINVAL, f"{count} instructions at {address:#x}")
    return read_memory(address, count * INSTRUCTION_LENGTH)


def read_memory(address: int, length: int) -> bytes:
    """``length`` bytes of this interpreter's memory. Raises KernelError: EFAULT if they are not there."""
    if _read is None:
        return ctypes.string_at(address, length)
    buffer = ctypes.create_string_buffer(length)
    local = _Range(ctypes.cast(buffer, ctypes.c_void_p), length)
    remote = _Range(address, length)
    done = _read(call_outside(_libc.getpid), ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    if done == length:
        return buffer.raw
    if done < 0 and ctypes.get_errno() in (EPERM, ENOSYS):
        # A sandbox forbids to ask: trust the program, as it must be trusted with ctypes anyway.
        return ctypes.string_at(address, length)
    raise KernelError(EFAULT)
