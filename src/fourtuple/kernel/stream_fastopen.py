"""Writes that open a connection: TCP Fast Open of a client (RFC 7413, Linux ``tcp_sendmsg_fastopen``)."""

from __future__ import annotations

from errno import EALREADY, EINPROGRESS, EINVAL, EISCONN, EOPNOTSUPP
from typing import TYPE_CHECKING

from ..ports.endpoint import CLOSE
from ..stack.tcp import zerocopy
from ..stack.tcp.fastopen import CLIENT
from ..wire.address import is_v4
from .error import KernelError
from .sockaddr import AF_UNSPEC, SockAddr
from .socket import MSG_DONTWAIT, MSG_FASTOPEN, MSG_ZEROCOPY
from .stream_progress import CONNECTED, CONNECTING, DISCONNECTING

if TYPE_CHECKING:
    from .inet_stream import InetStream


def send_opening(stream: InetStream, data: bytes, flags: int, addr: SockAddr | None) -> int:
    """A write that opens the connection, or goes on opening it.

    EOPNOTSUPP (not enabled, AF_UNSPEC), EINPROGRESS (the SYN took nothing of it), and the errors of
    connect(). A blocking call that is told to wait (-1) comes again with the same arguments.
    """
    if stream.syn_taken >= 0:
        return _send_opened(stream, data, flags)
    if not stream.kernel.stack.sysctl.tcp_fastopen & CLIENT or (
        addr is not None and addr.family == AF_UNSPEC
    ):
        raise KernelError(EOPNOTSUPP)
    tcb = stream.tcb
    if stream.opening:
        taken = tcb.send_deferred(data)
        stream.opening = False
    else:
        if stream.progress == CONNECTED:
            raise KernelError(EISCONN)
        if stream.progress == CONNECTING:
            if stream.connect_result():
                return stream.send(data, flags & ~MSG_FASTOPEN)
            raise KernelError(EALREADY)
        if stream.progress == DISCONNECTING or addr is None:
            raise KernelError(EINVAL)
        if stream.endpoint.state != CLOSE:
            raise KernelError(EISCONN)
        address = stream.peer_address_of(addr)
        stream.apply_tos(is_v4(address))
        taken = tcb.connect_sending(address, addr.port, data)
        if taken < 0:
            raise KernelError(-taken)
        stream.progress = CONNECTING
    if stream.nonblocking() or flags & MSG_DONTWAIT:
        if not taken and not stream.connect_result():
            raise KernelError(EINPROGRESS)
        _number(stream, flags, taken)
        return taken
    stream.opening = True
    stream.syn_taken = taken
    tcb.write_pending = not data or taken < len(data)
    return _send_opened(stream, data, flags)


def _send_opened(stream: InetStream, data: bytes, flags: int) -> int:
    """The rest of such a call, once the connection is there; -1 until then."""
    if not stream.connect_result():
        return -1
    taken = stream.syn_taken
    stream.opening = False
    stream.syn_taken = -1
    stream.tcb.write_pending = False
    if taken == len(data):
        _number(stream, flags, taken)
        return taken
    more = stream.send(data[taken:], flags & ~MSG_FASTOPEN)
    return more if taken == 0 else taken + max(more, 0)


def _number(stream: InetStream, flags: int, taken: int) -> None:
    """Count a write that went with the SYN, if its sender wants to know when it arrived."""
    if stream.zerocopy and flags & MSG_ZEROCOPY and taken:
        zerocopy.wrote(stream.tcb, taken, False)
