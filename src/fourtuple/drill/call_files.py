"""Calls on files of every kind: control, readiness, pipes and what moves data between files."""

from __future__ import annotations

from errno import EAGAIN, EBADF, EFAULT, EINVAL, ENOENT
from typing import Final

from ..kernel.epoll import Epoll
from ..kernel.error import KernelError
from ..kernel.file import O_ACCMODE, O_NONBLOCK, O_WRONLY, SETFL_MASK, File
from ..kernel.inet_stream import InetStream
from ..kernel.pipe import F_GETPIPE_SZ, F_SETPIPE_SZ, PipeEnd, PipeReader, PipeWriter
from ..kernel.poll import poll_files
from ..kernel.process import CAP_SYS_RESOURCE
from ..kernel.socket import MSG_MORE, Socket
from .arguments import Arguments, describe
from .call_sockets import READERS, WRITERS, take_descriptor, until
from .disk import DiskFile
from .engine import Returned, Steps, Wait
from .errors import Failure, Unsupported
from .script import Ellipsis, Items, Structure, Text
from .state import State
from .symbols import flag_names

F_DUPFD: Final = 0
F_GETFD: Final = 1
F_SETFD: Final = 2
F_GETFL: Final = 3
F_SETFL: Final = 4
F_DUPFD_CLOEXEC: Final = 1030

EPOLL_CTL_DEL: Final = 2
POLLNVAL: Final = 0x20
SIOCATMARK: Final = 0x8905
SPLICE_F_NONBLOCK: Final = 2
SPLICE_F_MORE: Final = 4

_MS: Final = 1_000_000
_ALL: Final = 0x3FFF
_CAP_EFFECTIVE: Final = 0


def fcntl(state: State, a: Arguments) -> Steps:
    a.count(2, 3)
    number = a.number(0, "the descriptor")
    file = state.file(number)
    command = a.number(1, "the command")
    argument = a.number(2, "the argument") if len(a.call.arguments) > 2 else 0
    fds = state.testbed.process.fds
    if command == F_GETFL:
        yield Returned(file.flags)
    elif command == F_SETFL:
        file.set_status_flags(argument & SETFL_MASK)
        yield Returned(0)
    elif command == F_GETFD:
        yield Returned(int(fds.cloexec(state.descriptors[number])))
    elif command == F_SETFD:
        fds.set_cloexec(state.descriptors[number], argument & 1 != 0)
        yield Returned(0)
    elif command in (F_DUPFD, F_DUPFD_CLOEXEC):
        wanted = a.result()
        if wanted in state.descriptors:
            raise a.fail(f"the script has a descriptor {wanted} already")
        state.descriptors[wanted] = fds.dup(state.descriptors[number], argument, command == F_DUPFD_CLOEXEC)
        yield Returned(wanted, fd=True)
    elif command in (F_GETPIPE_SZ, F_SETPIPE_SZ) and isinstance(file, PipeEnd):
        privileged = state.testbed.process.capable(CAP_SYS_RESOURCE)
        size = file.size() if command == F_GETPIPE_SZ else file.set_size(argument, privileged)
        yield Returned(size)
    else:
        raise KernelError(EINVAL)


def ioctl(state: State, a: Arguments) -> Steps:
    a.count(2, 3)
    file = state.file(a.number(0, "the descriptor"))
    command = a.number(1, "the request")
    if len(a.call.arguments) == 2:
        file.ioctl(command, 0)
        # Without an address to write to.
        raise KernelError(EFAULT)
    expected = a.bracketed(2, "the argument")
    seen = file.ioctl(command, expected)
    yield Returned(0)
    if command != 0x5421 and seen != expected:
        raise Failure(f"ioctl() gave {seen}, not {expected}", f"[{expected}]", f"[{seen}]")


# Readiness


