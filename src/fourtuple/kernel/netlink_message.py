"""Netlink messages: headers and attributes as bytes (netlink(7); ``include/uapi/linux/netlink.h``)."""

from __future__ import annotations

from errno import EINVAL
from typing import Final

from .error import KernelError

NLM_F_REQUEST: Final = 0x01
NLM_F_MULTI: Final = 0x02
NLM_F_ACK: Final = 0x04
NLM_F_ECHO: Final = 0x08
NLM_F_DUMP_FILTERED: Final = 0x20
NLM_F_DUMP: Final = 0x300
# Of requests that change something.
NLM_F_REPLACE: Final = 0x100
NLM_F_EXCL: Final = 0x200
NLM_F_CREATE: Final = 0x400
NLM_F_APPEND: Final = 0x800
# Of answers with an error.
NLM_F_CAPPED: Final = 0x100
NLM_F_ACK_TLVS: Final = 0x200

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLMSG_MIN_TYPE: Final = 16

NLMSGERR_ATTR_MSG: Final = 1
NLA_TYPE_MASK: Final = 0x3FFF
NLA_F_NESTED: Final = 0x8000

HEADER: Final = 16


class NetlinkHeader:
    """struct nlmsghdr of a request, its ``body`` behind it, and who asks."""

    __slots__ = ("body", "flags", "length", "port", "sequence", "type")

    def __init__(self, data: bytes, port: int) -> None:
        self.length: int = int.from_bytes(data[:4], "little")
        self.type: int = int.from_bytes(data[4:6], "little")
        self.flags: int = int.from_bytes(data[6:8], "little")
        self.sequence: int = int.from_bytes(data[8:12], "little")
        self.port: int = port
        """nl_pid of the socket it came from."""
        self.body: bytes = data[HEADER : max(self.length, HEADER)]

    def dumps(self) -> bool:
        return self.flags & NLM_F_DUMP != 0


def align(length: int) -> int:
    """Rounded up to a multiple of 4."""
    return length + 3 & ~3


def message(type: int, flags: int, sequence: int, port: int, body: bytes) -> bytes:
    """A whole message, padded."""
    length = HEADER + len(body)
    return (
        length.to_bytes(4, "little")
        + type.to_bytes(2, "little")
        + flags.to_bytes(2, "little")
        + sequence.to_bytes(4, "little")
        + port.to_bytes(4, "little")
        + body
        + bytes(-length & 3)
    )


def attribute(kind: int, data: bytes) -> bytes:
    """One attribute, padded."""
    length = 4 + len(data)
    return length.to_bytes(2, "little") + kind.to_bytes(2, "little") + data + bytes(-length & 3)


def u8(kind: int, value: int) -> bytes:
    return attribute(kind, bytes((value & 0xFF,)))


def u16(kind: int, value: int) -> bytes:
    return attribute(kind, (value & 0xFFFF).to_bytes(2, "little"))


def u32(kind: int, value: int) -> bytes:
    return attribute(kind, (value & 0xFFFF_FFFF).to_bytes(4, "little"))


def text(kind: int, value: str) -> bytes:
    """A string, with its NUL."""
    return attribute(kind, value.encode() + b"\0")


def int32s(values: list[int]) -> bytes:
    """An array of C ints."""
    return b"".join([(value & 0xFFFF_FFFF).to_bytes(4, "little") for value in values])


def int64s(values: list[int]) -> bytes:
    return b"".join([(value & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little") for value in values])


def read_attributes(data: bytes) -> dict[int, bytes]:
    """The attributes by type, flags taken off; of two of a type the last. A torn tail is left out, as
    ``nla_parse`` does."""
    found: dict[int, bytes] = {}
    at = 0
    while len(data) - at >= 4:
        length = int.from_bytes(data[at : at + 2], "little")
        if length < 4 or at + length > len(data):
            break
        found[int.from_bytes(data[at + 2 : at + 4], "little") & NLA_TYPE_MASK] = data[at + 4 : at + length]
        at += align(length)
    return found


def read_u32(attributes: dict[int, bytes], kind: int, default: int) -> int:
    """A number among ``attributes``. Raises EINVAL if it is too short."""
    data = attributes.get(kind)
    if data is None:
        return default
    if len(data) < 4:
        raise KernelError(EINVAL, f"attribute {kind} has less than 4 bytes")
    return int.from_bytes(data[:4], "little")


def read_text(attributes: dict[int, bytes], kind: int) -> str:
    """A string among ``attributes``, empty if it is not there."""
    return attributes.get(kind, b"").partition(b"\0")[0].decode("utf-8", "replace")
