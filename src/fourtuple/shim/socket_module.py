"""The stand-in for ``_socket``: sockets of simulated processes, and the real ones outside.

:func:`install` puts :class:`SocketMethods` between ``socket.socket`` and the real ``_socket.socket``
in the class itself (assigning ``__bases__``), so every class and name that refers to
``socket.socket``, bound before or after, has it: ``ssl.SSLSocket``, ``asyncio``, ``from socket import
socket``. Its methods look for the simulated side of the object they are called on; an object made
outside a simulated process has none, and the real method runs on it.

Implemented: all methods; socketpair, dup, close, name service, default timeouts, interfaces.
Passed through: inet_aton … ntohl, CMSG_LEN, CMSG_SPACE, constants, CAPI.
Refused: sethostname (EPERM); sendmsg_afalg. C code that asks an object for its descriptor sees a closed
one (the real descriptor is -1); ``ssl_module`` has TLS.
"""

from __future__ import annotations

import _socket
import functools
import os
import socket as socket_py
import sys
import warnings
from collections.abc import Callable
from errno import ENXIO, EPERM
from operator import index
from typing import Any, Final
from weakref import WeakKeyDictionary

from ..kernel.error import KernelError
from ..kernel.process import Process
from ..kernel.sockaddr import AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM
from ..runtime.descriptors import given
from ..runtime.errors import os_error
from ..runtime.stuck import is_ours
from ..runtime.thread import SimThread, current_thread
from . import fcntl_module, resolver, socket_addrinfo, socket_files, socket_forgotten, socket_services
from .foreign_numbers import check_number, dispatch_number
from .lingering_close import close_descriptor
from .patching import ModuleReference, bound, dispatch, replace, replacements
from .socket_forgotten import close_forgotten
from .socket_object import SimSocket, c_int
from .socket_timeout import NO_TIMEOUT, socket_timeout, timeout_seconds

_real: Final = _socket.socket
_real_socketpair: Final = _socket.socketpair
# The simulated side of Python's socket objects, by id(). The C struct of the real class leaves no
# room for it: a slot would change the layout, and __bases__ could not be assigned. An entry lives
# exactly as long as its object, __del__ ends it; nothing ever takes an order from this dict.
_states: Final[dict[int, SimSocket]] = {}
_default_timeouts: Final[WeakKeyDictionary[object, int]] = WeakKeyDictionary()


def simulated_side(sock: object) -> SimSocket | None:
    """What stands behind a socket object made in a simulated process, None for a real one."""
    return _states.get(id(sock))


def _default_timeout(thread: SimThread) -> int:
    return _default_timeouts.get(thread.state, NO_TIMEOUT)


# The class


def _forward(name: str) -> Callable[..., Any]:
    """The method that goes to the simulated side if there is one, else to the real class."""
    real = getattr(_real, name)
    simulated = getattr(SimSocket, name)

    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        state = _states.get(id(self))
        if state is None:
            return real(self, *args, **kwargs)
        return simulated(state, *args, **kwargs)

    return functools.update_wrapper(method, real)


def _forward_attribute(name: str) -> property:
    real = getattr(_real, name)

    def read(self: Any) -> Any:
        state = _states.get(id(self))
        return real.__get__(self) if state is None else getattr(state, name)

    return property(read, doc=real.__doc__)


class SocketMethods:
    """What every socket object does first: look where it belongs."""

    __slots__ = ()

    def __init__(self, family: Any = -1, type: Any = -1, proto: Any = -1, fileno: Any = None) -> None:
        _states.pop(id(self), None)
        thread = current_thread()
        check_number(thread, fileno)
        if thread is None:
            _real.__init__(self, family, type, proto, fileno)  # type: ignore[arg-type]
            return
        thread.refuse_killed()
        timeout = _default_timeout(thread)
        _states[id(self)] = SimSocket.create(thread.process, timeout, family, type, proto, fileno)

    def __del__(self) -> None:
        state = _states.get(id(self))
        if state is None:
            _real.__del__(self)  # type: ignore[attr-defined]
            return
        try:
            thread = current_thread()
            # The collector may strike in another's turn, whose warnings it is not.
            if state.fd != -1 and thread is not None and thread.process is state.process:
                _warn_unclosed(self)
        finally:
            del _states[id(self)]
            close_forgotten(state.process, state.fd)

    family = _forward_attribute("family")
    type = _forward_attribute("type")
    proto = _forward_attribute("proto")
    timeout = property(lambda self: SocketMethods.gettimeout(self))  # type: ignore[attr-defined]


def _warn_unclosed(sock: SocketMethods) -> None:
    """Told of whoever lets go of the object, as CPython does; of nobody at the end of the program."""
    text = f"unclosed {sock!r}"
    frame = sys._getframe(1).f_back
    if frame is None or is_ours(frame):
        warnings.warn_explicit(text, ResourceWarning, "sys", 1, "sys", {}, source=sock)
    else:
        warnings.warn(text, ResourceWarning, stacklevel=3, source=sock)


for _name in (
    "__repr__",
    "_accept",
    "bind",
    "close",
    "connect",
    "connect_ex",
    "detach",
    "fileno",
    "getblocking",
    "getpeername",
    "getsockname",
    "getsockopt",
    "gettimeout",
    "listen",
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
    "send",
    "sendall",
    "sendmsg",
    "sendmsg_afalg",
    "sendto",
    "setblocking",
    "setsockopt",
    "settimeout",
    "shutdown",
):
    setattr(SocketMethods, _name, _forward(_name))