def poll(state: State, a: Arguments) -> Steps:
    a.count(3)
    items = [a.structure(item, "a pollfd", "fd", "events") for item in a.items(a.at(0), "the descriptors")]
    if a.number(1, "nfds") != len(items):
        raise a.fail(f"nfds is {a.number(1, 'nfds')}, and {len(items)} descriptors are given")
    timeout = a.number(2, "the timeout")
    deadline = until(state, timeout * _MS)
    watched: list[tuple[File | None, int]] = []
    for item in items:
        try:
            file: File | None = state.file(a.value(item.fields["fd"], "fd"))
        except KernelError:
            file = None
        watched.append((file, a.value(item.fields["events"], "events")))
    while True:
        ready = [POLLNVAL if file is None else poll_files([(file, mask)])[0] for file, mask in watched]
        if any(ready) or timeout == 0:
            break
        if not (yield Wait([(file.wait_queue, _ALL) for file, _ in watched if file is not None], deadline)):
            break
    yield Returned(sum([1 for bits in ready if bits]))
    for item, bits in zip(items, ready, strict=True):
        wanted = a.value(item.fields["revents"], "revents") if "revents" in item.fields else 0
        if bits != wanted:
            expected, seen = flag_names(wanted, "POLL"), flag_names(bits, "POLL")
            raise Failure(f"poll() set revents {seen}, not {expected}", expected, seen)


def epoll_create(state: State, a: Arguments) -> Steps:
    a.count(1)
    if a.call.name == "epoll_create" and a.number(0, "the size") <= 0:
        raise KernelError(EINVAL)
    yield Returned(max(take_descriptor(state, a, state.testbed.kernel.epoll()), 0), fd=True)


def _epoll(state: State, a: Arguments) -> Epoll:
    file = state.file(a.number(0, "the epoll descriptor"))
    if not isinstance(file, Epoll):
        raise KernelError(EINVAL)
    return file


def _event(a: Arguments, index: int) -> tuple[int, int, str]:
    """Events, data and the name of the data's field of an ``{events=…, fd=…}``."""
    event = a.structure(a.at(index), "the event", "events")
    events = a.value(event.fields["events"], "events")
    for name in ("fd", "ptr", "u32", "u64"):
        if name in event.fields:
            data = a.value(event.fields[name], name)
            return events, data & (0xFFFF_FFFF if name in ("fd", "u32") else (1 << 64) - 1), name
    raise a.fail("the event needs fd, ptr, u32 or u64")


def epoll_ctl(state: State, a: Arguments) -> Steps:
    a.count(4)
    epoll = _epoll(state, a)
    operation = a.number(1, "the operation")
    number = a.number(2, "the descriptor")
    file = state.file(number)
    if operation == EPOLL_CTL_DEL and not isinstance(a.at(3), Structure):
        events, data = 0, 0
    else:
        events, data, name = _event(a, 3)
        if name == "fd" and data != number:
            raise a.fail(f"the event says fd {data}, the call {number}")
    epoll.control(operation, state.descriptors[number], file, events, data)
    yield Returned(0)


def epoll_wait(state: State, a: Arguments) -> Steps:
    a.count(4, 5, 6)
    epoll = _epoll(state, a)
    count = a.number(2, "maxevents")
    timeout = a.number(3, "the timeout")
    deadline = until(state, timeout * _MS)
    while True:
        ready = epoll.wait(count)
        if ready or timeout == 0:
            break
        if not (yield Wait([(epoll.wait_queue, _ALL)], deadline)):
            ready = epoll.wait(count)
            break
    yield Returned(len(ready))
    _check_events(a, ready)


def _check_events(a: Arguments, ready: list[tuple[int, int]]) -> None:
    """The first event, or each of a list; of none, an ``events`` other than 0 would be wrong."""
    expression = a.at(1)
    if isinstance(expression, Ellipsis):
        return
    if isinstance(expression, Items):
        raise a.fail("the event must be one structure {events=…, fd=…}")
    wanted, data, name = _event(a, 1)
    seen_data, seen = ready[0] if ready else (0, 0)
    if seen != wanted:
        expected, got = flag_names(wanted, "EPOLL"), flag_names(seen, "EPOLL")
        raise Failure(f"epoll_wait() gave events {got}, not {expected}", expected, got)
    if ready and seen_data != data:
        raise Failure(f"epoll_wait() gave {name} {seen_data}, not {data}", str(data), str(seen_data))


# Pipes, files and moving between them


