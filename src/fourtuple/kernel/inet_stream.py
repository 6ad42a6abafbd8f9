"""TCP sockets (Linux ``inet_stream_ops`` and ``net/ipv4/tcp.c``)."""

from __future__ import annotations

from errno import (
    EAFNOSUPPORT,
    EAGAIN,
    EALREADY,
    ECONNABORTED,
    EINVAL,
    EISCONN,
    ENETUNREACH,
    ENOBUFS,
    ENOTCONN,
    ENOTTY,
    EPERM,
)
from typing import TYPE_CHECKING, Final

from ..ports.endpoint import (
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    LAST_ACK,
    LISTEN,
    PROTOCOL_TCP,
    SYN_RECV,
    SYN_SENT,
    Endpoint,
)
from ..stack.bpf import BpfProgram
from ..stack.group_member import GroupMember
from ..stack.sysctl import CONGESTION_CONTROLS
from ..stack.tcp import zerocopy
from ..stack.tcp.error_queue import OPT_ID, OPT_ID_TCP, RX_SOFTWARE, TX_RECORD
from ..stack.tcp.memory import report
from ..stack.tcp.stamps import set_timestamping, stamp_write
from ..stack.tcp.state import UNLIMITED_RATE, URG_NONE
from ..stack.tcp.tcb import Tcb
from ..wire.address import V4_LOOPBACK, V6_ANY, V6_LOOPBACK, is_multicast, is_v4
from .error import KernelError
from .file import FIONREAD, TIOCOUTQ
from .inet import InetSocket, needs_scope
from .layout import pack_int, read_int
from .process import CAP_NET_ADMIN, Process
from .sockaddr import AF_INET, AF_INET6, AF_UNSPEC, IPPROTO_TCP, SOCK_STREAM, SockAddr
from .socket import (
    MSG_DONTWAIT,
    MSG_EOR,
    MSG_ERRQUEUE,
    MSG_FASTOPEN,
    MSG_MORE,
    MSG_OOB,
    MSG_PEEK,
    MSG_TRUNC,
    MSG_WAITALL,
    MSG_ZEROCOPY,
    SHUT_RD,
    SHUT_RDWR,
    SOMAXCONN_LIMIT,
    ControlMessage,
    Received,
    Socket,
)
from .sockopt import (
    SO_KEEPALIVE,
    SO_LINGER,
    SO_MAX_PACING_RATE,
    SO_OOBINLINE,
    SO_RCVBUF,
    SO_RCVLOWAT,
    SO_SNDBUF,
    SO_TIMESTAMP,
    SO_TIMESTAMP_NEW,
    SO_TIMESTAMPNS,
    SO_TIMESTAMPNS_NEW,
    SO_TXREHASH,
    SOL_TCP,
    TCP_CONGESTION,
    TCP_FASTOPEN_KEY,
    TCP_INQ,
    TCP_ULP,
)
from .sockopt_kept import get_kept_option
from .sockopt_table import check_option
from .sockopt_tcp import congestion_name, get_tcp_option, set_tcp_option
from .stream_fastopen import send_opening
from .stream_messages import add_receive_control, error_message, write_stamps_of
from .stream_progress import CONNECTED, CONNECTING, DISCONNECTING, UNCONNECTED

if TYPE_CHECKING:
    from .kernel import Kernel

SIOCATMARK: Final = 0x8905
SIOCOUTQNSD: Final = 0x894B

_SECOND: Final = 1_000_000_000


def make_stream(kernel: Kernel, creator: Process, family: int) -> InetStream:
    """A new TCP socket."""
    endpoint = Endpoint(PROTOCOL_TCP, family, creator.uid)
    if family == AF_INET6:
        endpoint.v6only = kernel.stack.sysctl.ipv6_bindv6only != 0
    return InetStream(kernel, creator, family, endpoint, None)


