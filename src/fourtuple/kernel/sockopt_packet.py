"""Options of level SOL_PACKET (packet(7); Linux ``packet_setsockopt``)."""

from __future__ import annotations

from errno import EINVAL, ENOPROTOOPT
from typing import TYPE_CHECKING, Final

from .error import KernelError
from .layout import pack_int, read_int, read_two_ints
from .sockopt import (
    PACKET_ADD_MEMBERSHIP,
    PACKET_AUXDATA,
    PACKET_DROP_MEMBERSHIP,
    PACKET_FANOUT,
    PACKET_IGNORE_OUTGOING,
    PACKET_ORIGDEV,
    PACKET_QDISC_BYPASS,
    PACKET_STATISTICS,
)

if TYPE_CHECKING:
    from .packet import PacketSocket

_MREQ: Final = 16
_MREQ_ADDRESS: Final = 8


def set_packet_option(socket: PacketSocket, name: int, value: bytes) -> None:
    """Set a SOL_PACKET option the table says can be set."""
    frames = socket.frames
    if name in (PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP):
        _change_membership(socket, value, name == PACKET_ADD_MEMBERSHIP)
        return
    number = read_int(value)
    if name == PACKET_FANOUT:
        # The number of the group, its kind, and flags.
        word = number & 0xFFFF_FFFF
        code = socket.kernel.stack.fanout.join(frames, word & 0xFFFF, word >> 16 & 0xFF, word >> 24)
        if code != 0:
            raise KernelError(code)
    elif name == PACKET_AUXDATA:
        socket.auxdata = number != 0
    elif name == PACKET_ORIGDEV:
        socket.origdev = number != 0
    elif name in (PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING) and len(value) != 4:
        raise KernelError(EINVAL)
    elif name == PACKET_QDISC_BYPASS:
        frames.bypass = number != 0
    elif name == PACKET_IGNORE_OUTGOING:
        if number not in (0, 1):
            raise KernelError(EINVAL)
        frames.ignore_outgoing = number != 0
    else:
        raise KernelError(ENOPROTOOPT)


def get_packet_option(socket: PacketSocket, name: int) -> bytes:
    """Read a SOL_PACKET option the table says can be read."""
    frames = socket.frames
    if name == PACKET_STATISTICS:
        packets, drops = frames.take_statistics()
        return pack_int(packets) + pack_int(drops)
    if name == PACKET_FANOUT:
        group = socket.kernel.stack.fanout.group_of(frames)
        word = 0 if group is None else group.number | group.kind << 16 | group.flags << 24
        return word.to_bytes(4, "little")
    if name == PACKET_AUXDATA:
        return pack_int(socket.auxdata)
    if name == PACKET_ORIGDEV:
        return pack_int(socket.origdev)
    if name == PACKET_QDISC_BYPASS:
        return pack_int(frames.bypass)
    if name == PACKET_IGNORE_OUTGOING:
        return pack_int(frames.ignore_outgoing)
    raise KernelError(ENOPROTOOPT)


def _change_membership(socket: PacketSocket, value: bytes, adding: bool) -> None:
    # struct packet_mreq: ifindex, type, length of address, eight bytes for it.
    if len(value) < _MREQ:
        raise KernelError(EINVAL)
    ifindex = read_two_ints(value)[0]
    kind = int.from_bytes(value[4:6], "little")
    length = int.from_bytes(value[6:8], "little")
    if length > _MREQ - _MREQ_ADDRESS:
        raise KernelError(EINVAL)
    address = value[_MREQ_ADDRESS : _MREQ_ADDRESS + length]
    if adding:
        code = socket.frames.add_membership(ifindex, kind, address)
        if code != 0:
            raise KernelError(code)
    else:
        socket.frames.drop_membership(ifindex, kind, address)
