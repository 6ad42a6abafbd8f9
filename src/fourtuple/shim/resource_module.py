"""The stand-in for ``resource``: the limits of a simulated process.

Implemented: getrlimit, setrlimit, prlimit (of its own and of other simulated pids), getrusage (a simulated
process uses no processor time and no memory of its own, so all is 0). Only RLIMIT_NOFILE acts.
"""

from __future__ import annotations

import resource
from errno import EPERM, ESRCH
from typing import Final

from ..kernel.error import KernelError
from ..kernel.process import CAP_SYS_RESOURCE, Process
from ..runtime.errors import os_error
from ..runtime.thread import SimThread
from .patching import dispatch

_WHO: Final = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN, resource.RUSAGE_THREAD)


def _get(process: Process, number: int) -> tuple[int, int]:
    try:
        return process.limits.get(number)
    except KernelError:
        raise ValueError("invalid resource specified") from None


def _set(process: Process, caller: Process, number: int, limits: tuple[int, int]) -> None:
    soft, hard = limits
    _get(process, number)
    try:
        process.limits.set(number, soft, hard, caller.capable(CAP_SYS_RESOURCE))
    except KernelError as error:
        # CPython's words for what setrlimit(2) answers.
        if error.errno == EPERM:
            raise ValueError("not allowed to raise maximum limit") from None
        raise ValueError("current limit exceeds maximum limit") from None


def _pair(limits: object) -> tuple[int, int]:
    values = tuple(limits)  # type: ignore[arg-type, var-annotated]
    if len(values) != 2:
        raise ValueError("expected a tuple of 2 integers")
    return values[0], values[1]


def _getrlimit(thread: SimThread, number: int, /) -> tuple[int, int]:
    return _get(thread.process, number)


def _setrlimit(thread: SimThread, number: int, limits: object, /) -> None:
    _set(thread.process, thread.process, number, _pair(limits))


def _prlimit(thread: SimThread, pid: int, number: int, limits: object = None, /) -> tuple[int, int]:
    caller = thread.process
    target = caller if pid == 0 else caller.kernel.processes.get(pid)
    if target is None:
        raise os_error(KernelError(ESRCH))
    if target is not caller and target.uid != caller.uid and not caller.capable(CAP_SYS_RESOURCE):
        raise os_error(KernelError(EPERM))
    old = _get(target, number)
    if limits is not None:
        _set(target, caller, number, _pair(limits))
    return old


def _getrusage(thread: SimThread, who: int, /) -> resource.struct_rusage:
    if who not in _WHO:
        raise ValueError("invalid who parameter")
    return resource.struct_rusage((0.0, 0.0, *(0 for _ in range(14))))


def install() -> None:
    """Replace what ``resource`` has."""
    dispatch(resource, "getrlimit", _getrlimit)
    dispatch(resource, "setrlimit", _setrlimit)
    dispatch(resource, "prlimit", _prlimit)
    dispatch(resource, "getrusage", _getrusage)
