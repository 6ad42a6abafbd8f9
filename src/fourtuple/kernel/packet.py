"""AF_PACKET sockets: frames as they pass an interface (Linux ``net/packet/af_packet.c``)."""

from __future__ import annotations

from errno import EAGAIN, EINVAL, ENOPROTOOPT, ENOTTY
from typing import TYPE_CHECKING, Final

from ..stack.bpf import BpfProgram
from ..stack.datagram_socket import STAMP_KEYS
from ..stack.frame_socket import FrameSocket, QueuedFrame
from ..stack.frame_tap import PACKET_OUTGOING
from ..wire.ethernet import HEADER_LENGTH
from .error import KernelError
from .file import FIONBIO, FIONREAD, TIOCOUTQ
from .inet import SocketWaker
from .layout import pack_int, read_int
from .process import Process
from .sockaddr import AF_PACKET, SOCK_DGRAM, LinkAddr, SockAddr
from .socket import MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC, ControlMessage, Received, Socket
from .sockopt import (
    PACKET_AUXDATA,
    PACKET_TX_TIMESTAMP,
    SO_MARK,
    SO_PRIORITY,
    SO_RCVBUF,
    SO_TIMESTAMPING,
    SO_TIMESTAMPING_NEW,
    SOL_PACKET,
    SOL_SOCKET,
)
from .sockopt_packet import get_packet_option, set_packet_option
from .sockopt_table import check_option
from .timestamps import SOF_TX_RECORDS, stamp_controls, timestamp_controls
from .unix_message import SCM_CREDENTIALS, SCM_RIGHTS

if TYPE_CHECKING:
    from .kernel import Kernel

_RECEIVE_FLAGS: Final = MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE
_TP_STATUS_USER: Final = 1
_TP_STATUS_CSUM_VALID: Final = 128


