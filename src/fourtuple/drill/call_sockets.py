"""Calls that make, connect, tune and end sockets."""

from __future__ import annotations

from errno import EAGAIN, EFAULT, EINPROGRESS, ENOTSOCK
from typing import Final

from ..kernel.error import KernelError
from ..kernel.file import File
from ..kernel.inet import InetSocket
from ..kernel.inet_stream import InetStream
from ..kernel.sockaddr import (
    AF_INET,
    AF_INET6,
    AF_UNSPEC,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SockAddr,
    inet_address,
)
from ..kernel.socket import Socket
from ..kernel.sockopt import SOL_TCP, TCP_CONGESTION
from ..kernel.sockopt_table import OPTIONS, REFUSED
from ..kernel.sockopt_tcp import congestion_name
from ..stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from ..stack.sysctl import CONGESTION_CONTROLS
from ..wire.address import V4_ANY
from ..wire.ip import PROTOCOL_TCP, PROTOCOL_UDP
from .arguments import Arguments, describe
from .engine import Returned, Steps, Wait
from .errors import Failure, Unsupported
from .flow import LISTENING, NEW
from .script import Ellipsis, Function, Items, Structure, Text
from .state import State

READERS: Final = POLLIN | POLLRDNORM | POLLERR | POLLHUP
WRITERS: Final = POLLOUT | POLLWRNORM | POLLERR | POLLHUP

_SOCK_FLAGS: Final = SOCK_NONBLOCK | SOCK_CLOEXEC
_REFUSED: Final = {(option.level, option.name): option for option in OPTIONS if option.status == REFUSED}
_EXPECTED_FD: Final = "a descriptor"
_MOST_OPTION: Final = 1 << 16
"""Bytes of an option's value that are handed over; no option has more."""
_SECOND: Final = 1_000_000_000


def as_socket(file: File) -> Socket:
    """Raises KernelError ENOTSOCK if it is none."""
    if not isinstance(file, Socket):
        raise KernelError(ENOTSOCK)
    return file


def until(state: State, timeout: int) -> int:
    """The clock's time in ``timeout`` ns; -1, for ever, if that is negative."""
    return state.testbed.clock.now + timeout if timeout >= 0 else -1


def take_descriptor(state: State, a: Arguments, file: File, again: bool = False) -> int:
    """Install ``file`` under the number the script expects. Returns the script's number, -1 if the
    script expects an error.

    A number in use may be taken ``again`` by accept(), as in packetdrill: it means the newer from then on.
    """
    wanted = a.result()
    live = state.install(file)
    if wanted < 0:
        return -1
    if wanted in state.descriptors and not again:
        raise a.fail(f"the script has a descriptor {wanted} already")
    state.descriptors[wanted] = live
    return wanted


def socket(state: State, a: Arguments) -> Steps:
    a.count(3)
    family = AF_INET6 if state.settings.sockets_v6() else AF_INET
    if not a.is_ellipsis(0):
        family = a.number(0, "the domain")
    kind = a.number(1, "the type")
    protocol = a.number(2, "the protocol")
    plain = kind & ~_SOCK_FLAGS
    made = state.testbed.kernel.socket(state.testbed.process, family, plain, protocol)
    made.set_nonblocking(kind & SOCK_NONBLOCK != 0)
    number = take_descriptor(state, a, made)
    if number >= 0:
        usual = PROTOCOL_TCP if plain == SOCK_STREAM else PROTOCOL_UDP
        flow = state.add_flow(protocol or usual, NEW)
        flow.script_fd = number
        flow.local = state.settings.local
    yield Returned(number if number >= 0 else 0, fd=True)


def bind(state: State, a: Arguments) -> Steps:
    a.count(3)
    file = as_socket(state.file(a.number(0, _EXPECTED_FD)))
    address = state.bind_address() if isinstance(a.at(1), Ellipsis) else _address(state, a, 1)
    file.bind(address)
    flow = state.flow_of(a.number(0, _EXPECTED_FD))
    if flow is not None:
        flow.local_port = file.getsockname().port
    yield Returned(0)


def listen(state: State, a: Arguments) -> Steps:
    a.count(2)
    number = a.number(0, _EXPECTED_FD)
    as_socket(state.file(number)).listen(a.number(1, "the backlog"))
    flow = state.flow_of(number)
    if flow is not None:
        flow.state = LISTENING
    yield Returned(0)


def accept(state: State, a: Arguments) -> Steps:
    flags = a.number(3, "the flags") if a.count(3, 4) == 4 else 0
    file = as_socket(state.file(a.number(0, _EXPECTED_FD)))
    deadline = until(state, file.receive_timeout)
    while True:
        child = file.accept()
        if child is not None:
            break
        if file.nonblocking() or not (yield Wait([(file.wait_queue, READERS)], deadline)):
            raise KernelError(EAGAIN)
    child.set_nonblocking(flags & SOCK_NONBLOCK != 0)
    number = take_descriptor(state, a, child, again=True)
    if number >= 0:
        state.accepted(number, child.endpoint.peer_port if isinstance(child, InetSocket) else 0)
    yield Returned(number if number >= 0 else 0, fd=True)


