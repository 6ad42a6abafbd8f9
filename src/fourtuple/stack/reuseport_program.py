"""SO_ATTACH_REUSEPORT_CBPF: a program that sees a packet's payload chooses the group's member."""

from __future__ import annotations

from ..clock.streams import Stream
from ..ports.reuseport import MemberChooser
from ..wire.ip import IpPacket
from ..wire.ipv4 import Ipv4Packet
from .bpf import BpfProgram, PacketView


class PacketUnderWay:
    """The packet whose receiver is being looked for, for programs that ask."""

    def __init__(self) -> None:
        self.packet: IpPacket | None = None
        self.header_length: int = 0
        """Of the transport's header."""
        self.ifindex: int = 0

    def set(self, packet: IpPacket, header_length: int, ifindex: int) -> None:
        self.packet = packet
        self.header_length = header_length
        self.ifindex = ifindex


class ProgramChooser(MemberChooser):
    """A classic BPF program as chooser (``run_bpf_filter``)."""

    def __init__(self, program: BpfProgram, under_way: PacketUnderWay, stream: Stream) -> None:
        self.program = program
        self.under_way = under_way
        self.stream = stream

    def choose(self) -> int:
        packet = self.under_way.packet
        if packet is None:
            return -1
        whole = packet.serialize()
        view = PacketView(whole[packet.header_length() + self.under_way.header_length :])
        view.network = whole
        view.protocol = 0x0800 if isinstance(packet, Ipv4Packet) else 0x86DD
        view.ifindex = self.under_way.ifindex
        if self.program.wants_random:
            view.random = self.stream.bits(32)
        return self.program.run(view)
