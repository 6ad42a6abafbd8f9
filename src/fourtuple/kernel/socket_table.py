"""Rows of the host's sockets, as `ss` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..ports.endpoint import (
    LISTEN,
    PROTOCOL_TCP,
    PROTOCOL_UDPLITE,
    Endpoint,
)
from ..stack.frame_tap import ETH_P_ALL
from ..stack.tcp.info import TcpInfo
from ..stack.tcp.request import Request
from ..stack.tcp.state import (
    TIMER_NONE,
    TIMER_PROBE,
)
from ..stack.tcp.tcb import Tcb
from ..stack.tcp.time_wait import TimeWait
from ..stack.udp_socket import UdpSocket
from ..wire.address import format_ip, is_v4
from .inet import InetSocket
from .inet_ping import InetPing
from .inet_raw import InetRaw
from .packet import PacketSocket
from .process import Process
from .sockaddr import AF_INET, SOCK_DGRAM, SOCK_STREAM
from .unix import UnixSocket

if TYPE_CHECKING:
    from .kernel import Kernel

# As ss names the states, by Linux's number.
STATE_WORDS: Final = (
    "",
    "ESTAB",
    "SYN-SENT",
    "SYN-RECV",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "UNCONN",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
    "SYN-RECV",
)


class SocketRow:
    """One socket: queues in bytes (a listener's: waiting connections and their limit)."""

    __slots__ = (
        "endpoint",
        "holders",
        "info",
        "ino",
        "local",
        "peer",
        "protocol",
        "recv_q",
        "send_q",
        "state",
        "timer",
    )

    def __init__(self, protocol: str, state: str, local: str, peer: str) -> None:
        self.protocol: str = protocol
        """``tcp``, ``udp``, ``udplite``, ``u_str``, ``u_dgr``, ``u_seq``."""
        self.state: str = state
        """As ss writes it: ESTAB, LISTEN, UNCONN, TIME-WAIT …"""
        self.recv_q: int = 0
        self.send_q: int = 0
        self.local: str = local
        self.peer: str = peer
        self.ino: int = 0
        """0 for what no open socket stands behind (TIME_WAIT, unaccepted, orphans)."""
        self.endpoint: Endpoint | None = None
        self.holders: list[tuple[Process, int]] = []
        """Processes and descriptors that hold it."""
        self.timer: str = ""
        """``keepalive,119min,0`` as ss -o, empty for none."""
        self.info: TcpInfo | None = None
        """What TCP_INFO says of a TCP socket, as ``ss -i``; None of others and in TIME_WAIT."""


def holders_of(kernel: Kernel, endpoint: Endpoint) -> list[tuple[Process, int]]:
    """The processes and descriptors that hold the socket of ``endpoint``, by pid as made."""
    holders: list[tuple[Process, int]] = []
    for process in kernel.processes.values():
        for fd, file in process.fds.items():
            if isinstance(file, InetSocket) and file.endpoint is endpoint:
                holders.append((process, fd))
    return holders


def socket_rows(kernel: Kernel) -> list[SocketRow]:
    """TCP, UDP, raw, ping and packet sockets, then unix. A TCP socket only bound is listed too, as UNCONN,
    unlike in ss."""
    by_ino: dict[int, list[tuple[Process, int]]] = {}
    sockets: dict[Endpoint, InetSocket] = {}
    others: dict[int, SocketRow] = {}
    for process in kernel.processes.values():
        for fd, file in process.fds.items():
            if isinstance(file, InetSocket | UnixSocket | PacketSocket):
                by_ino.setdefault(file.ino, []).append((process, fd))
                if isinstance(file, InetRaw | InetPing):
                    others[file.ino] = _portless_row(file)
                elif isinstance(file, PacketSocket):
                    others[file.ino] = _packet_row(file)
                if isinstance(file, InetSocket):
                    sockets[file.endpoint] = file
    rows: list[SocketRow] = []
    for endpoint in kernel.stack.tables.endpoints():
        row = _inet_row(endpoint)
        socket = sockets.get(endpoint)
        if socket is not None:
            row.ino = socket.ino
            row.holders = by_ino[socket.ino]
        rows.append(row)
    for ino, other in others.items():
        other.ino = ino
        other.holders = by_ino[ino]
        rows.append(other)
    for socket_ in kernel.unix.sockets.values():
        if socket_.listener is None:
            unix = _unix_row(socket_)
            unix.holders = by_ino.get(socket_.ino, [])
            rows.append(unix)
    return rows


def _inet_row(endpoint: Endpoint) -> SocketRow:
    protocol = "tcp" if endpoint.protocol == PROTOCOL_TCP else "udp"
    if endpoint.protocol == PROTOCOL_UDPLITE:
        protocol = "udplite"
    state = STATE_WORDS[endpoint.state]
    row = SocketRow(
        protocol,
        state,
        _show(endpoint, endpoint.local, endpoint.local_port),
        _show(endpoint, endpoint.peer, endpoint.peer_port),
    )
    row.endpoint = endpoint
    owner = endpoint.owner
    if isinstance(owner, Tcb):
        if endpoint.state == LISTEN:
            row.recv_q = owner.accept_queue_length
            row.send_q = owner.listening.limit if owner.listening is not None else 0
        else:
            row.recv_q = owner.readable_bytes()
            row.send_q = owner.unacked_bytes()
        row.timer = _timer(owner)
        row.info = owner.info()
    elif isinstance(owner, TimeWait):
        row.timer = f"timewait,{_duration(owner.timer.remaining())},0"
    elif isinstance(owner, Request):
        row.timer = f"on,{_duration(owner.remaining())},{owner.timeouts}"
    elif isinstance(owner, UdpSocket):
        row.recv_q = owner.rmem
    return row


def _portless_row(socket: InetRaw | InetPing) -> SocketRow:
    """A raw or ping socket: in place of a port stands its protocol or identifier, as in ss."""
    endpoint = socket.endpoint
    row = SocketRow(
        "raw" if isinstance(socket, InetRaw) else "icmp",
        STATE_WORDS[endpoint.state],
        _show(endpoint, endpoint.local, endpoint.local_port),
        _show(endpoint, endpoint.peer, endpoint.peer_port),
    )
    row.endpoint = endpoint
    row.recv_q = socket.messages.rmem
    return row


def _packet_row(socket: PacketSocket) -> SocketRow:
    """As ss: the ethertype, or ``*`` for all, and the interface."""
    frames = socket.frames
    interface = socket.kernel.stack.interface(frames.ifindex)
    protocol = "*" if frames.protocol == ETH_P_ALL else f"[{frames.protocol}]"
    row = SocketRow(
        "p_dgr" if socket.type == SOCK_DGRAM else "p_raw",
        "UNCONN",
        f"{protocol}:{interface.name if interface is not None else '*'}",
        "*",
    )
    row.recv_q = frames.rmem
    return row


def _show(endpoint: Endpoint, ip: int, port: int) -> str:
    shown = str(port) if port else "*"
    if endpoint.family == AF_INET:
        return f"{format_ip(ip)}:{shown}"
    if ip == 0 and not endpoint.v6only:
        return f"*:{shown}"
    if is_v4(ip):
        return f"[::ffff:{format_ip(ip)}]:{shown}"
    return f"[{format_ip(ip)}]:{shown}"


def _timer(tcb: Tcb) -> str:
    """The timer that runs, as ``inet_sk_diag_fill`` chooses: retransmission, keep-alive, probe."""
    now = tcb.clock.now
    if tcb.retransmit_at >= 0 and tcb.pending != TIMER_NONE:
        name = "persist" if tcb.pending == TIMER_PROBE else "on"
        count = tcb.probes_out if tcb.pending == TIMER_PROBE else tcb.retransmits
        return f"{name},{_duration(tcb.retransmit_at - now)},{count}"
    if tcb.keepalive_at >= 0:
        return f"keepalive,{_duration(tcb.keepalive_at - now)},{tcb.probes_out}"
    return ""


def _duration(nanoseconds: int) -> str:
    """As ss writes a time: ``119min``, ``59sec``, ``1.204sec``, ``204ms``."""
    milliseconds = max(nanoseconds, 0) // 1_000_000
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    if minutes:
        return f"{minutes}min{seconds}sec" if seconds and minutes <= 9 else f"{minutes}min"
    if seconds > 9:
        return f"{seconds}sec"
    if seconds:
        return f"{seconds}.{milliseconds:03d}sec"
    return f"{milliseconds}ms"


def _unix_row(socket: UnixSocket) -> SocketRow:
    protocol = "u_str" if socket.type == SOCK_STREAM else "u_dgr" if socket.type == SOCK_DGRAM else "u_seq"
    peer = socket.peer
    row = SocketRow(
        protocol,
        STATE_WORDS[socket.state],
        f"{_unix_name(socket)} {socket.ino}",
        f"{_unix_name(peer)} {peer.ino}" if peer is not None else "* 0",
    )
    row.ino = socket.ino
    if socket.state == LISTEN:
        row.recv_q = len(socket.embryos)
        row.send_q = socket.backlog
    else:
        row.recv_q = sum([len(message.data) - message.consumed for message in socket.queue])
        row.send_q = socket.wmem
    return row


def _unix_name(socket: UnixSocket) -> str:
    if socket.name is None:
        return "*"
    return socket.name.decode("utf-8", "backslashreplace").replace("\0", "@")