def connect(state: State, a: Arguments) -> Steps:
    a.count(3)
    number = a.number(0, _EXPECTED_FD)
    file = as_socket(state.file(number))
    if a.is_ellipsis(1):
        address = state.peer_address()
        state.connect(number)
    else:
        address = _address(state, a, 1)
        if address.family == AF_UNSPEC:
            state.disconnect(number)
        else:
            state.connect(number)
    deadline = until(state, file.send_timeout)
    if not file.connect(address):
        if file.nonblocking():
            raise KernelError(EINPROGRESS)
        while not file.connect_result():
            if not (yield Wait([(file.wait_queue, WRITERS)], deadline)):
                raise KernelError(EINPROGRESS)
    yield Returned(0)


def _address(state: State, a: Arguments, index: int) -> SockAddr:
    """``AF_UNSPEC``, or a whole address ``{sa_family=…, sin_port=htons(…), sin_addr=inet_addr(…)}``."""
    expression = a.at(index)
    if isinstance(expression, Ellipsis):
        return state.peer_address()
    return written_address(state, a, index)


def written_address(state: State, a: Arguments, index: int) -> SockAddr:
    """An address the script gives itself."""
    expression = a.at(index)
    if not isinstance(expression, Structure):
        return state.family_address(a.number(index, "the address family"))
    fields = a.structure(expression, "the address", "sa_family", "sin_port", "sin_addr").fields
    family = a.value(fields["sa_family"], "sa_family")
    port, ip = fields["sin_port"], fields["sin_addr"]
    number = port.argument if isinstance(port, Function) and port.name == "htons" else port
    if family not in (AF_INET, AF_INET6) or not isinstance(ip, Function):
        raise a.fail(
            f"the address must be of AF_INET or AF_INET6 and its sin_addr inet_addr(), not {describe(ip)}"
        )
    text = a.address_bytes(ip)
    value = int.from_bytes(text, "big") if len(text) == 16 else V4_ANY | int.from_bytes(text, "big")
    return inet_address(family, value, a.value(number, "sin_port"))


def shutdown(state: State, a: Arguments) -> Steps:
    a.count(2)
    as_socket(state.file(a.number(0, _EXPECTED_FD))).shutdown(a.number(1, "how"))
    yield Returned(0)


def setsockopt(state: State, a: Arguments) -> Steps:
    a.count(5)
    file = as_socket(state.file(a.number(0, _EXPECTED_FD)))
    level, name = a.number(1, "the level"), a.number(2, "the option")
    length = a.number(4, "the length")
    _check_implemented(a, level, name)
    if a.is_null(3) and length > 0:
        raise KernelError(EFAULT)
    value = b"" if a.is_null(3) else a.option_value(a.at(3))
    if (level, name) == (SOL_TCP, TCP_CONGESTION) and a.result() >= 0:
        wanted = congestion_name(value)
        if wanted not in CONGESTION_CONTROLS:
            raise Unsupported(f"congestion control {wanted}")
    file.setsockopt(level, name, value.ljust(min(length, _MOST_OPTION), b"\0")[: max(length, 0)])
    yield Returned(0)


def _check_implemented(a: Arguments, level: int, name: int) -> None:
    """An option the host refuses as not implemented is no failure of the script that needs it."""
    refused = _REFUSED.get((level, name))
    if refused is not None and a.result() >= 0:
        raise Unsupported(f"socket option {refused.symbol}")


def getsockopt(state: State, a: Arguments) -> Steps:
    a.count(5)
    file = as_socket(state.file(a.number(0, _EXPECTED_FD)))
    level, name = a.number(1, "the level"), a.number(2, "the option")
    length = a.bracketed(4, "the length")
    _check_implemented(a, level, name)
    value = file.getsockopt(level, name, length)
    if a.is_null(3) and length > 0:
        raise KernelError(EFAULT)
    yield Returned(0)
    if len(value) != length:
        raise Failure(
            f"getsockopt() filled in {len(value)} bytes, not {length}", f"[{length}]", f"[{len(value)}]"
        )
    expected = a.at(3)
    if isinstance(expected, Text):
        wanted = expected.value
    elif isinstance(expected, Ellipsis):
        return
    elif isinstance(expected, Function) and expected.name == "inet6_addr":
        wanted = a.address_bytes(expected)
    elif isinstance(expected, Items) and len(expected.items) == 1 and length == 4:
        number = a.value(expected.items[0], "the value")
        seen = int.from_bytes(value, "little", signed=True)
        if seen != number and seen & 0xFFFF_FFFF != number:
            raise Failure(f"getsockopt() gave {seen}, not {number}", f"[{number}]", f"[{seen}]")
        return
    else:
        wanted = a.option_value(expected)[:length]
    if value != wanted:
        raise Failure(f"getsockopt() gave {value!r}, not {wanted!r}", repr(wanted), repr(value))


def close(state: State, a: Arguments) -> Steps:
    a.count(1)
    number = a.number(0, _EXPECTED_FD)
    file = state.file(number)
    if not isinstance(file, InetStream) or file.refs != 1 or not file.lingers():
        state.close(number)
        yield Returned(0)
        return
    # The number is free from the start, the socket goes at the end.
    file.hold()
    try:
        state.close(number)
        deadline = until(state, file.linger_seconds * _SECOND)
        file.end_sending()
        while file.closing() and (yield Wait([(file.wait_queue, READERS | WRITERS)], deadline)):
            pass
    finally:
        file.drop()
    yield Returned(0)
