"""AF_NETLINK sockets (netlink(7); Linux ``net/netlink/af_netlink.c``).

The kernel answers within sendmsg(): what it says waits in the socket's queue. A dump's datagrams
follow each other as the program reads, so that a large one cannot overflow the receive buffer.
"""

from __future__ import annotations

from collections import deque
from errno import (
    EADDRINUSE,
    EAGAIN,
    EBUSY,
    ECONNREFUSED,
    EINVAL,
    EMSGSIZE,
    ENOBUFS,
    ENODATA,
    ENOPROTOOPT,
    ENOTTY,
    EOPNOTSUPP,
    EPERM,
)
from typing import TYPE_CHECKING, Final

from ..stack.bpf import BpfProgram
from ..stack.filtering import DROP, kept_of_data
from ..stack.truesize import truesize
from .error import KernelError
from .file import FIONBIO
from .layout import pack_int, pack_ucred, read_int
from .netlink_message import (
    HEADER,
    NLM_F_ACK,
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    NLM_F_MULTI,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_MIN_TYPE,
    NLMSGERR_ATTR_MSG,
    NetlinkHeader,
    align,
    message,
    text,
)
from .process import CAP_NET_ADMIN, CAP_NET_BROADCAST, Process
from .sockaddr import AF_NETLINK, AF_UNSPEC, NetlinkAddr, SockAddr
from .socket import MSG_OOB, MSG_PEEK, MSG_TRUNC, ControlMessage, Received, Socket
from .sockopt import (
    NETLINK_ADD_MEMBERSHIP,
    NETLINK_BROADCAST_ERROR,
    NETLINK_CAP_ACK,
    NETLINK_DROP_MEMBERSHIP,
    NETLINK_EXT_ACK,
    NETLINK_LIST_MEMBERSHIPS,
    NETLINK_LISTEN_ALL_NSID,
    NETLINK_NO_ENOBUFS,
    NETLINK_PKTINFO,
    SOL_NETLINK,
)
from .sockopt_table import check_option

if TYPE_CHECKING:
    from .kernel import Kernel

NETLINK_ROUTE: Final = 0
NETLINK_USERSOCK: Final = 2
NETLINK_SOCK_DIAG: Final = 4

_GROUPS: Final = {NETLINK_ROUTE: 36, NETLINK_USERSOCK: 32, NETLINK_SOCK_DIAG: 32}
# Multicast routing's notifications (RTNLGRP_IPV4_MROUTE_R and its twin) are for administrators.
_ADMIN_GROUPS: Final = (30, 31)
_FIRST_RANDOM_PORT: Final = 0xFFFF_EFFF
_DATAGRAM: Final = 3776
"""Bytes a dump puts into one datagram (NLMSG_GOODSIZE); a larger message has one of its own."""
_HEADROOM: Final = 32
_POLL_IN: Final = 0x041
_POLL_OUT: Final = 0x304
_POLL_ERR: Final = 0x008
_SOL_SOCKET: Final = 1
_SCM_CREDENTIALS: Final = 2


class Dump:
    """The answers to a dump request, and whether Linux would end it in the datagram of the last."""

    __slots__ = ("filtered", "messages", "together", "type")

    def __init__(self, type: int, bodies: list[bytes], together: bool) -> None:
        self.type = type
        self.messages = bodies
        self.together = together
        self.filtered: int = 0
        """NLM_F_DUMP_FILTERED if a filter was asked for and applied."""


class NetlinkFamily:
    """What answers requests of one netlink protocol."""

    def answer(self, socket: NetlinkSocket, request: NetlinkHeader) -> list[bytes]:
        """Whole messages to send back. Raises KernelError."""
        raise NotImplementedError

    def dump(self, socket: NetlinkSocket, request: NetlinkHeader) -> Dump:
        """The answer to a dump. Raises KernelError."""
        raise NotImplementedError

    def dumps(self, request: NetlinkHeader) -> bool:
        """Whether ``request`` asks for a dump. Raises EOPNOTSUPP if there is no such request."""
        raise NotImplementedError


