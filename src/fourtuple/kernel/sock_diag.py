"""NETLINK_SOCK_DIAG: the host's sockets as ``ss`` reads them (sock_diag(7))."""

from __future__ import annotations

from errno import EINVAL, ENOENT, EOPNOTSUPP
from typing import TYPE_CHECKING, Final

from ..clock.clock import MILLISECOND
from ..ports.endpoint import LISTEN, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_UDPLITE, TIME_WAIT, Endpoint
from ..stack.tcp.request import Request
from ..stack.tcp.state import TIMER_NONE, TIMER_PROBE
from ..stack.tcp.tcb import Tcb
from ..stack.tcp.time_wait import TimeWait
from ..wire.address import V4_BASE, V6_ANY
from .error import KernelError
from .inet import InetSocket
from .netlink import Dump, NetlinkFamily, NetlinkSocket
from .netlink_message import (
    NetlinkHeader,
    attribute,
    int32s,
    message,
    read_attributes,
    u8,
    u32,
)
from .process import CAP_NET_ADMIN
from .sockaddr import AF_INET, AF_INET6, AF_UNIX
from .socket_table import SocketRow
from .unix import UnixSocket

if TYPE_CHECKING:
    from .kernel import Kernel

SOCK_DIAG_BY_FAMILY: Final = 20

_INET_REQUEST: Final = 56
_UNIX_REQUEST: Final = 24
_BYTECODE: Final = 1
_NO_COOKIE: Final = b"\xff" * 8

_INET_DIAG_MEMINFO: Final = 1
_INET_DIAG_INFO: Final = 2
_INET_DIAG_CONG: Final = 4
_INET_DIAG_TOS: Final = 5
_INET_DIAG_TCLASS: Final = 6
_INET_DIAG_SKMEMINFO: Final = 7
_INET_DIAG_SHUTDOWN: Final = 8
_INET_DIAG_SKV6ONLY: Final = 11
_INET_DIAG_MARK: Final = 15
_INET_DIAG_BBRINFO: Final = 16
_INET_DIAG_SOCKOPT: Final = 22

_TIMER_RETRANSMIT: Final = 1
_TIMER_KEEPALIVE: Final = 2
_TIMER_TIME_WAIT: Final = 3
_TIMER_PROBE: Final = 4

_UDIAG_SHOW_NAME: Final = 1
_UDIAG_SHOW_VFS: Final = 2
_UDIAG_SHOW_PEER: Final = 4
_UDIAG_SHOW_ICONS: Final = 8
_UDIAG_SHOW_RQLEN: Final = 16
_UDIAG_SHOW_MEMINFO: Final = 32
_UDIAG_SHOW_UID: Final = 64
_PROTOCOLS: Final = (PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_UDPLITE)
_MAJOR_SHIFT: Final = 20


