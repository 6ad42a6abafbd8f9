"""The last step out of IP: to the next hop's neighbour entry, or straight onto the link."""

from __future__ import annotations

from ..wire.ethernet import EthernetFrame
from ..wire.ip import IpPacket
from .path import Path


def hand_over(packet: IpPacket, path: Path, now: int) -> bool:
    """Give ``packet`` to the next hop of ``path``; False if the neighbour table has no room for it."""
    neighbour = path.neighbour
    if neighbour is None or neighbour.dead:
        neighbour = path.resolve()
        if neighbour is None:
            return False
    if now < neighbour.usable_until:
        interface = path.interface
        interface.transmit(EthernetFrame(neighbour.mac, interface.mac, path.table.ethertype, packet))
    else:
        neighbour.output(packet)
    return True