class NetlinkPorts:
    """The netlink sockets of one host, by protocol and port id (nl_pid)."""

    __slots__ = ("_next", "families", "sockets")

    def __init__(self) -> None:
        self.families: dict[int, NetlinkFamily] = {}
        self.sockets: list[NetlinkSocket] = []
        """Those open, oldest first."""
        self._next: int = _FIRST_RANDOM_PORT

    def find(self, protocol: int, port: int) -> NetlinkSocket | None:
        for socket in self.sockets:
            if socket.protocol == protocol and socket.bound and socket.port == port:
                return socket
        return None

    def free_port(self, protocol: int, pid: int) -> int:
        """``pid`` if no socket has it, else a number no process has."""
        port = pid
        while self.find(protocol, port) is not None:
            port = self._next
            self._next -= 1
        return port

    def listeners(self, protocol: int, group: int) -> bool:
        """Whether anybody listens to ``group``."""
        bit = 1 << (group - 1)
        return len([one for one in self.sockets if one.protocol == protocol and one.groups & bit]) > 0

    def multicast(self, protocol: int, group: int, data: bytes, sender: int, but: int) -> None:
        """Give ``data`` to all that listen to ``group``, but the socket with port ``but``."""
        for socket in self.sockets:
            if socket.protocol == protocol and socket.groups >> (group - 1) & 1 and socket.port != but:
                socket.receive(data, sender, group)


class _Queued:
    __slots__ = ("data", "group", "sender", "truesize", "ucred")

    def __init__(self, data: bytes, sender: int, group: int, ucred: bytes) -> None:
        self.data = data
        self.sender = sender
        self.group = group
        self.ucred = ucred
        self.truesize: int = truesize(len(data))


