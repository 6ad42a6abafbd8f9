"""Stand-in for functions of the C library that programs call through ``ctypes``.

Implemented: ``getifaddrs`` and ``freeifaddrs`` (what ifaddr and its like stand on), ``if_nametoindex``,
``gethostname``, ``getpid``, ``getppid``, ``getuid`` and its like, ``gettid``, ``pthread_self``,
``pthread_setname_np``, and the interpreter's ``PyThreadState_SetAsyncExc``; and
``ctypes.util.find_library``, which asks the machine.
Refused by name: whatever else would open a socket, sleep, read a clock, fork or run a command. Every other
function, and all of them outside, are the real ones.
"""

from __future__ import annotations

import _ctypes
import ctypes
import ctypes.util
import functools
import os
import socket
import threading
from collections.abc import Callable
from errno import ENODEV
from typing import Any, Final

from ..kernel.netdevice import interface_flags, link_address, sockaddr_in, sockaddr_in6
from ..runtime.thread import SimThread, current_thread
from ..stack.interface import Interface
from ..wire.address import is_v4, prefix_mask
from .locks import call_outside
from .patching import dispatch, replace
from .refusal import refuse

_REFUSED: Final = {
    **dict.fromkeys(
        (
            *("socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown"),
            *("send", "sendto", "sendmsg", "sendmmsg", "recv", "recvfrom", "recvmsg", "recvmmsg"),
            *("getsockopt", "setsockopt", "getsockname", "getpeername"),
        ),
        "use the module socket",
    ),
    **dict.fromkeys(("getaddrinfo", "gethostbyname", "gethostbyaddr"), "use socket.getaddrinfo"),
    **dict.fromkeys(("poll", "ppoll", "select", "pselect", "epoll_create", "epoll_wait"), "use select"),
    **dict.fromkeys(("sleep", "usleep", "nanosleep", "clock_nanosleep"), "use time.sleep"),
    **dict.fromkeys(("time", "gettimeofday", "clock_gettime", "clock_settime"), "use time"),
    **dict.fromkeys(("getrandom", "getentropy", "arc4random"), "use os.urandom"),
    **dict.fromkeys(("kill", "raise", "signal", "sigaction", "alarm", "setitimer", "pause"), "use signal"),
    **dict.fromkeys(("_exit", "exit", "abort"), "use sys.exit or os._exit"),
    **dict.fromkeys(("fork", "vfork", "clone", "system", "popen", "execv", "execve"), "use subprocess"),
    **dict.fromkeys(("execl", "execlp", "execle", "execvp", "execvpe", "fexecve"), "use subprocess"),
    **dict.fromkeys(("posix_spawn", "posix_spawnp", "wait", "waitpid", "wait4", "waitid"), "use subprocess"),
    **dict.fromkeys(
        (
            *("open", "open64", "openat", "creat", "close", "dup", "dup2", "dup3", "fcntl", "lseek"),
            *("read", "write", "pread", "pwrite", "readv", "writev", "sendfile", "splice", "ftruncate"),
            *("close_range", "closefrom", "inotify_init", "inotify_init1", "fanotify_init"),
        ),
        "use open() or what os has for it: C's descriptors are the machine's",
    ),
    **dict.fromkeys(
        (
            *("setuid", "setgid", "seteuid", "setegid", "setreuid", "setregid", "setresuid", "setresgid"),
            *("setgroups", "initgroups", "setsid", "setpgid", "chdir", "fchdir", "umask", "nice", "setenv"),
            *("putenv", "unsetenv", "setrlimit", "prlimit", "sethostname", "chroot", "mount", "umount"),
        ),
        "use os, which sets it for the simulated process alone",
    ),
    **dict.fromkeys(
        ("prctl", "ptrace", "personality", "sched_setaffinity", "mlockall"), "the OS process is one for all"
    ),
    **dict.fromkeys(("rand", "srand", "random", "srandom", "drand48", "lrand48", "mrand48"), "use random"),
    **dict.fromkeys(("clock", "times", "ftime", "clock_getres"), "use time"),
    **dict.fromkeys(("timer_create", "timer_settime", "ualarm", "sigwait", "sigtimedwait"), "use signal"),
    **dict.fromkeys(
        ("gethostbyname2", "gethostbyname_r", "gethostbyaddr_r", "getnameinfo", "res_query", "res_search"),
        "use socket.getaddrinfo, or dnspython",
    ),
    **dict.fromkeys(("pipe", "pipe2", "eventfd", "timerfd_create", "signalfd"), "use os or select"),
    **dict.fromkeys(("unshare", "setns", "syscall", "ioctl"), "use what os, fcntl and socket have for it"),
    **dict.fromkeys(
        ("printf", "puts", "putchar", "perror", "dprintf", "gets", "getchar"), "use print and input"
    ),
    **dict.fromkeys(
        ("fopen", "fopen64", "freopen", "fdopen", "memfd_create", "shm_open", "sem_open", "mq_open"),
        "use open(), mmap or multiprocessing",
    ),
    **dict.fromkeys(("pidfd_open", "pidfd_send_signal", "copy_file_range", "getrusage", "uname"), "use os"),
    **dict.fromkeys(("pthread_create", "pthread_kill", "pthread_cancel"), "use threading and signal"),
}

