"""Calls that move data: read and write in all their forms."""

from __future__ import annotations

from errno import EAGAIN, EFAULT
from typing import Final

from ..kernel.error import KernelError
from ..kernel.file import File
from ..kernel.sockaddr import IPPROTO_ICMP, IPPROTO_ICMPV6, SOCK_DGRAM, SOCK_STREAM, SockAddr
from ..kernel.socket import MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, ControlMessage, Received, Socket
from ..wire.icmp import ICMP_ECHO_REQUEST
from ..wire.icmpv6 import ICMPV6_ECHO_REQUEST
from .arguments import Arguments
from .call_sockets import READERS, WRITERS, as_socket, until, written_address
from .control import check_control, control_messages
from .engine import Returned, Steps, Wait
from .errors import Failure
from .script import Ellipsis, Items, Structure
from .state import State
from .symbols import flag_names

_ICMP_HEADER = 8
_ECHO_REQUESTS = {IPPROTO_ICMP: ICMP_ECHO_REQUEST, IPPROTO_ICMPV6: ICMPV6_ECHO_REQUEST}


def _blocks(file: File, flags: int) -> bool:
    return not file.nonblocking() and not flags & MSG_DONTWAIT


def write_all(
    state: State, file: File, data: bytes, flags: int, address: SockAddr | None, control: list[ControlMessage]
) -> Steps:
    """Write ``data`` as a blocking caller would, and return how much went."""
    sent = 0
    stream = not isinstance(file, Socket) or file.type == SOCK_STREAM
    deadline = until(state, file.send_timeout) if isinstance(file, Socket) else -1
    while True:
        try:
            if isinstance(file, Socket):
                taken = file.sendmsg(data[sent:] if sent else data, flags, address, control)
            else:
                taken = file.write(data[sent:] if sent else data)
        except KernelError:
            if sent:
                break
            raise
        if taken >= 0:
            sent += taken
            if sent >= len(data) or not stream:
                break
        if not _blocks(file, flags) or (
            taken < 0 and not (yield Wait([(file.wait_queue, WRITERS)], deadline))
        ):
            if sent:
                break
            raise KernelError(EAGAIN)
    yield Returned(sent)


_MOST_WRITTEN: Final = 1 << 30


def _data(a: Arguments, present: bool, count: int) -> bytes:
    """Zero bytes to send; a NULL buffer is no place to read from."""
    if not present and count > 0:
        raise KernelError(EFAULT)
    return _zeros(a, count)


def _zeros(a: Arguments, count: int) -> bytes:
    if count > _MOST_WRITTEN:
        raise a.fail(f"a script writes {_MOST_WRITTEN} bytes at once at most, not {count}")
    return bytes(max(count, 0))


def write(state: State, a: Arguments) -> Steps:
    a.count(3)
    file = state.file(a.number(0, "the descriptor"))
    data = _data(a, a.buffer(1), a.number(2, "the count"))
    return write_all(state, file, data, 0, None, [])


def writev(state: State, a: Arguments) -> Steps:
    a.count(3)
    file = state.file(a.number(0, "the descriptor"))
    return write_all(state, file, _zeros(a, sum(_vector(a, 1, 2))), 0, None, [])


def _vector(a: Arguments, at: int, count_at: int) -> list[int]:
    lengths = vector_lengths(a, a.at(at))
    count = a.number(count_at, "the number of buffers")
    if count != len(lengths):
        raise a.fail(f"{count} buffers are announced and {len(lengths)} given")
    return lengths


def vector_lengths(a: Arguments, expression: object) -> list[int]:
    """Lengths of the buffers of ``[{..., 100}, {..., 200}]``."""
    lengths: list[int] = []
    if not isinstance(expression, Items):
        raise a.fail("the buffers must be a list such as [{..., 1000}]")
    for item in expression.items:
        if not isinstance(item, Items) or len(item.items) != 2 or not isinstance(item.items[0], Ellipsis):
            raise a.fail("a buffer must be {..., length}")
        lengths.append(a.value(item.items[1], "the length of a buffer"))
    return lengths


def send(state: State, a: Arguments) -> Steps:
    a.count(4)
    file = as_socket(state.file(a.number(0, "the descriptor")))
    flags = a.number(3, "the flags")
    data = _data(a, a.buffer(1), a.number(2, "the count"))
    return write_all(state, file, data, flags, None, [])


def sendto(state: State, a: Arguments) -> Steps:
    a.count(6)
    number = a.number(0, "the descriptor")
    file = as_socket(state.file(number))
    flags = a.number(3, "the flags")
    data = _data(a, a.buffer(1), a.number(2, "the count"))
    if a.is_ellipsis(4):
        address = state.peer_address()
        state.connect(number)
    else:
        address = written_address(state, a, 4)
    if len(data) >= _ICMP_HEADER and file.type == SOCK_DGRAM:
        # What is sent through a ping socket must be an echo request; the rest stays zero.
        kind = _ECHO_REQUESTS.get(file.protocol, 0)
        data = bytes([kind]) + data[1:]
    return write_all(state, file, data, flags, address, [])