class NetlinkSocket(Socket):
    """A netlink socket. ``port`` is its nl_pid, 0 while it has none."""

    __slots__ = (
        "bound",
        "broadcast_error",
        "cap_ack",
        "connected",
        "dumping",
        "ext_ack",
        "groups",
        "listen_all",
        "no_enobufs",
        "overrun",
        "peer_group",
        "peer_port",
        "pktinfo",
        "port",
        "ports",
        "program",
        "queue",
        "rmem",
        "strict",
    )

    def __init__(self, kernel: Kernel, creator: Process, type: int, protocol: int) -> None:
        super().__init__(kernel, creator, AF_NETLINK, type, protocol, f"netlink socket of {creator.name}")
        self.ports: NetlinkPorts = kernel.netlink
        self.port: int = 0
        self.bound: bool = False
        self.groups: int = 0
        """Bit N-1 for each group N it listens to."""
        self.connected: bool = False
        self.peer_port: int = 0
        self.peer_group: int = 0
        """Bit mask, as nl_groups."""
        self.queue: deque[_Queued] = deque()
        self.rmem: int = 0
        self.dumping: deque[bytes] = deque()
        """Datagrams of a dump that wait for the program to read."""
        self.overrun: int = 0
        """ENOBUFS once something was lost."""
        self.program: BpfProgram | None = None
        self.pktinfo: bool = False
        self.broadcast_error: bool = False
        self.no_enobufs: bool = False
        self.listen_all: bool = False
        self.cap_ack: bool = False
        self.ext_ack: bool = False
        self.strict: bool = False
        """NETLINK_GET_STRICT_CHK."""
        self.ports.sockets.append(self)

    # Names

    def bind(self, addr: SockAddr) -> None:
        """EINVAL (another family, or another port than it has), EADDRINUSE, EPERM (a group)."""
        if not isinstance(addr, NetlinkAddr):
            raise KernelError(EINVAL)
        groups = addr.groups & (1 << _GROUPS[self.protocol]) - 1
        for group in _ADMIN_GROUPS:
            if groups >> (group - 1) & 1:
                self._check_group(group)
        if self.bound:
            if addr.port_id != self.port:
                raise KernelError(EINVAL)
        elif addr.port_id:
            if self.ports.find(self.protocol, addr.port_id) is not None:
                raise KernelError(EADDRINUSE)
            self.port = addr.port_id
            self.bound = True
        else:
            self._autobind()
        self.groups = self.groups & ~0xFFFF_FFFF | groups

    def _autobind(self) -> None:
        self.port = self.ports.free_port(self.protocol, self.caller().pid)
        self.bound = True

    def _check_group(self, group: int) -> None:
        if group in _ADMIN_GROUPS and self.protocol == NETLINK_ROUTE:
            self._need_admin()

    def _need_admin(self) -> None:
        if not self.caller().capable(CAP_NET_ADMIN):
            raise KernelError(EPERM)

    def connect(self, addr: SockAddr) -> bool:
        """Fix whom send() means. EINVAL (another family), EPERM (a group, without CAP_NET_ADMIN)."""
        if addr.family == AF_UNSPEC:
            self.connected = False
            self.peer_port = 0
            self.peer_group = 0
            return True
        if not isinstance(addr, NetlinkAddr):
            raise KernelError(EINVAL)
        if addr.groups:
            self._check_sending()
        if not self.bound:
            self._autobind()
        self.connected = True
        self.peer_port = addr.port_id
        self.peer_group = addr.groups
        return True

    def _check_sending(self) -> None:
        if self.protocol != NETLINK_USERSOCK:
            self._need_admin()

    def getsockname(self) -> SockAddr:
        return NetlinkAddr(self.port, self.groups & 0xFFFF_FFFF)

    def getpeername(self) -> SockAddr:
        return NetlinkAddr(self.peer_port, self.peer_group)

    # Sending

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """EOPNOTSUPP, ENODATA (empty), EINVAL, EPERM, EMSGSIZE, ECONNREFUSED, a pending error."""
        if flags & MSG_OOB:
            raise KernelError(EOPNOTSUPP)
        if not data:
            raise KernelError(ENODATA)
        port = self.peer_port
        groups = self.peer_group
        if addr is not None:
            if not isinstance(addr, NetlinkAddr):
                raise KernelError(EINVAL)
            port = addr.port_id
            groups = addr.groups
            if groups or (port and self.protocol != NETLINK_USERSOCK):
                self._check_sending()
        if not self.bound:
            self._autobind()
        if len(data) > self.sndbuf - _HEADROOM:
            raise KernelError(EMSGSIZE)
        if groups:
            group = (groups & -groups).bit_length()
            self.ports.multicast(self.protocol, group, data, self.port, self.port)
        if port:
            self._to_socket(port, data)
        else:
            self._to_kernel(data)
        return len(data)

    def _to_socket(self, port: int, data: bytes) -> None:
        other = self.ports.find(self.protocol, port)
        if other is None or (other.connected and other.peer_port != self.port):
            raise KernelError(ECONNREFUSED)
        if other.rmem > other.rcvbuf:
            raise KernelError(EAGAIN)
        other.receive(data, self.port, 0)

    def _to_kernel(self, data: bytes) -> None:
        """``netlink_rcv_skb``: each message in turn, those that are torn dropped without a word."""
        family = self.ports.families.get(self.protocol)
        if family is None:
            raise KernelError(ECONNREFUSED)
        while len(data) >= HEADER:
            request = NetlinkHeader(data, self.port)
            if request.length < HEADER or request.length > len(data):
                return
            self._serve(family, request, data[: request.length])
            data = data[align(request.length) :]

    def _serve(self, family: NetlinkFamily, request: NetlinkHeader, whole: bytes) -> None:
        code = 0
        detail = ""
        answered = False
        if request.flags & NLM_F_REQUEST and request.type >= NLMSG_MIN_TYPE:
            try:
                if family.dumps(request):
                    self._start_dump(family, request)
                    answered = True
                else:
                    for answer in family.answer(self, request):
                        self.receive(answer, 0, 0)
            except KernelError as error:
                code = error.errno
                detail = error.detail
        if not answered and (code or request.flags & NLM_F_ACK):
            self.receive(self._acknowledgement(request, whole, code, detail), 0, 0)

    def _acknowledgement(self, request: NetlinkHeader, whole: bytes, code: int, detail: str) -> bytes:
        """NLMSG_ERROR: the request comes back whole with an error, unless NETLINK_CAP_ACK is on."""
        flags = 0
        body = pack_int(-code) + whole[:HEADER]
        if code and not self.cap_ack:
            body += whole[HEADER:] + bytes(-len(whole) & 3)
        else:
            flags = NLM_F_CAPPED
        if detail and self.ext_ack:
            flags |= NLM_F_ACK_TLVS
            body += text(NLMSGERR_ATTR_MSG, detail)
        return message(NLMSG_ERROR, flags, request.sequence, self.port, body)

    def _start_dump(self, family: NetlinkFamily, request: NetlinkHeader) -> None:
        if self.dumping:
            raise KernelError(EBUSY)
        try:
            dump = family.dump(self, request)
            done = message(NLMSG_DONE, NLM_F_MULTI, request.sequence, self.port, bytes(4))
        except KernelError as error:
            if error.errno == EOPNOTSUPP:
                raise
            # Linux finds what is wrong with the request once the dump runs.
            dump = Dump(0, [], True)
            flags = NLM_F_MULTI
            body = pack_int(-error.errno)
            if error.detail and self.ext_ack:
                flags |= NLM_F_ACK_TLVS
                body += text(NLMSGERR_ATTR_MSG, error.detail)
            done = message(NLMSG_DONE, flags, request.sequence, self.port, body)
        datagram = b""
        flags = NLM_F_MULTI | dump.filtered
        for body in dump.messages:
            part = message(dump.type, flags, request.sequence, self.port, body)
            if datagram and len(datagram) + len(part) > _DATAGRAM:
                self.dumping.append(datagram)
                datagram = b""
            datagram += part
        if datagram and not (dump.together and len(datagram) + len(done) <= _DATAGRAM):
            self.dumping.append(datagram)
            datagram = b""
        self.dumping.append(datagram + done)
        self._go_on()

    def _go_on(self) -> None:
        """Let the next datagram of a dump follow."""
        if self.dumping and not self.queue:
            self.receive(self.dumping.popleft(), 0, 0)

    # Receiving

    def receive(self, data: bytes, sender: int, group: int) -> None:
        """Queue a datagram from port ``sender`` (0: the kernel); too many are lost, and ENOBUFS tells."""
        if self.program is not None:
            kept = kept_of_data(self.program, data, self.kernel.stack.stream)
            if kept == DROP:
                return
            data = data[:kept]
        queued = _Queued(data, sender, group, self._credentials(sender))
        if self.rmem > self.rcvbuf:
            if not self.no_enobufs:
                self.overrun = ENOBUFS
                self.wait_queue.wake(_POLL_IN | _POLL_ERR)
            return
        self.rmem += queued.truesize
        self.queue.append(queued)
        self.wait_queue.wake(_POLL_IN)

    def _credentials(self, sender: int) -> bytes:
        if sender == 0:
            return bytes(12)
        process = self.caller()
        return pack_ucred(process.pid, process.uid, process.gid)

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """EOPNOTSUPP, ENOBUFS (something was lost)."""
        if flags & MSG_OOB:
            raise KernelError(EOPNOTSUPP)
        code = self.take_error()
        if code:
            raise KernelError(code)
        if not self.queue:
            return None
        queued = self.queue[0]
        data = queued.data
        groups = 1 << (queued.group - 1) if 0 < queued.group <= 32 else 0
        received = Received(data[:count], NetlinkAddr(queued.sender, groups))
        if count < len(data):
            received.flags = MSG_TRUNC
            received.length = len(data) if flags & MSG_TRUNC else count
        if self.pktinfo:
            control = ControlMessage(SOL_NETLINK, NETLINK_PKTINFO, pack_int(queued.group), None)
            received.control.append(control)
        if self.passcred:
            received.control.append(ControlMessage(_SOL_SOCKET, _SCM_CREDENTIALS, queued.ucred, None))
        if flags & MSG_PEEK == 0:
            self.queue.popleft()
            self.rmem -= queued.truesize
            self._go_on()
        return received

    # Options

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        if level != SOL_NETLINK:
            raise KernelError(ENOPROTOOPT)
        check_option(level, name, True)
        number = int.from_bytes(value[:4], "little") if len(value) >= 4 else 0
        on = number != 0
        if name in (NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP):
            self._change_membership(name, read_int(value))
        elif name == NETLINK_PKTINFO:
            self.pktinfo = on
        elif name == NETLINK_BROADCAST_ERROR:
            self.broadcast_error = on
        elif name == NETLINK_NO_ENOBUFS:
            self.no_enobufs = on
            if on:
                self.overrun = 0
        elif name == NETLINK_LISTEN_ALL_NSID:
            if not self.caller().capable(CAP_NET_BROADCAST):
                raise KernelError(EPERM)
            self.listen_all = on
        elif name == NETLINK_CAP_ACK:
            self.cap_ack = on
        elif name == NETLINK_EXT_ACK:
            self.ext_ack = on
        else:
            self.strict = on

    def _change_membership(self, name: int, group: int) -> None:
        if not 0 < group <= _GROUPS[self.protocol]:
            raise KernelError(EINVAL)
        if name == NETLINK_ADD_MEMBERSHIP:
            self._check_group(group)
            self.groups |= 1 << (group - 1)
        else:
            self.groups &= ~(1 << (group - 1))

    def get_protocol_option(self, level: int, name: int, length: int) -> bytes:
        if level != SOL_NETLINK or name in (NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP):
            raise KernelError(ENOPROTOOPT)
        check_option(level, name, False)
        if name == NETLINK_LIST_MEMBERSHIPS:
            return self.groups.to_bytes((_GROUPS[self.protocol] + 31) // 32 * 4, "little")
        if length < 4:
            raise KernelError(EINVAL)
        if name == NETLINK_PKTINFO:
            on = self.pktinfo
        elif name == NETLINK_BROADCAST_ERROR:
            on = self.broadcast_error
        elif name == NETLINK_NO_ENOBUFS:
            on = self.no_enobufs
        elif name == NETLINK_LISTEN_ALL_NSID:
            on = self.listen_all
        elif name == NETLINK_CAP_ACK:
            on = self.cap_ack
        elif name == NETLINK_EXT_ACK:
            on = self.ext_ack
        else:
            on = self.strict
        return pack_int(1 if on else 0)

    def filter_changed(self, program: BpfProgram | None) -> None:
        self.program = program

    def take_error(self) -> int:
        code = self.overrun
        self.overrun = 0
        return code

    def memory(self) -> list[int]:
        return [self.rmem, self.rcvbuf, 0, self.sndbuf, 0, 0, 0, 0, 0]

    # As a file

    def poll(self) -> int:
        ready = _POLL_OUT
        if self.queue:
            ready |= _POLL_IN
        if self.overrun:
            ready |= _POLL_ERR
        return ready

    def ioctl(self, request: int, argument: int) -> int:
        if request == FIONBIO:
            return super().ioctl(request, argument)
        raise KernelError(ENOTTY)

    def release(self) -> None:
        self.ports.sockets.remove(self)
        self.queue.clear()
        self.dumping.clear()