_real_library: Final[Any] = ctypes.CDLL
_real_pointer: Final[Any] = _ctypes.CFuncPtr


class _IfAddrs(ctypes.Structure):
    """struct ifaddrs of <ifaddrs.h>."""


_IfAddrs._fields_ = [
    ("ifa_next", ctypes.c_void_p),
    ("ifa_name", ctypes.c_char_p),
    ("ifa_flags", ctypes.c_uint),
    ("ifa_addr", ctypes.c_void_p),
    ("ifa_netmask", ctypes.c_void_p),
    ("ifa_broadaddr", ctypes.c_void_p),
    ("ifa_data", ctypes.c_void_p),
]

# What a program was given and has not freed, by the address of the first record.
_given: dict[int, list[Any]] = {}


def _getifaddrs(thread: SimThread, pointer: Any) -> int:
    """As glibc lists them: a packet address of every interface, then their IPv4, then IPv6 ones."""
    interfaces = thread.process.kernel.stack.interfaces
    rows: list[tuple[Interface, bytes, bytes, bytes]] = [
        (each, link_address(each, False), b"", link_address(each, True)) for each in interfaces
    ]
    for wants_v4 in (True, False):
        for each in interfaces:
            for address, length in each.addresses:
                if is_v4(address) is not wants_v4:
                    continue
                rows.append((each, *_addresses(each, address, length)))
    kept: list[Any] = []
    first = following = 0
    for interface, own, mask, broadcast in reversed(rows):
        record = _IfAddrs()
        record.ifa_next = following or None
        name = ctypes.create_string_buffer(interface.name.encode())
        record.ifa_name = ctypes.cast(name, ctypes.c_char_p)
        record.ifa_flags = interface_flags(interface)
        kept += [record, name]
        for field, data in (("ifa_addr", own), ("ifa_netmask", mask), ("ifa_broadaddr", broadcast)):
            if data:
                buffer = ctypes.create_string_buffer(data, len(data))
                setattr(record, field, ctypes.addressof(buffer))
                kept.append(buffer)
        first = following = ctypes.addressof(record)
    _given[first] = kept
    _address_of(pointer).value = first
    return 0


def _addresses(interface: Interface, address: int, length: int) -> tuple[bytes, bytes, bytes]:
    """An address, its mask and its broadcast address as struct sockaddr."""
    mask = prefix_mask(address, length)
    if not is_v4(address):
        link_local = address >> 118 == 0x3FA
        return sockaddr_in6(address, 0, interface.ifindex if link_local else 0), sockaddr_in6(mask, 0), b""
    broadcast = b"" if interface.loopback else sockaddr_in(address | ((1 << (32 - length)) - 1), 0)
    return sockaddr_in(address, 0), sockaddr_in(mask, 0), broadcast


def _address_of(pointer: Any) -> Any:
    """What an argument ``struct ifaddrs **`` points to, as a settable address."""
    target = getattr(pointer, "_obj", None)
    if target is None:
        target = pointer.contents
    return ctypes.c_void_p.from_address(ctypes.addressof(target))


def _freeifaddrs(thread: SimThread, pointer: Any) -> None:
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    if address:
        _given.pop(address, None)


def _if_nametoindex(thread: SimThread, name: Any) -> int:
    text = name if isinstance(name, bytes) else ctypes.cast(name, ctypes.c_char_p).value or b""
    try:
        return socket.if_nametoindex(text.decode())
    except OSError:
        ctypes.set_errno(ENODEV)
        return 0


def _gethostname(thread: SimThread, buffer: Any, size: int) -> int:
    name = thread.process.kernel.hostname.encode()[: size - 1] + b"\0"
    ctypes.memmove(buffer, name, len(name))
    return 0


class _Asynchronous:
    """An exception for a thread, raised when it goes on."""

    def __init__(self, error: Any) -> None:
        self._error = error

    def __call__(self) -> None:
        raise self._error


