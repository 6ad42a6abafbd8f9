"""Frames as packet sockets see them: on their way in and out of a host's interfaces (packet(7))."""

from __future__ import annotations

from typing import Final

from ..wire.ethernet import HEADER_LENGTH, EthernetFrame

ETH_P_ALL: Final = 3
"""As a protocol: every frame, and those sent too."""

PACKET_HOST: Final = 0
PACKET_BROADCAST: Final = 1
PACKET_MULTICAST: Final = 2
PACKET_OTHERHOST: Final = 3
PACKET_OUTGOING: Final = 4

ARPHRD_ETHER: Final = 1
ARPHRD_LOOPBACK: Final = 772


class TappedFrame:
    """A frame seen at an interface. ``data`` are its bytes, link header included."""

    __slots__ = ("data", "ethertype", "hatype", "ifindex", "pkttype", "source", "time")

    def __init__(
        self,
        data: bytes,
        ethertype: int,
        source: int,
        ifindex: int,
        hatype: int,
        pkttype: int,
        time: int,
    ) -> None:
        self.data = data
        self.ethertype = ethertype
        self.source = source
        """MAC address of the sender."""
        self.ifindex = ifindex
        self.hatype = hatype
        self.pkttype = pkttype
        """PACKET_HOST, PACKET_OUTGOING …"""
        self.time = time
        """When, in ns."""

    def packet(self) -> bytes:
        """From the network header on."""
        return self.data[HEADER_LENGTH:]


class FrameListener:
    """Who sees frames: a packet socket."""

    def wants(self, ethertype: int, ifindex: int, pkttype: int) -> bool:
        raise NotImplementedError

    def includes(self, sender: FrameListener) -> bool:
        """Whether ``sender`` is one of several it stands for."""
        return False

    def seen(self, frame: TappedFrame) -> None:
        """Take a frame it wants."""
        raise NotImplementedError

    def interface_down(self, ifindex: int) -> None:
        """The interface was brought down."""
        raise NotImplementedError


class FrameTaps:
    """Those who see the frames of one host. Interfaces share it and ask ``listeners`` first."""

    def __init__(self) -> None:
        self.listeners: list[FrameListener] = []

    def add(self, listener: FrameListener) -> None:
        self.listeners.append(listener)

    def remove(self, listener: FrameListener) -> None:
        """Harmless if it is not there."""
        self.listeners = [other for other in self.listeners if other is not listener]

    def show(
        self,
        frame: EthernetFrame,
        ifindex: int,
        hatype: int,
        pkttype: int,
        time: int,
        sender: FrameListener | None,
    ) -> None:
        """Show a frame to all who want it but its ``sender``."""
        tapped: TappedFrame | None = None
        for listener in self.listeners[:]:
            if listener is sender or (sender is not None and listener.includes(sender)):
                continue
            if not listener.wants(frame.ethertype, ifindex, pkttype):
                continue
            if tapped is None:
                tapped = TappedFrame(
                    frame.serialize(), frame.ethertype, frame.source, ifindex, hatype, pkttype, time
                )
            listener.seen(tapped)

    def interface_down(self, ifindex: int) -> None:
        for listener in self.listeners[:]:
            listener.interface_down(ifindex)