def pipe(state: State, a: Arguments) -> Steps:
    a.count(1, 2)
    numbers = [a.value(item, "a descriptor") for item in a.items(a.at(0), "the descriptors")]
    if len(numbers) != 2:
        raise a.fail("takes two descriptors such as [5, 6]")
    flags = a.number(1, "the flags") if len(a.call.arguments) > 1 else 0
    for number, end in zip(numbers, state.testbed.kernel.pipe(flags & O_NONBLOCK), strict=True):
        if number in state.descriptors:
            raise a.fail(f"the script has a descriptor {number} already")
        state.descriptors[number] = state.install(end)
    yield Returned(0)


def splice(state: State, a: Arguments) -> Steps:
    a.count(6)
    source = state.file(a.number(0, "the descriptor to read"))
    target = state.file(a.number(2, "the descriptor to write"))
    for index in (1, 3):
        if not isinstance(a.at(index), Ellipsis) and a.number(index, "the offset") != 0:
            raise Unsupported("splice() with an offset")
    length = a.number(4, "the length")
    flags = a.number(5, "the flags")
    if not isinstance(source, PipeReader) and not isinstance(target, PipeWriter):
        raise KernelError(EINVAL)
    if source.flags & O_ACCMODE == O_WRONLY or target.flags & O_ACCMODE == 0:
        raise KernelError(EBADF)
    may_wait = not flags & SPLICE_F_NONBLOCK
    room = length
    if isinstance(target, PipeWriter):
        free = target.pipe.slots - len(target.pipe.pages)
        while free <= 0:
            if not may_wait or target.nonblocking():
                raise KernelError(EAGAIN)
            yield Wait([(target.wait_queue, WRITERS)])
            free = target.pipe.slots - len(target.pipe.pages)
        room = min(length, free * 4096)
    while True:
        # An urgent byte that comes next stays in the queue, not to be had this way (tcp_splice_read):
        # read() would pass over it.
        data = b"" if isinstance(source, InetStream) and _before_urgent(source) else source.read(room)
        if data is not None:
            break
        if not may_wait or source.nonblocking():
            raise KernelError(EAGAIN)
        yield Wait([(source.wait_queue, READERS)])
    # Each page of a pipe but the last is said to be followed by more.
    more = MSG_MORE if flags & SPLICE_F_MORE else 0
    written = target.send(data, more) if isinstance(target, Socket) else target.write(data)
    yield Returned(max(written, 0))


def _before_urgent(source: InetStream) -> bool:
    tcb = source.tcb
    if tcb.urg_inline or tcb.rcv_nxt == tcb.copied_seq:
        return False
    return source.ioctl(SIOCATMARK, 0) != 0


def sendfile(state: State, a: Arguments) -> Steps:
    a.count(4)
    target = state.file(a.number(0, "the descriptor to write"))
    source = state.file(a.number(1, "the descriptor to read"))
    if not isinstance(source, DiskFile):
        raise KernelError(EINVAL)
    offset = a.bracketed(2, "the offset") if isinstance(a.at(2), Items) else -1
    data = source.piece(offset, a.number(3, "the count"))
    sent = 0
    while sent < len(data):
        try:
            taken = target.write(data[sent:])
        except KernelError:
            if sent:
                break
            raise
        if taken >= 0:
            sent += taken
            continue
        if target.nonblocking():
            if sent:
                break
            raise KernelError(EAGAIN)
        yield Wait([(target.wait_queue, WRITERS)])
    if offset < 0:
        source.position += sent
    yield Returned(sent)


def open_file(state: State, a: Arguments) -> Steps:
    a.count(2, 3)
    name = a.at(0)
    if not isinstance(name, Text):
        raise a.fail(f"the path must be a string, not {describe(name)}")
    path = name.value.decode("utf-8", "replace")
    content = state.disk.get(path)
    if content is None:
        raise KernelError(ENOENT, path)
    file = DiskFile(state.testbed.kernel, content, a.number(1, "the flags"), path)
    yield Returned(max(take_descriptor(state, a, file), 0), fd=True)


def cap_set(state: State, a: Arguments) -> Steps:
    a.count(3)
    which, capability = a.number(0, "the set"), a.number(1, "the capability")
    process = state.testbed.process
    if which == _CAP_EFFECTIVE:
        if a.number(2, "the value"):
            process.capabilities |= 1 << capability
        else:
            process.capabilities &= ~(1 << capability)
    yield Returned(0)
