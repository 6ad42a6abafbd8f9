"""Capture files in the pcapng format (draft-ietf-opsawg-pcapng), which Wireshark and tshark read."""

from __future__ import annotations

from struct import Struct
from typing import BinaryIO, Final

INBOUND: Final = 1
OUTBOUND: Final = 2

_LINKTYPE_ETHERNET: Final = 1

_SECTION_HEADER: Final = 0x0A0D0D0A
_INTERFACE_DESCRIPTION: Final = 1
_ENHANCED_PACKET: Final = 6

_COMMENT: Final = 1
_SECTION_APPLICATION: Final = 4
_INTERFACE_NAME: Final = 2
_INTERFACE_DESCRIPTION_TEXT: Final = 3
_INTERFACE_RESOLUTION: Final = 9
_PACKET_FLAGS: Final = 2

_NANOSECONDS: Final = b"\x09"
"""if_tsresol: time stamps count units of 10**-9 s."""

_BLOCK: Final = Struct("<II")
_LENGTH: Final = Struct("<I")
_OPTION: Final = Struct("<HH")
_SECTION: Final = Struct("<IHHq")
_INTERFACE: Final = Struct("<HHI")
_PACKET: Final = Struct("<IIIII")
_FLAGS: Final = Struct("<HHI")
_END_OF_OPTIONS: Final = b"\0\0\0\0"


class PcapngWriter:
    """Writes one section to ``file``, a binary file it does not close.

    ``epoch`` is the wall-clock time, in ns since 1970, of virtual time 0.
    """

    def __init__(self, file: BinaryIO, epoch: int) -> None:
        self.file = file
        self.epoch = epoch
        self.interfaces = 0
        """Interfaces described so far."""
        self._write_block(
            _SECTION_HEADER,
            # Byte-order magic, version 1.0, a section length not stated.
            _SECTION.pack(0x1A2B3C4D, 1, 0, -1)
            + _option(_SECTION_APPLICATION, b"fourtuple")
            + _END_OF_OPTIONS,
        )

    def add_interface(self, name: str, description: str) -> int:
        """Describe an Ethernet interface; returns its number, for :meth:`write_packet`."""
        self._write_block(
            _INTERFACE_DESCRIPTION,
            # Snap length 0: packets are never cut.
            _INTERFACE.pack(_LINKTYPE_ETHERNET, 0, 0)
            + _option(_INTERFACE_NAME, _encode(name))
            + _option(_INTERFACE_DESCRIPTION_TEXT, _encode(description))
            + _option(_INTERFACE_RESOLUTION, _NANOSECONDS)
            + _END_OF_OPTIONS,
        )
        number = self.interfaces
        self.interfaces += 1
        return number

    def write_packet(
        self, interface: int, time: int, data: bytes, direction: int, comments: tuple[str, ...]
    ) -> None:
        """Write the frame ``data`` seen at virtual time ``time`` (ns).

        ``direction`` is INBOUND or OUTBOUND, 0 if it is neither; empty comments are left out. Raises
        ValueError if ``interface`` was not described before.
        """
        if not 0 <= interface < self.interfaces:
            raise ValueError(f"no interface {interface}: {self.interfaces} were described")
        stamp = self.epoch + time
        length = len(data)
        options = b""
        for comment in comments:
            if comment:
                options += _option(_COMMENT, _encode(comment))
        if direction:
            options += _FLAGS.pack(_PACKET_FLAGS, 4, direction)
        if options:
            options += _END_OF_OPTIONS
        padding = b"\0" * (-length & 3)
        self._write_block(
            _ENHANCED_PACKET,
            _PACKET.pack(interface, stamp >> 32 & 0xFFFF_FFFF, stamp & 0xFFFF_FFFF, length, length)
            + data
            + padding
            + options,
        )

    def _write_block(self, kind: int, body: bytes) -> None:
        length = 12 + len(body)
        self.file.write(_BLOCK.pack(kind, length) + body + _LENGTH.pack(length))


def _encode(text: str) -> bytes:
    """UTF-8, cut between characters to what an option's 16-bit length can say."""
    data = text.encode("utf-8", "replace")
    return data if len(data) <= 0xFFFF else data[:0xFFFF].decode("utf-8", "ignore").encode()


def _option(code: int, value: bytes) -> bytes:
    return _OPTION.pack(code, len(value)) + value + b"\0" * (-len(value) & 3)
