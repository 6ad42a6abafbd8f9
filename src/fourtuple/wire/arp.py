"""ARP packets for IPv4 over Ethernet (RFC 826)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .address import V4_BASE, format_ip, format_mac
from .packet import FramePayload, WireError

ARP_REQUEST: Final = 1
ARP_REPLY: Final = 2

LENGTH: Final = 28

_HARDWARE_ETHERNET: Final = 1
_PROTOCOL_IPV4: Final = 0x0800
_PACKET: Final = Struct(">HHBBHHIIHII")


class ArpPacket(FramePayload):
    """One request or reply. The addresses are ints as in :mod:`fourtuple.wire.address`."""

    __slots__ = ("operation", "sender_ip", "sender_mac", "target_ip", "target_mac")

    def __init__(
        self, operation: int, sender_mac: int, sender_ip: int, target_mac: int, target_ip: int
    ) -> None:
        self.operation = operation
        self.sender_mac = sender_mac
        self.sender_ip = sender_ip
        self.target_mac = target_mac
        self.target_ip = target_ip

    def wire_length(self) -> int:
        return LENGTH

    def serialize(self) -> bytes:
        return _PACKET.pack(
            _HARDWARE_ETHERNET,
            _PROTOCOL_IPV4,
            6,
            4,
            self.operation,
            self.sender_mac >> 32,
            self.sender_mac & 0xFFFF_FFFF,
            self.sender_ip & 0xFFFF_FFFF,
            self.target_mac >> 32,
            self.target_mac & 0xFFFF_FFFF,
            self.target_ip & 0xFFFF_FFFF,
        )

    def __repr__(self) -> str:
        return (
            f"ArpPacket(operation={self.operation}, "
            f"sender {format_ip(self.sender_ip)} {format_mac(self.sender_mac)}, "
            f"target {format_ip(self.target_ip)} {format_mac(self.target_mac)})"
        )


def parse_arp(data: bytes) -> ArpPacket:
    """The packet in ``data``; bytes behind it are padding.

    Raises WireError if it is cut short or not about IPv4 addresses on Ethernet.
    """
    if len(data) < LENGTH:
        raise WireError("arp", "length", len(data), "a packet has 28 bytes")
    fields = _PACKET.unpack_from(data)
    sender_mac_high: int = fields[5]
    sender_mac_low: int = fields[6]
    sender_ip: int = fields[7]
    target_mac_high: int = fields[8]
    target_mac_low: int = fields[9]
    target_ip: int = fields[10]
    if fields[0] != _HARDWARE_ETHERNET:
        raise WireError("arp", "hardware type", fields[0], "only Ethernet (1) is known")
    if fields[1] != _PROTOCOL_IPV4:
        raise WireError("arp", "protocol type", fields[1], "only IPv4 (0x0800) is known")
    if fields[2] != 6:
        raise WireError("arp", "hardware length", fields[2], "a MAC address has 6 bytes")
    if fields[3] != 4:
        raise WireError("arp", "protocol length", fields[3], "an IPv4 address has 4 bytes")
    return ArpPacket(
        fields[4],
        sender_mac_high << 32 | sender_mac_low,
        V4_BASE | sender_ip,
        target_mac_high << 32 | target_mac_low,
        V4_BASE | target_ip,
    )