class SocketDiag(NetlinkFamily):
    """Answers about TCP, UDP and unix sockets of one host."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def dumps(self, request: NetlinkHeader) -> bool:
        if request.type != SOCK_DIAG_BY_FAMILY:
            raise KernelError(EOPNOTSUPP if request.type == SOCK_DIAG_BY_FAMILY + 1 else EINVAL)
        if len(request.body) < 2:
            raise KernelError(EINVAL)
        family = request.body[0]
        if family not in (AF_INET, AF_INET6, AF_UNIX):
            raise KernelError(ENOENT)
        if len(request.body) < (_UNIX_REQUEST if family == AF_UNIX else _INET_REQUEST):
            raise KernelError(EINVAL)
        return request.dumps()

    def dump(self, socket: NetlinkSocket, request: NetlinkHeader) -> Dump:
        body = request.body
        states = int.from_bytes(body[4:8], "little")
        if body[0] == AF_UNIX:
            show = int.from_bytes(body[12:16], "little")
            found = [
                _unix_body(other, show)
                for other in self.kernel.unix.sockets.values()
                if other.listener is None and states >> other.state & 1
            ]
            return Dump(SOCK_DIAG_BY_FAMILY, found, False)
        if body[1] not in _PROTOCOLS:
            raise KernelError(ENOENT)
        if _BYTECODE in read_attributes(body[_INET_REQUEST:]):
            raise KernelError(EOPNOTSUPP, "a filter program is not run here")
        ports = (int.from_bytes(body[8:10], "big"), int.from_bytes(body[10:12], "big"))
        device = int.from_bytes(body[44:48], "little")
        bodies: list[bytes] = []
        admin = socket.caller().capable(CAP_NET_ADMIN)
        sockets = self._open()
        for row in self.kernel.sockets():
            endpoint = row.endpoint
            if endpoint is None or endpoint.protocol != body[1] or endpoint.family != body[0]:
                continue
            if not states >> endpoint.state & 1 or device not in (0, endpoint.device):
                continue
            if ports[0] not in (0, endpoint.local_port) or ports[1] not in (0, endpoint.peer_port):
                continue
            if _shown(endpoint):
                bodies.append(_inet_body(row, endpoint, sockets.get(row.ino), body[2], admin))
        return Dump(SOCK_DIAG_BY_FAMILY, bodies, False)

    def answer(self, socket: NetlinkSocket, request: NetlinkHeader) -> list[bytes]:
        body = request.body
        if body[0] == AF_UNIX:
            found = self._unix(body)
        else:
            found = self._inet(body, socket.caller().capable(CAP_NET_ADMIN))
        return [message(SOCK_DIAG_BY_FAMILY, 0, request.sequence, socket.port, found)]

    def _unix(self, body: bytes) -> bytes:
        ino = int.from_bytes(body[8:12], "little")
        if ino == 0:
            raise KernelError(EINVAL)
        other = self.kernel.unix.sockets.get(ino)
        if other is None:
            raise KernelError(ENOENT)
        return _unix_body(other, int.from_bytes(body[12:16], "little"))

    def _inet(self, body: bytes, admin: bool) -> bytes:
        """The socket a packet would reach. The two protocols want the addresses in opposite order."""
        family, protocol = body[0], body[1]
        if protocol not in _PROTOCOLS:
            raise KernelError(ENOENT)
        source_port = int.from_bytes(body[8:10], "big")
        destination_port = int.from_bytes(body[10:12], "big")
        source = _read_ip(body[12:28], family)
        destination = _read_ip(body[28:44], family)
        device = int.from_bytes(body[44:48], "little")
        tables = self.kernel.stack.tables
        if protocol == PROTOCOL_TCP:
            found = tables.lookup_tcp(destination, destination_port, source, source_port, device, None)
        else:
            table = tables.udp if protocol == PROTOCOL_UDP else tables.udplite
            found = table.lookup(source, source_port, destination, destination_port, device, None)
        if found is not None:
            sockets = self._open()
            for row in self.kernel.sockets():
                if row.endpoint is found and body[48:56] in (_NO_COOKIE, _cookie(row, found)):
                    return _inet_body(row, found, sockets.get(row.ino), body[2], admin)
        raise KernelError(ENOENT)

    def _open(self) -> dict[int, InetSocket]:
        """The host's open IP sockets by inode."""
        found: dict[int, InetSocket] = {}
        for process in self.kernel.processes.values():
            for _, file in process.fds.items():
                if isinstance(file, InetSocket):
                    found[file.ino] = file
        return found


def _shown(endpoint: Endpoint) -> bool:
    # What is only bound is in no table Linux dumps, but for UDP.
    return endpoint.protocol != PROTOCOL_TCP or endpoint.state != 7


def _read_ip(data: bytes, family: int) -> int:
    if family == AF_INET:
        return V4_BASE | int.from_bytes(data[:4], "big")
    return int.from_bytes(data, "big")


def _ip(address: int, family: int) -> bytes:
    if family == AF_INET:
        return (address & 0xFFFF_FFFF).to_bytes(4, "big") + bytes(12)
    return (V6_ANY if address < 0 else address).to_bytes(16, "big")


def _cookie(row: SocketRow, endpoint: Endpoint) -> bytes:
    """SO_COOKIE; of what has no open socket, one made of its ports."""
    number = row.ino or 1 << 63 | endpoint.local_port << 16 | endpoint.peer_port
    return number.to_bytes(8, "little")


def _timer(endpoint: Endpoint) -> tuple[int, int, int]:
    """The timer that runs, how often it struck, and the milliseconds left."""
    owner = endpoint.owner
    if isinstance(owner, Tcb):
        now = owner.clock.now
        if owner.retransmit_at >= 0 and owner.pending != TIMER_NONE:
            left = max(owner.retransmit_at - now, 0) // MILLISECOND
            if owner.pending == TIMER_PROBE:
                return _TIMER_PROBE, owner.probes_out, left
            return _TIMER_RETRANSMIT, owner.retransmits, left
        if owner.keepalive_at >= 0:
            return _TIMER_KEEPALIVE, owner.probes_out, max(owner.keepalive_at - now, 0) // MILLISECOND
    elif isinstance(owner, TimeWait):
        return _TIMER_TIME_WAIT, 0, max(owner.timer.remaining(), 0) // MILLISECOND
    elif isinstance(owner, Request):
        return _TIMER_RETRANSMIT, owner.timeouts, max(owner.remaining(), 0) // MILLISECOND
    return 0, 0, 0