def _set_async_exc(thread: SimThread, ident: Any, error: Any) -> int:
    """A blocked thread stays so, as on a real host. The exception None takes back those not yet raised."""
    number = getattr(ident, "value", ident)
    try:
        error = getattr(error, "value", error)
    except ValueError:
        error = None
    for target in thread.state.threads():
        if target.ident != number:
            continue
        target.interrupts[:] = [each for each in target.interrupts if not isinstance(each, _Asynchronous)]
        if error is None:
            return 1
        if target is thread:
            # The interpreter's own would do so before the next statement; but it takes an OS thread that has
            # not run yet, as the watchdog's may be, for the one that started it.
            raise error
        target.interrupts.append(_Asynchronous(error))
        return 1
    return 0


_IMPLEMENTED: Final[dict[str, Callable[..., Any]]] = {
    "getifaddrs": _getifaddrs,
    "freeifaddrs": _freeifaddrs,
    "if_nametoindex": _if_nametoindex,
    "gethostname": _gethostname,
    "getpid": lambda thread: os.getpid(),
    "getppid": lambda thread: os.getppid(),
    "getuid": lambda thread: os.getuid(),
    "geteuid": lambda thread: os.geteuid(),
    "getgid": lambda thread: os.getgid(),
    "getegid": lambda thread: os.getegid(),
    "gettid": lambda thread: threading.get_native_id(),
    "pthread_self": lambda thread: threading.get_ident(),
    # Names that only debuggers see.
    "pthread_setname_np": lambda thread, *args: 0,
    "PyThreadState_SetAsyncExc": _set_async_exc,
}


class Function:
    """A function of the C library: ours in a simulated thread, the real one elsewhere.

    ``argtypes``, ``restype`` and ``errcheck`` are the real one's.
    """

    def __init__(self, name: str, real: Any) -> None:
        self.__dict__["name"] = name
        self.__dict__["real"] = real

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        thread = current_thread()
        if thread is None:
            return self.real(*args, **kwargs)
        implemented = _IMPLEMENTED.get(self.name)
        if implemented is not None:
            return implemented(thread, *args, **kwargs)
        return refuse(f"{self.name}() of the C library through ctypes", _REFUSED[self.name])

    def __getattr__(self, name: str) -> Any:
        return self.real if name == "_as_parameter_" else getattr(self.real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.real, name, value)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


class _Plain(_real_pointer):  # type: ignore[misc]  # a class of C without stubs
    """What is looked up here."""

    _flags_ = _ctypes.FUNCFLAG_CDECL


@functools.cache
def _addresses_of_libc() -> dict[int, str]:
    """Where the functions of the C library are that have a stand-in or are refused. They are known by that:
    every library that needs the C library finds them under its own handle too."""
    this: Any = _real_library(None)
    found = {}
    for name in (*_IMPLEMENTED, *_REFUSED):
        try:
            found[_address(_Plain((name, this)))] = name
        except AttributeError:
            # Not in this C library.
            continue
    return found


def _new_pointer(cls: Any, *args: Any, **kwargs: Any) -> Any:
    """Of a name in a library, or of an address: with the stand-in if that is a function of the C library."""
    made = _real_pointer.__new__(cls, *args, **kwargs)
    if args and isinstance(args[0], (tuple, int)):
        name = _addresses_of_libc().get(_address(made))
        if name is not None:
            return Function(name, made)
    return made


class _FunctionPointer(_real_pointer):  # type: ignore[misc]  # a class of C without stubs
    """``_ctypes.CFuncPtr``, from which ctypes makes its classes of function pointers."""

    _flags_ = _ctypes.FUNCFLAG_CDECL
    __new__ = _new_pointer


def early_functions(objects: list[Any]) -> list[tuple[Any, Function]]:
    """Functions of the C library that were looked up before, and their stand-ins."""
    known = _addresses_of_libc()
    kinds = {library._FuncPtr for library in objects if isinstance(library, ctypes.CDLL)}
    return [
        (found, Function(known[address], found))
        for found in objects
        if type(found) in kinds and (address := _address(found)) in known
    ]


def install() -> None:
    for kind in _real_pointer.__subclasses__():
        if kind not in (_Plain, _FunctionPointer):
            kind.__new__ = _new_pointer
    replace(ctypes, "_CFuncPtr", _FunctionPointer)
    real = ctypes.util.find_library
    dispatch(ctypes.util, "find_library", lambda thread, name: call_outside(real, name))