class PacketSocket(Socket):
    """A packet socket over a :class:`FrameSocket`. ``frames`` is what sees and sends frames."""

    __slots__ = ("auxdata", "frames", "origdev", "waker")

    def __init__(self, kernel: Kernel, creator: Process, type: int, protocol: int) -> None:
        super().__init__(kernel, creator, AF_PACKET, type, 0, f"packet socket of {creator.name}")
        self.waker: SocketWaker = SocketWaker(self)
        stack = kernel.stack
        self.frames: FrameSocket = FrameSocket(
            stack, stack.frame_taps, type != SOCK_DGRAM, protocol, self.waker
        )
        self.auxdata: bool = False
        """PACKET_AUXDATA."""
        self.origdev: bool = False
        """PACKET_ORIGDEV: there are no stacked devices, so it changes nothing here or on such a Linux."""

    # Names

    def bind(self, addr: SockAddr) -> None:
        """EINVAL for an address of another family, ENODEV."""
        if not isinstance(addr, LinkAddr):
            raise KernelError(EINVAL)
        if self.kernel.stack.fanout.group_of(self.frames) is not None:
            raise KernelError(EINVAL)
        code = self.frames.bind(addr.ifindex, addr.protocol)
        if code != 0:
            raise KernelError(code)

    def getsockname(self) -> SockAddr:
        frames = self.frames
        address = LinkAddr(frames.protocol, frames.ifindex)
        interface = self.kernel.stack.interface(frames.ifindex)
        if interface is not None:
            address.interface = interface.name
            address.hatype = interface.hatype()
            address.hardware = interface.mac.to_bytes(6, "big")
        return address

    # Data

    def recvmsg(self, count: int, flags: int) -> Received | None:
        """EINVAL for flags packet sockets do not know, a pending error."""
        if flags & ~_RECEIVE_FLAGS:
            raise KernelError(EINVAL)
        if flags & MSG_ERRQUEUE:
            return self._receive_error(count)
        code = self.frames.take_error()
        if code != 0:
            raise KernelError(code)
        queued = self.frames.receive(flags & MSG_PEEK != 0)
        if queued is None:
            return None
        frame = queued.frame
        address = LinkAddr(frame.ethertype, frame.ifindex)
        interface = self.kernel.stack.interface(frame.ifindex)
        if interface is not None:
            address.interface = interface.name
        address.hatype = frame.hatype
        address.pkttype = frame.pkttype
        address.hardware = frame.source.to_bytes(6, "big")
        data = queued.data
        received = Received(data, address)
        if count < len(data):
            received.data = data[:count]
            received.flags = MSG_TRUNC
            received.length = len(data) if flags & MSG_TRUNC else count
        if self.timestamps or self.stamping:
            received.control += timestamp_controls(self, frame.time)
        if self.auxdata:
            received.control.append(self._auxiliary(queued))
        return received

    def _receive_error(self, count: int) -> Received:
        """A time stamp of a frame sent. EAGAIN if there is none: reading the error queue never blocks."""
        entry = self.frames.receive_error()
        if entry is None:
            raise KernelError(EAGAIN, "error queue empty")
        received = Received(entry.data[:count], None)
        received.flags = MSG_ERRQUEUE
        if count < len(entry.data):
            received.flags |= MSG_TRUNC
        received.control = stamp_controls(self, entry.time)
        # struct sock_extended_err.
        data = pack_int(entry.errno) + bytes((entry.origin, entry.type, entry.code, 0))
        data += pack_int(entry.info) + entry.key.to_bytes(4, "little")
        received.control.append(ControlMessage(SOL_PACKET, PACKET_TX_TIMESTAMP, data, None))
        return received

    def _auxiliary(self, queued: QueuedFrame) -> ControlMessage:
        """struct tpacket_auxdata. Checksums are always filled in, and those received checked."""
        status = _TP_STATUS_USER
        if queued.frame.pkttype != PACKET_OUTGOING:
            status |= _TP_STATUS_CSUM_VALID
        network = HEADER_LENGTH if self.frames.raw else 0
        data = pack_int(status) + pack_int(queued.length) + pack_int(len(queued.data))
        data += bytes(2) + network.to_bytes(2, "little") + bytes(4)
        return ControlMessage(SOL_PACKET, PACKET_AUXDATA, data, None)

    def sendmsg(self, data: bytes, flags: int, addr: SockAddr | None, control: list[ControlMessage]) -> int:
        """EINVAL (address of another family, control message), ENXIO, ENETDOWN, EMSGSIZE."""
        frames = self.frames
        ifindex = frames.ifindex
        protocol = frames.protocol
        hardware = b""
        if addr is not None:
            if not isinstance(addr, LinkAddr):
                raise KernelError(EINVAL)
            ifindex, protocol, hardware = addr.ifindex, addr.protocol, addr.hardware
        stamps = self._stamps_of(control) if control else self.stamping
        code = frames.send(ifindex, protocol, hardware, data, stamps)
        if code != 0:
            raise KernelError(code)
        return len(data)

    def _stamps_of(self, control: list[ControlMessage]) -> int:
        """SO_TIMESTAMPING of one send call (``sock_cmsg_send``)."""
        stamps = self.stamping
        for message in control:
            if message.level != SOL_SOCKET or message.type in (SCM_RIGHTS, SCM_CREDENTIALS):
                continue
            if len(message.data) != 4:
                raise KernelError(EINVAL)
            if message.type in (SO_TIMESTAMPING, SO_TIMESTAMPING_NEW):
                bits = read_int(message.data)
                if bits & ~SOF_TX_RECORDS:
                    raise KernelError(EINVAL)
                stamps = stamps & ~SOF_TX_RECORDS | bits
            elif message.type not in (SO_MARK, SO_PRIORITY):
                raise KernelError(EINVAL)
        return stamps

    # Options

    def set_timestamping(self, bits: int) -> None:
        if bits & STAMP_KEYS and not self.stamping & STAMP_KEYS:
            self.frames.stamp_key = 0
        self.stamping = bits
        self.frames.stamps = bits

    def set_protocol_option(self, level: int, name: int, value: bytes) -> None:
        if level != SOL_PACKET:
            raise KernelError(ENOPROTOOPT)
        check_option(level, name, True)
        set_packet_option(self, name, value)

    def get_protocol_option(self, level: int, name: int, length: int) -> bytes:
        if level != SOL_PACKET:
            raise KernelError(ENOPROTOOPT)
        check_option(level, name, False)
        return get_packet_option(self, name)

    def option_changed(self, name: int) -> None:
        if name == SO_RCVBUF:
            self.frames.rcvbuf = self.rcvbuf

    def filter_changed(self, program: BpfProgram | None) -> None:
        self.frames.filter = program

    def take_error(self) -> int:
        return self.frames.take_error()

    # As a file

    def poll(self) -> int:
        return self.frames.poll()

    def ioctl(self, request: int, argument: int) -> int:
        if request == FIONBIO:
            return super().ioctl(request, argument)
        if request == FIONREAD:
            return self.frames.next_size()
        if request == TIOCOUTQ:
            return 0
        raise KernelError(ENOTTY)

    def release(self) -> None:
        self.kernel.stack.fanout.leave(self.frames)
        self.frames.close()