def _inet_body(
    row: SocketRow, endpoint: Endpoint, socket: InetSocket | None, extensions: int, admin: bool
) -> bytes:
    """struct inet_diag_msg and attributes; bit N-1 of ``extensions`` asks for attribute N."""
    timer, count, left = _timer(endpoint)
    family = endpoint.family
    # A connection still in the queue of SYNs is SYN_RECV to user space, one in FIN_WAIT_2 without its
    # socket stays that.
    state = 3 if endpoint.state == 12 else endpoint.state
    parts = [
        bytes((family, state, timer, count & 0xFF)),
        endpoint.local_port.to_bytes(2, "big") + endpoint.peer_port.to_bytes(2, "big"),
        _ip(endpoint.local, family),
        _ip(endpoint.peer, family),
        endpoint.device.to_bytes(4, "little"),
        _cookie(row, endpoint),
        int32s([left, row.recv_q, row.send_q, endpoint.uid if row.ino else 0, row.ino]),
    ]
    owner = endpoint.owner
    tcb = owner if isinstance(owner, Tcb) else None
    if state == TIME_WAIT or isinstance(owner, Request):
        return b"".join(parts)
    shut = tcb.shut if tcb is not None else 0
    parts.append(u8(_INET_DIAG_SHUTDOWN, shut))
    wants = [extensions >> (kind - 1) & 1 != 0 for kind in range(1, 9)]
    if wants[_INET_DIAG_TOS - 1]:
        parts.append(u8(_INET_DIAG_TOS, socket.tos if socket is not None else 0))
    if family == AF_INET6:
        if wants[_INET_DIAG_TCLASS - 1]:
            parts.append(u8(_INET_DIAG_TCLASS, socket.tclass if socket is not None else 0))
        if state in (7, LISTEN):
            parts.append(u8(_INET_DIAG_SKV6ONLY, 1 if endpoint.v6only else 0))
    if admin:
        parts.append(u32(_INET_DIAG_MARK, socket.mark if socket is not None else 0))
    parts.append(attribute(_INET_DIAG_SOCKOPT, _flags(endpoint, socket)))
    memory = socket.memory() if socket is not None else [0] * 9
    if wants[_INET_DIAG_MEMINFO - 1]:
        parts.append(attribute(_INET_DIAG_MEMINFO, int32s([memory[0], memory[5], memory[4], memory[2]])))
    if wants[_INET_DIAG_SKMEMINFO - 1]:
        parts.append(attribute(_INET_DIAG_SKMEMINFO, int32s(memory)))
    if tcb is not None:
        if wants[_INET_DIAG_INFO - 1] and row.info is not None:
            parts.append(attribute(_INET_DIAG_INFO, row.info.pack()))
        if wants[_INET_DIAG_CONG - 1]:
            parts.append(attribute(_INET_DIAG_CONG, tcb.congestion.encode() + b"\0"))
            told = tcb.cc.info(tcb)
            if told:
                parts.append(attribute(_INET_DIAG_BBRINFO, told))
    return b"".join(parts)


def _flags(endpoint: Endpoint, socket: InetSocket | None) -> bytes:
    """struct inet_diag_sockopt."""
    low = 2 if endpoint.protocol == PROTOCOL_TCP else 0
    high = 1 if endpoint.bind_no_port else 0
    if socket is not None:
        low |= 1 if socket.recverr else 0
        low |= 4 if socket.freebind else 0
        low |= 16 if socket.multicast_loop else 0
        low |= 32 if socket.transparent else 0
        low |= 64 if endpoint.multicast_all and endpoint.family == AF_INET else 0
    return bytes((low, high))


def _unix_body(socket: UnixSocket, show: int) -> bytes:
    """struct unix_diag_msg and attributes."""
    parts = [
        bytes((AF_UNIX, socket.type, socket.state, 0)),
        socket.ino.to_bytes(4, "little") + socket.ino.to_bytes(8, "little"),
    ]
    name = socket.name
    if show & _UDIAG_SHOW_NAME and name:
        # A path with its NUL, an abstract name without.
        parts.append(attribute(0, name if name.startswith(b"\0") else name + b"\0"))
    if show & _UDIAG_SHOW_VFS and name and not name.startswith(b"\0"):
        parts.append(attribute(1, int32s([socket.ino, 1 << _MAJOR_SHIFT])))
    peer = socket.peer
    if show & _UDIAG_SHOW_PEER and peer is not None:
        parts.append(u32(2, peer.ino))
    listening = socket.state == LISTEN
    if show & _UDIAG_SHOW_ICONS and listening:
        parts.append(attribute(3, int32s([one.peer.ino if one.peer else 0 for one in socket.embryos])))
    unread = sum([len(queued.data) - queued.consumed for queued in socket.queue])
    if show & _UDIAG_SHOW_RQLEN:
        queues = [len(socket.embryos), socket.backlog] if listening else [unread, socket.wmem]
        parts.append(attribute(4, int32s(queues)))
    if show & _UDIAG_SHOW_MEMINFO:
        parts.append(attribute(5, int32s(socket.memory())))
    parts.append(u8(6, socket.shut))
    if show & _UDIAG_SHOW_UID:
        parts.append(u32(7, socket.creator.uid))
    return b"".join(parts)
