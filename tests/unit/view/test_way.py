"""The way of a packet to its process, or to none."""

import socket

from rich.console import Console

from fourtuple.api.network import Network
from fourtuple.network.node import Node
from fourtuple.view.way import WayFinder, WayView
from fourtuple.wire.ethernet import EthernetFrame
from fourtuple.wire.ip import IpPacket
from fourtuple.wire.udp import UdpDatagram


def is_udp(node: Node, frame: EthernetFrame) -> bool:
    return isinstance(frame.payload, IpPacket) and isinstance(frame.payload.payload, UdpDatagram)


def serve(*addresses: str) -> None:
    """Bind a socket to port 53 of each address, and wait for one datagram at the first."""
    sockets = []
    for address in addresses:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, 53))
        sockets.append(sock)
    sockets[0].settimeout(5)
    try:
        sockets[0].recvfrom(100)
    except TimeoutError:
        pass


def ask(host: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"question", (host, 53))


def way_to(*bound: str) -> str:
    """The way of a datagram to a host with a socket bound to each of these addresses."""
    with Network(keep_trace=True) as network:
        server, client = network.host("server", "10.0.0.1"), network.host("client", "10.0.0.2")
        network.link(server, client, latency="10ms")
        if bound:
            server.spawn(serve, *bound)
        client.spawn(ask, "server", start="10ms")
        finder = WayFinder(network, is_udp)
        network.fabric.add_tap(finder)
        network.run()
        assert finder.way is not None
        console = Console(width=120, color_system=None)
        with console.capture() as capture:
            console.print(WayView("way", finder.way))
        return capture.get()


def test_way_leads_from_link_to_process() -> None:
    lines = way_to("0.0.0.0").splitlines()
    assert lines[0] == "way"
    steps = [line.lstrip("│├└─ ").split()[0] for line in lines[1:]]
    assert [steps[0], steps[1], steps[2], steps[3]] == ["link", "interface", "IP", "UDP"]
    assert steps[-3:] == ["socket", "fd", "process"]
    assert "server-client: sent 0.030000, arrived 0.040000, 10ms later" in lines[1]
    assert "10.0.0.2 → 10.0.0.1" in lines[3]
    assert lines[-2].endswith(" 3")
    assert lines[-1].endswith("serve, pid 2 on server")


def test_way_names_the_socket_that_won_and_those_not_asked() -> None:
    text = way_to("10.0.0.1", "0.0.0.0")
    assert "✓ wins     10.0.0.1:53 UDP" in text
    assert "not asked  *:53 UDP, serve[2] fd 4: the exact address comes first" in text


def test_way_to_no_socket_says_what_the_sender_gets() -> None:
    text = way_to()
    assert "socket     none: the sender gets ICMP port unreachable" in text
    assert "process" not in text