class _SocketType(type):
    """Makes every real socket object an instance of ours too: ``socket.socket`` derives from the
    real class and from :class:`SocketMethods`, not from the class below."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real) if cls is socket else super().__instancecheck__(instance)

    def __setattr__(cls, name: str, value: object) -> None:
        if cls is socket:
            raise TypeError(f"cannot set {name!r} attribute of immutable type '_socket.socket'")
        super().__setattr__(name, value)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _real) if cls is socket else super().__subclasscheck__(subclass)


class socket(SocketMethods, _socket.socket, metaclass=_SocketType):  # noqa: N801
    """``_socket.socket``, for who asks for it by that name."""

    __slots__ = ()


type.__setattr__(socket, "__module__", "_socket")
type.__setattr__(socket, "__doc__", _real.__doc__)


# Functions of the module


def _dup(thread: SimThread, fd: Any, /) -> int:
    try:
        return given(thread.process, thread.process.fds.dup(c_int(fd), 0, True))
    except KernelError as error:
        raise os_error(error) from None


def _close(thread: SimThread, fd: Any, /) -> None:
    try:
        close_descriptor(thread.process, c_int(fd))
    except KernelError as error:
        raise os_error(error) from None


def _getdefaulttimeout(thread: SimThread) -> float | None:
    return timeout_seconds(_default_timeout(thread))


def _setdefaulttimeout(thread: SimThread, timeout: Any, /) -> None:
    _default_timeouts[thread.state] = socket_timeout(timeout)


def _gethostname(thread: SimThread) -> str:
    return thread.process.kernel.hostname


def _sethostname(thread: SimThread, name: Any, /) -> None:
    raise OSError(EPERM, os.strerror(EPERM))


def _if_nameindex(thread: SimThread) -> list[tuple[int, str]]:
    interfaces = thread.process.kernel.stack.interfaces
    return [(interface.ifindex, interface.name) for interface in interfaces]


def _if_nametoindex(thread: SimThread, name: Any, /) -> int:
    wanted = os.fsdecode(name)
    for number, known in _if_nameindex(thread):
        if known == wanted:
            return number
    raise OSError("no interface with this name")


def _if_indextoname(thread: SimThread, number: Any, /) -> str:
    wanted = index(number)
    if wanted < 0:
        raise OverflowError("can't convert negative value to unsigned int")
    if wanted >> 64:
        raise OverflowError("Python int too large to convert to C unsigned long")
    if wanted >> 32 and sys.version_info >= (3, 13):
        raise OverflowError("index is too large")
    wanted &= 0xFFFFFFFF
    for known, name in _if_nameindex(thread):
        if known == wanted:
            return name
    raise OSError(ENXIO, os.strerror(ENXIO))


def _with_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda thread, *args, **kwargs: function(thread.process.kernel, *args, **kwargs)


def _of_nobody(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda thread, *args, **kwargs: function(*args, **kwargs)


_SIMULATED: Final[dict[str, Callable[..., Any]]] = {
    "getaddrinfo": _with_kernel(socket_addrinfo.getaddrinfo),
    "getdefaulttimeout": _getdefaulttimeout,
    "gethostbyaddr": _with_kernel(resolver.gethostbyaddr),
    "gethostbyname": _with_kernel(resolver.gethostbyname),
    "gethostbyname_ex": _with_kernel(resolver.gethostbyname_ex),
    "gethostname": _gethostname,
    "getnameinfo": _with_kernel(socket_addrinfo.getnameinfo),
    "getprotobyname": _of_nobody(socket_services.getprotobyname),
    "getservbyname": _of_nobody(socket_services.getservbyname),
    "getservbyport": _of_nobody(socket_services.getservbyport),
    "if_indextoname": _if_indextoname,
    "if_nameindex": _if_nameindex,
    "if_nametoindex": _if_nametoindex,
    "setdefaulttimeout": _setdefaulttimeout,
    "sethostname": _sethostname,
}


def _socketpair(
    reference: ModuleReference, family: Any = None, type: Any = SOCK_STREAM, proto: Any = 0, /
) -> tuple[socket, socket]:
    thread = current_thread()
    family = AF_UNIX if family is None else family
    if thread is None:
        made = _real_socketpair(family, type, proto)
        family, type, proto = made[0].family, made[0].type, made[0].proto
        fds = [real.detach() for real in made]
    else:
        thread.refuse_killed()
        fds = _make_pair(thread.process, c_int(family), c_int(type), c_int(proto))
    return socket(family, type, proto, fds[0]), socket(family, type, proto, fds[1])


def _make_pair(process: Process, family: int, type: int, proto: int) -> list[int]:
    kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)
    try:
        files = process.kernel.socketpair(process, family, kind, proto)
        for file in files:
            file.set_nonblocking(bool(type & SOCK_NONBLOCK))
        return [given(process, process.fds.install(file, True, 0)) for file in files]
    except KernelError as error:
        raise os_error(error) from None


def install() -> None:
    """Replace what ``_socket`` has; ``patching.rebind_all`` then finds where it was taken to."""
    socket_py.socket.__bases__ = (SocketMethods, _real)
    replace(_socket, "socket", socket)
    replace(_socket, "SocketType", socket)
    for name, method in vars(SocketMethods).items():
        if not name.startswith("__") and name in vars(_real):
            replacements.note(vars(_real)[name], method)
    replace(_socket, "socketpair", bound(_socket, "socketpair", _socketpair))
    for name, simulated in _SIMULATED.items():
        dispatch(_socket, name, simulated)
    dispatch_number(_socket, "close", _close, closes=True)
    dispatch_number(_socket, "dup", _dup)
    socket_files.install()
    socket_forgotten.install()
    fcntl_module.install()
