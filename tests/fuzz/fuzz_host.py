"""A host whose connections are in all states, and a hostile network that has seen every packet to it."""

from __future__ import annotations

from tcb_invariants import Watch

from fourtuple.capture.tap import Tap, TapPoint
from fourtuple.clock.clock import MILLISECOND
from fourtuple.network.addressing import parse_interface_address
from fourtuple.network.fabric import Fabric
from fourtuple.network.node import Node
from fourtuple.ports.endpoint import AF_INET, AF_INET6, PROTOCOL_TCP, PROTOCOL_UDP, Endpoint
from fourtuple.stack.interface import Interface
from fourtuple.stack.tcp.state import LISTEN
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.wire.address import V4_ANY, V6_ANY, parse_ip
from fourtuple.wire.checksum import internet_checksum
from fourtuple.wire.ethernet import EthernetFrame, parse_frame
from fourtuple.wire.lenient import read_frame
from fourtuple.wire.packet import WireError

US, PEER = ("10.0.0.1", "fd00::1"), ("10.0.0.2", "fd00::2")
PORTS = range(80, 89)


class _Eavesdropper(Tap):
    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        if point.node == "peer" and not point.loopback:
            self.frames.append(frame.serialize())


class FuzzHost:
    """``us`` is under attack. ``seen`` are the frames the peer sent while the connections came about."""

    def __init__(self, v6: bool) -> None:
        self.v6 = v6
        self.fabric = Fabric(7, False, False)
        self.clock = self.fabric.clock
        ear = _Eavesdropper()
        self.fabric.add_tap(ear)
        self.us, self.peer = self._node("us", US), self._node("peer", PEER)
        link = self.fabric.connect(self.us, self.peer, [], [])
        self.interface: Interface = self.us.interfaces[0]
        self.us.stack.sysctl.ip_forward = 1
        self.us.stack.sysctl.ipv6_forwarding = 1
        self.tcbs: list[Tcb] = []
        self._states()
        self._datagrams()
        # From now on the peer is silent, and what we send is lost.
        for direction in (link.a.outgoing, link.b.outgoing):
            direction.make_faults().partitioned = True
        self.seen = ear.frames
        self.watches = [Watch(tcb) for tcb in self.tcbs if tcb.endpoint.state != LISTEN]
        self.taken = 0

    def _node(self, name: str, addresses: tuple[str, str]) -> Node:
        text = addresses[1] + "/64" if self.v6 else addresses[0] + "/24"
        return self.fabric.add_node(name, [parse_interface_address(text)])

    def run(self, milliseconds: int) -> None:
        until = self.clock.now + milliseconds * MILLISECOND
        assert not self.clock.run(until, 200_000), "events without end"
        self.clock.advance_to(until)

    def _socket(self, node: Node) -> Tcb:
        family = AF_INET6 if self.v6 else AF_INET
        return node.stack.tcp.create(Endpoint(PROTOCOL_TCP, family, 0), None)

    def _connected(self, port: int, passive: bool) -> tuple[Tcb, Tcb]:
        """(our end, the peer's end), ESTABLISHED."""
        server_node, client_node = (self.us, self.peer) if passive else (self.peer, self.us)
        listener, client = self._socket(server_node), self._socket(client_node)
        assert server_node.stack.tables.bind(listener.endpoint, V6_ANY if self.v6 else V4_ANY, port) == 0
        assert listener.listen(8) == 0
        assert client.connect(parse_ip((US if passive else PEER)[self.v6]), port) == 0
        self.run(2)
        child = listener.accept()
        assert child is not None
        if passive:
            self.tcbs.append(listener)
        return (child, client) if passive else (client, child)

    def _states(self) -> None:
        for number, port in enumerate(PORTS):
            ours, theirs = self._connected(port, number % 2 == 0)
            self.tcbs.append(ours)
            ours.send(b"from us" * 300, 0)
            theirs.send(b"to us" * 300, 0)
            self.run(3)
            if port == 81:
                ours.shutdown(1)
                self.run(3)
            elif port == 82:
                theirs.shutdown(1)
                self.run(3)
            elif port == 83:
                theirs.shutdown(1)
                self.run(3)
                theirs.recv(10_000, False)
                ours.recv(10_000, False)
                ours.shutdown(1)
            elif port == 84:
                ours.recv(10_000, False)
                theirs.recv(10_000, False)
                ours.close()
                theirs.close()
                self.run(5)
            elif port == 85:
                # FIN-WAIT-1 with data in flight that is lost from here on.
                ours.send(b"lost" * 5000, 0)
                ours.shutdown(1)
            elif port == 86:
                ours.send(b"in flight" * 2000, 0)
        half_open = self._socket(self.us)
        half_open.connect(parse_ip(PEER[self.v6]), 4444)
        self.tcbs.append(half_open)

    def _datagrams(self) -> None:
        family = AF_INET6 if self.v6 else AF_INET
        endpoint = Endpoint(PROTOCOL_UDP, family, 0)
        self.us.stack.udp.create(endpoint, None)
        assert self.us.stack.tables.bind(endpoint, V6_ANY if self.v6 else V4_ANY, 53) == 0

    # Attack -----------------------------------------------------------------------------------

    def feed(self, data: bytes, lenient: bool) -> None:
        """A frame arrives. Nothing may be raised, and every connection stays sound."""
        try:
            frame = read_frame(data) if lenient else parse_frame(data)
        except WireError:
            return
        self.taken += 1
        self.interface.receive(frame)
        self.check()

    def check(self) -> None:
        for watch in self.watches:
            watch.check()


def repaired(data: bytes) -> bytes:
    """The frame with its IPv4 and TCP checksums made right, where there is room for them."""
    if len(data) < 34 or data[12:14] not in (b"\x08\x00", b"\x86\xdd"):
        return data
    frame = bytearray(data)
    if data[12:14] == b"\x08\x00":
        header = (data[14] & 15) * 4
        if header < 20 or len(data) < 14 + header:
            return data
        frame[24:26] = b"\0\0"
        frame[24:26] = internet_checksum(bytes(frame[14 : 14 + header]), 0).to_bytes(2, "big")
        length = int.from_bytes(data[16:18], "big") - header
        at, addresses, protocol = 14 + header, bytes(frame[26:34]), data[23]
    else:
        if len(data) < 54:
            return data
        length, at, addresses, protocol = (
            int.from_bytes(data[18:20], "big"),
            54,
            bytes(frame[22:54]),
            data[20],
        )
    place = {6: 16, 17: 6, 58: 2}.get(protocol)
    if protocol == 1:
        place, addresses = 2, b""
    if place is None or not place + 2 <= length <= len(data) - at:
        return bytes(frame)
    frame[at + place : at + place + 2] = b"\0\0"
    pseudo = addresses + (length.to_bytes(4, "big") + protocol.to_bytes(4, "big") if addresses else b"")
    total = internet_checksum(pseudo + bytes(frame[at : at + length]), 0)
    frame[at + place : at + place + 2] = (total or 0xFFFF).to_bytes(2, "big")
    return bytes(frame)