class InetStream(InetSocket):
    """A TCP socket over a :class:`Tcb`."""

    __slots__ = ("former_port", "opening", "progress", "syn_taken", "tcb", "tells_left")

    def __init__(
        self, kernel: Kernel, creator: Process, family: int, endpoint: Endpoint, accepted: Tcb | None
    ) -> None:
        name = f"tcp socket of {creator.name}"
        super().__init__(kernel, creator, family, SOCK_STREAM, IPPROTO_TCP, endpoint, name)
        self.progress: int = UNCONNECTED if accepted is None else CONNECTED
        """UNCONNECTED, CONNECTING, CONNECTED or DISCONNECTING."""
        self.former_port: int = 0
        """The port it had before the connection was dissolved; getsockname() goes on showing it."""
        self.tcb: Tcb = kernel.stack.tcp.create(endpoint, self.waker) if accepted is None else accepted
        self.tcb.events = self.waker
        self.tells_left: bool = False
        """TCP_INQ: recvmsg() tells how much is left to read."""
        self.opening: bool = False
        """The next write opens the connection, or goes on opening it (Fast Open)."""
        self.syn_taken: int = -1
        """Bytes the SYN took of the data of a blocking call that waits for the connection, -1 none."""

    # Connection

    def connect(self, addr: SockAddr) -> bool:
        """EISCONN, EALREADY (under way and non-blocking), EAFNOSUPPORT, ENETUNREACH,
        EADDRNOTAVAIL, EINVAL, and what a connect() under way ended with.

        AF_UNSPEC dissolves the connection; the socket can be used anew.
        """
        if addr.family == AF_UNSPEC:
            self._dissolve()
            return True
        if self.progress == CONNECTED:
            raise KernelError(EISCONN)
        if self.progress == CONNECTING:
            if self.opening and self.syn_taken < 0:
                raise KernelError(EISCONN)
            if self.connect_result():
                return True
            if self.nonblocking():
                raise KernelError(EALREADY)
            return False
        if self.progress == DISCONNECTING:
            raise KernelError(EINVAL)
        if self.endpoint.state != CLOSE:
            raise KernelError(EISCONN)
        address = self.peer_address_of(addr)
        self.apply_tos(is_v4(address))
        self.take_flow(addr)
        self._check_on_link(address)
        # What was shut down before connecting stays so.
        shut = self.tcb.shut if self.endpoint.peer_port == 0 else 0
        code = self.tcb.connect(address, addr.port)
        self.tcb.shut |= shut
        if code != 0:
            raise KernelError(code)
        self.progress = CONNECTING
        fast = self.tcb.fast
        if fast is not None and fast.deferred:
            self.opening = True
            return True
        return self.connect_result()

    def peer_address_of(self, addr: SockAddr) -> int:
        """The address connect() to ``addr`` goes to. EAFNOSUPPORT, ENETUNREACH."""
        if addr.family != self.family:
            raise KernelError(EAFNOSUPPORT)
        address = addr.ip
        local = self.endpoint.local
        if self.family == AF_INET:
            return address
        if address == V6_ANY:
            # This host itself, by the family the socket is bound to.
            return V4_LOOPBACK if is_v4(local) else V6_LOOPBACK
        if not is_v4(address) and is_multicast(address):
            # Before the scope it would need.
            raise KernelError(ENETUNREACH)
        if is_v4(address):
            if self.endpoint.v6only:
                raise KernelError(ENETUNREACH)
        elif is_v4(local):
            raise KernelError(ENETUNREACH)
        elif needs_scope(address):
            self.take_scope(addr.scope_id)
        return address

    def _check_on_link(self, address: int) -> None:
        """Raises ENETUNREACH if SO_DONTROUTE is set and a gateway would be needed (IPv4)."""
        if not self.dontroute or not is_v4(address):
            return
        endpoint = self.endpoint
        if self.kernel.stack.paths.find_on_link(address, endpoint.local, endpoint.device) is None:
            raise KernelError(ENETUNREACH)

    def connect_result(self) -> bool:
        if self.progress != CONNECTING:
            return self.progress == CONNECTED
        state = self.endpoint.state
        if state in (SYN_SENT, SYN_RECV):
            return False
        if state == CLOSE:
            code = self.tcb.take_error() or ECONNABORTED
            self._disconnect()
            raise KernelError(code)
        self.progress = CONNECTED
        return True

    def _dissolve(self) -> None:
        """connect() to AF_UNSPEC (``tcp_disconnect``)."""
        if self.endpoint.state != CLOSE:
            self._disconnect()
            return
        # A socket only bound keeps its port, even one of the system's choice; a pending error stays.
        self.forget_connection()
        self.tcb.shut = 0
        self.tcb.done = False
        self.progress = UNCONNECTED

    def _disconnect(self) -> None:
        self._remember_port()
        self.tcb.disconnect()
        self.progress = UNCONNECTED
        self.opening = False
        self.syn_taken = -1

    def _remember_port(self) -> None:
        self.former_port = self.endpoint.local_port or self.former_port

    def forget_connection(self) -> None:
        endpoint = self.endpoint
        if endpoint.state == CLOSE and endpoint.peer_port != 0 and not endpoint.port_locked:
            self._remember_port()
            self.tables().disconnect_tcp(endpoint)

    def getsockname(self) -> SockAddr:
        return self.show(self.endpoint.local, self.endpoint.local_port or self.former_port)

    def listen(self, backlog: int) -> None:
        """EINVAL (connected or connecting), EADDRINUSE (the port is judged anew)."""
        if self.progress != UNCONNECTED or self.endpoint.state not in (CLOSE, LISTEN):
            raise KernelError(EINVAL)
        # An error of an earlier connection stays for the next call to find.
        error = self.tcb.error
        code = self.tcb.listen(backlog if backlog >= 0 else SOMAXCONN_LIMIT)
        self.tcb.error = error
        if code != 0:
            raise KernelError(code)

    def accept(self) -> Socket | None:
        if self.endpoint.state != LISTEN:
            raise KernelError(EINVAL)
        tcb = self.tcb.accept()
        if tcb is None:
            return None
        caller = self.caller()
        child = InetStream(self.kernel, caller, self.family, tcb.endpoint, tcb)
        child.inherit(self)
        program = child.endpoint.filter
        child.filter = program if isinstance(program, BpfProgram) else None
        child.endpoint.uid = caller.uid
        child.ip_option_changed()
        return child

    def accepting(self) -> bool:
        return self.endpoint.state == LISTEN

    def has_peer(self) -> bool:
        endpoint = self.endpoint
        return endpoint.peer_port != 0 and endpoint.state not in (CLOSE, SYN_SENT, LISTEN)

    def shutdown(self, how: int) -> None:
        """ENOTCONN, EINVAL. A listener shut down for reading stops to listen."""
        if not SHUT_RD <= how <= SHUT_RDWR:
            raise KernelError(EINVAL)
        state = self.endpoint.state
        if self.progress == CONNECTING:
            handshake = state in (SYN_SENT, SYN_RECV, CLOSE)
            self.progress = DISCONNECTING if handshake else CONNECTED
        if state == SYN_SENT:
            self.progress = UNCONNECTED
        self._remember_port()
        code = self.tcb.shutdown(how)
        if code != 0:
            raise KernelError(code)

    def take_error(self) -> int:
        return self.tcb.take_error()

    # Data

    def receive_target(self, count: int, flags: int) -> int:
        if flags & MSG_WAITALL:
            return count
        return max(min(self.rcvlowat, count), 1)

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """EPIPE, or what ended the connection. An address is ignored, as in Linux."""
        stamps = write_stamps_of(self, control) if control else self.tcb.timestamping & TX_RECORD
        if flags & MSG_FASTOPEN or self.opening:
            return send_opening(self, data, flags, addr)
        return self._send(data, flags, stamps)

    def send(self, data: bytes, flags: int) -> int:
        if flags & MSG_FASTOPEN or self.opening:
            return send_opening(self, data, flags, None)
        return self._send(data, flags, self.tcb.timestamping & TX_RECORD)

    def _send(self, data: bytes, flags: int, stamps: int) -> int:
        tcb = self.tcb
        zero = self.zerocopy and flags & MSG_ZEROCOPY != 0 and len(data) > 0
        join = zero and zerocopy.joins(tcb)
        if zero and not join and zerocopy.is_full(tcb):
            raise KernelError(ENOBUFS, "too many writes with MSG_ZEROCOPY are under way")
        taken = tcb.send(data, flags & (MSG_OOB | MSG_MORE | MSG_EOR))
        if taken >= 0:
            if taken and (taken == len(data) or self.nonblocking() or flags & MSG_DONTWAIT):
                # A blocking call goes on until all is taken, and it is the last byte that counts.
                if stamps:
                    stamp_write(tcb, stamps)
                if zero:
                    zerocopy.wrote(tcb, taken, join)
            return taken
        if taken == -EAGAIN:
            return -1
        raise KernelError(-taken)

    def recv(self, count: int, flags: int) -> bytes | None:
        if flags & (MSG_OOB | MSG_TRUNC | MSG_ERRQUEUE):
            received = self.recvmsg(count, flags)
            return None if received is None else received.data
        tcb = self.tcb
        if self.endpoint.state == LISTEN:
            raise KernelError(ENOTCONN)
        code = tcb.recv_check()
        if code == 0:
            return self._receive(count, flags & MSG_PEEK != 0)
        if code == EAGAIN:
            if not flags & MSG_PEEK:
                # An urgent byte that alone is left is passed over even so (tcp_recvmsg_locked).
                tcb.recv(count, False)
            return None
        raise KernelError(code)

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """ENOTCONN, or what ended the connection. With MSG_TRUNC zeros stand for the data."""
        if flags & MSG_ERRQUEUE:
            return error_message(self, count)
        if flags & MSG_OOB:
            return self._receive_urgent(flags)
        first = self.tcb.copied_seq
        data = self.recv(count, flags & ~MSG_TRUNC)
        if data is None:
            return None
        if flags & MSG_TRUNC:
            data = bytes(len(data))
        received = Received(data, None)
        if self.tells_left or self.tcb.keep_arrivals:
            add_receive_control(self, received, first)
        return received

    def _receive(self, count: int, peek: bool) -> bytes | None:
        tcb = self.tcb
        offset = self.peek_off
        if offset < 0:
            return tcb.recv(count, peek)
        if not peek:
            data = tcb.recv(count, False)
            self.peek_off = max(offset - len(data), 0)
            return data
        data = tcb.recv(offset + count, True)[offset:]
        self.peek_off = offset + len(data)
        if not data and tcb.readable_bytes() and count:
            # What is there was shown already.
            return None
        return data

    def takes_zerocopy(self) -> bool:
        return True

    def has_peek_offset(self) -> bool:
        return True

    def _receive_urgent(self, flags: int) -> Received | None:
        if self.endpoint.state == LISTEN:
            raise KernelError(ENOTCONN)
        value = self.tcb.recv_urgent(flags & MSG_PEEK != 0)
        if value == -EAGAIN:
            # Out-of-band data never blocks (tcp_recv_urg).
            raise KernelError(EAGAIN)
        if value < 0:
            raise KernelError(-value)
        received = Received(bytes((value,)), None)
        received.flags = MSG_OOB
        return received

    # Options

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        if level == SOL_TCP:
            if len(value) < 4 and name not in (TCP_CONGESTION, TCP_FASTOPEN_KEY, TCP_ULP):
                raise KernelError(EINVAL)
            check_option(level, name, True)
            if name == TCP_CONGESTION:
                self._check_congestion_control(value)
            if name == TCP_INQ:
                number = read_int(value)
                if not 0 <= number <= 1:
                    raise KernelError(EINVAL)
                self.tells_left = number != 0
                return
            set_tcp_option(self.tcb, name, value)
        else:
            super().set_protocol_option(level, name, value)

    def _check_congestion_control(self, value: bytes) -> None:
        """EPERM: not every user may choose it (net.ipv4.tcp_allowed_congestion_control)."""
        wanted = congestion_name(value)
        allowed = self.kernel.stack.sysctl.allowed_congestion_controls()
        restricted = wanted in CONGESTION_CONTROLS and wanted not in allowed
        if restricted and not self.caller().capable(CAP_NET_ADMIN):
            raise KernelError(EPERM, wanted)

    def get_protocol_option(self, level: int, name: int, length: int) -> bytes:
        if level == SOL_TCP:
            check_option(level, name, False)
            if name == TCP_INQ:
                return pack_int(self.tells_left)
            return get_tcp_option(self.tcb, name, length)
        return super().get_protocol_option(level, name, length)

    def filter_changed(self, program: BpfProgram | None) -> None:
        self.endpoint.filter = program

    def join_group(self, group: int, ifindex: int, source: int) -> int:
        member = self._groups()
        return (
            member.join_group(group, ifindex)
            if source < 0
            else member.join_source_group(group, ifindex, source)
        )

    def leave_group(self, group: int, ifindex: int, source: int) -> int:
        member = self._groups()
        return (
            member.leave_group(group, ifindex)
            if source < 0
            else member.leave_source_group(group, ifindex, source)
        )

    def block_source(self, group: int, ifindex: int, source: int, block: bool) -> int:
        member = self._groups()
        if block:
            return member.block_source(group, ifindex, source)
        return member.unblock_source(group, ifindex, source)

    def _groups(self) -> GroupMember:
        return GroupMember(self.kernel.stack, self.endpoint)

    def may_join_group(self) -> bool:
        return self.endpoint.state == CLOSE

    def transport_option_changed(self, name: int) -> None:
        tcb = self.tcb
        if name == SO_SNDBUF:
            tcb.sndbuf = self.sndbuf
        elif name == SO_RCVBUF:
            tcb.rcvbuf = self.rcvbuf
        elif name == SO_KEEPALIVE:
            tcb.keepalive = self.keepalive
        elif name == SO_LINGER:
            tcb.linger = self.linger_seconds * _SECOND if self.linger_on else -1
        elif name == SO_OOBINLINE:
            tcb.urg_inline = self.oob_inline
        elif name == SO_RCVLOWAT:
            # No more than what may be there at once (tcp_set_rcvlowat).
            most = self.rcvbuf if tcb.rcvbuf_locked else self.kernel.stack.sysctl.tcp_rmem[2]
            self.rcvlowat = min(self.rcvlowat, most >> 1)
            tcb.rcvlowat = self.rcvlowat
        elif name == SO_TXREHASH:
            tcb.txrehash = get_kept_option(self, name) != 0
        elif name == SO_MAX_PACING_RATE:
            tcb.max_pacing_rate = self.max_pacing_rate
            if self.max_pacing_rate != UNLIMITED_RATE:
                tcb.paced = True
        elif name in (SO_TIMESTAMP, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS, SO_TIMESTAMPNS_NEW):
            tcb.keep_arrivals = self.timestamps != 0 or tcb.timestamping & RX_SOFTWARE != 0

    def ip_option_changed(self) -> None:
        self.apply_tos(self.family == AF_INET or self.endpoint.is_v4_pair())
        self.tcb.pmtu_discovery = self.pmtu_discovery
        self.tcb.flow_label = self.peer_flow or self.auto_label
        self.tcb.min_ttl = self.min_ttl
        self.tcb.min_hop_limit = self.min_hop_limit
        self.tcb.recverr = self.recverr
        self.tcb.recverr6 = self.recverr6

    def apply_tos(self, v4: bool) -> None:
        """An AF_INET6 socket has two sets of header options, one for IPv4 packets."""
        self.tcb.tos = self.tos if v4 else self.tclass
        self.tcb.ttl = max(self.ttl if v4 else self.hop_limit, 0)

    def timestamping(self) -> int:
        return self.tcb.timestamping

    def set_timestamping(self, bits: int) -> None:
        if bits & OPT_ID and not self.tcb.timestamping & OPT_ID and self.endpoint.state in (CLOSE, LISTEN):
            # There is no first byte to count from yet.
            raise KernelError(EINVAL)
        if bits & OPT_ID_TCP and not bits & OPT_ID:
            raise KernelError(EINVAL)
        set_timestamping(self.tcb, bits)
        self.transport_option_changed(SO_TIMESTAMP)

    def send_buffer(self) -> int:
        return self.tcb.sndbuf

    def receive_buffer(self) -> int:
        return self.tcb.rcvbuf

    # As a file

    def memory(self) -> list[int]:
        return report(self.tcb)

    def poll(self) -> int:
        return self.tcb.poll()

    def transport_ioctl(self, request: int) -> int:
        if request == FIONREAD:
            if self.endpoint.state == LISTEN:
                raise KernelError(EINVAL)
            return self.tcb.readable_bytes()
        if request == TIOCOUTQ:
            if self.endpoint.state == LISTEN:
                raise KernelError(EINVAL)
            return self.tcb.unacked_bytes()
        if request == SIOCOUTQNSD:
            return self.tcb.unsent
        if request == SIOCATMARK:
            return int(self.tcb.urg_state != URG_NONE and self.tcb.rcv_up == self.tcb.copied_seq)
        raise KernelError(ENOTTY)

    # SO_LINGER

    def lingers(self) -> bool:
        """Whether close() is to wait: there is a time to wait, and a FIN to be sent in good order."""
        if not self.linger_on or self.linger_seconds == 0:
            return False
        return self.endpoint.state in (ESTABLISHED, CLOSE_WAIT) and self.tcb.readable_bytes() == 0

    def end_sending(self) -> None:
        """What a close that lingers begins with: both ways are shut, the FIN follows the data."""
        self.tcb.shutdown(SHUT_RDWR)

    def closing(self) -> bool:
        """Whether data or the FIN are not acknowledged yet (``sk_stream_closing``)."""
        return self.endpoint.state in (FIN_WAIT_1, CLOSING, LAST_ACK)

    def release(self) -> None:
        # Events end first: nobody waits on a socket that is gone.
        self.tcb.events = None
        if self.endpoint.memberships is not None:
            self._groups().leave_groups()
        self.tcb.close()