def sendmsg(state: State, a: Arguments) -> Steps:
    a.count(3)
    number = a.number(0, "the descriptor")
    file = as_socket(state.file(number))
    message = a.structure(a.at(1), "the message", "msg_iov")
    lengths = message_lengths(a, message)
    flags = a.number(2, "the flags")
    if "msg_flags" in message.fields and a.value(message.fields["msg_flags"], "msg_flags"):
        raise a.fail("sendmsg ignores msg_flags of the message; it must be 0")
    address: SockAddr | None = None
    if "msg_name" in message.fields:
        state.connect(number)
        address = state.peer_address()
    control = control_messages(a, message)
    return write_all(state, file, _zeros(a, sum(lengths)), flags, address, control)


def message_lengths(a: Arguments, message: Structure) -> list[int]:
    """Lengths of a message's buffers, which must be as many as it announces."""
    lengths = vector_lengths(a, message.fields["msg_iov"])
    size = message.sizes.get("msg_iov")
    if size is not None and a.value(size, "the number of buffers") != len(lengths):
        raise a.fail(f"msg_iov announces {a.value(size, 'the number')} buffers and has {len(lengths)}")
    return lengths


# Reading


def read_all(state: State, file: File, count: int, flags: int, present: bool) -> Steps:
    """Read as a blocking caller would, and return how much came."""
    if not isinstance(file, Socket):
        data = file.read(count)
        while data is None:
            if not _blocks(file, flags):
                raise KernelError(EAGAIN)
            yield Wait([(file.wait_queue, READERS)])
            data = file.read(count)
        yield Returned(len(data))
        return
    target = file.receive_target(count, flags)
    deadline = until(state, file.receive_timeout)
    got = 0
    while True:
        if not present and count > 0 and file.poll() & READERS:
            # The data stay: nothing could be copied.
            raise KernelError(EFAULT)
        try:
            piece = file.recv(count - got, flags)
        except KernelError:
            if got:
                break
            raise
        if piece is not None:
            got += len(piece)
            if not piece or got >= target or flags & MSG_PEEK or file.type != SOCK_STREAM:
                break
            continue
        if not _blocks(file, flags) or not (yield Wait([(file.wait_queue, READERS)], deadline)):
            if got:
                break
            raise KernelError(EAGAIN)
    yield Returned(got)


def read(state: State, a: Arguments) -> Steps:
    a.count(3)
    file = state.file(a.number(0, "the descriptor"))
    return read_all(state, file, a.number(2, "the count"), 0, a.buffer(1))


def readv(state: State, a: Arguments) -> Steps:
    a.count(3)
    file = state.file(a.number(0, "the descriptor"))
    return read_all(state, file, sum(_vector(a, 1, 2)), 0, True)


def recv(state: State, a: Arguments) -> Steps:
    a.count(4)
    file = as_socket(state.file(a.number(0, "the descriptor")))
    return read_all(state, file, a.number(2, "the count"), a.number(3, "the flags"), a.buffer(1))


def recvfrom(state: State, a: Arguments) -> Steps:
    a.count(6)
    file = as_socket(state.file(a.number(0, "the descriptor")))
    return read_all(state, file, a.number(2, "the count"), a.number(3, "the flags"), a.buffer(1))


def recvmsg(state: State, a: Arguments) -> Steps:
    a.count(3)
    file = as_socket(state.file(a.number(0, "the descriptor")))
    message = a.structure(a.at(1), "the message", "msg_iov")
    count = sum(message_lengths(a, message))
    flags = a.number(2, "the flags")
    deadline = until(state, file.receive_timeout)
    while True:
        received = file.recvmsg(count, flags)
        if received is not None:
            break
        if not _blocks(file, flags) or flags & MSG_ERRQUEUE:
            raise KernelError(EAGAIN)
        if not (yield Wait([(file.wait_queue, READERS)], deadline)):
            raise KernelError(EAGAIN)
    received.drop_files()
    yield Returned(received.length)
    _check_message(state, a, message, received)


def _check_message(state: State, a: Arguments, message: Structure, received: Received) -> None:
    wanted = a.value(message.fields["msg_flags"], "msg_flags") if "msg_flags" in message.fields else 0
    if received.flags != wanted:
        expected, seen = flag_names(wanted, "MSG_"), flag_names(received.flags, "MSG_")
        raise Failure(f"recvmsg() set msg_flags {seen}, not {expected}", expected, seen)
    check_control(state, a, message, received.control)
