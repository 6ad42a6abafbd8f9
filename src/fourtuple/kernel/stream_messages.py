"""Control messages of TCP sockets: timestamps, the error queue, how much is left to read."""

from __future__ import annotations

from errno import EAGAIN, EINVAL
from typing import TYPE_CHECKING, Final

from ..stack.tcp.error_queue import (
    ORIGIN_ICMP,
    ORIGIN_ICMP6,
    RX_SOFTWARE,
    SOFTWARE,
    TX_RECORD,
    arrival_of,
    take_error_entry,
)
from .error import KernelError
from .layout import pack_int, read_int
from .netdevice import sockaddr_in, sockaddr_in6
from .sockaddr import AF_INET6
from .socket import MSG_ERRQUEUE, MSG_TRUNC, ControlMessage, Received
from .sockopt import (
    IP_RECVERR,
    IPV6_RECVERR,
    SO_TIMESTAMPING,
    SO_TIMESTAMPING_NEW,
    SOL_IP,
    SOL_IPV6,
    SOL_SOCKET,
    SOL_TCP,
    TCP_INQ,
)
from .timestamps import timestamp_control, timestamping_control
from .unix_message import SCM_CREDENTIALS, SCM_RIGHTS

if TYPE_CHECKING:
    from .inet_stream import InetStream

SCM_TIMESTAMPING_OPT_STATS: Final = 54

_NO_ADDRESS: Final = 16
_NO_ADDRESS_V6: Final = 28


def write_stamps_of(socket: InetStream, control: list[ControlMessage]) -> int:
    """The points of a write to tell of: those of SO_TIMESTAMPING, or what a control message says instead.

    Raises EINVAL for a control message TCP does not know.
    """
    bits = socket.tcb.timestamping & TX_RECORD
    for message in control:
        if message.level != SOL_SOCKET or message.type in (SCM_RIGHTS, SCM_CREDENTIALS):
            continue
        if message.type not in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW) or len(message.data) != 4:
            raise KernelError(EINVAL, "control message of another family")
        bits = read_int(message.data)
        if bits & ~TX_RECORD:
            raise KernelError(EINVAL)
    return bits


def error_message(socket: InetStream, count: int) -> Received:
    """MSG_ERRQUEUE: the next entry. EAGAIN if there is none; reading the error queue never blocks."""
    tcb = socket.tcb
    entry = take_error_entry(tcb)
    if entry is None:
        raise KernelError(EAGAIN, "error queue empty")
    reported = entry.origin in (ORIGIN_ICMP, ORIGIN_ICMP6)
    received = Received(entry.data[:count], socket.show(entry.destination, entry.port) if reported else None)
    received.flags = MSG_ERRQUEUE
    if count < len(entry.data):
        received.flags |= MSG_TRUNC
    if entry.time >= 0 and tcb.timestamping & SOFTWARE:
        received.control.append(timestamping_control(socket, entry.time))
        if entry.has_stats:
            received.control.append(ControlMessage(SOL_SOCKET, SCM_TIMESTAMPING_OPT_STATS, entry.data, None))
    data = (
        pack_int(entry.errno)
        + bytes((entry.origin, entry.type, entry.code, 0))
        + pack_int(entry.info)
        + entry.key.to_bytes(4, "little")
    )
    if socket.family == AF_INET6:
        data += sockaddr_in6(entry.reporter, 0) if reported else bytes(_NO_ADDRESS_V6)
        received.control.append(ControlMessage(SOL_IPV6, IPV6_RECVERR, data, None))
    else:
        data += sockaddr_in(entry.reporter, 0) if reported else bytes(_NO_ADDRESS)
        received.control.append(ControlMessage(SOL_IP, IP_RECVERR, data, None))
    return received


def add_receive_control(socket: InetStream, received: Received, first: int) -> None:
    """What the socket asked to be told of data read from sequence number ``first`` on."""
    tcb = socket.tcb
    if tcb.keep_arrivals and received.length:
        time = arrival_of(tcb, first + received.length - 1)
        if time >= 0:
            if socket.timestamps:
                received.control.append(timestamp_control(socket, time))
            if tcb.timestamping & SOFTWARE and tcb.timestamping & RX_SOFTWARE:
                received.control.append(timestamping_control(socket, time))
    if socket.tells_left:
        left = tcb.rcv_nxt - tcb.copied_seq
        if left == 0 and tcb.done:
            # Something is left to learn: that the stream ended.
            left = 1
        received.control.append(ControlMessage(SOL_TCP, TCP_INQ, pack_int(left), None))
