"""UDP sockets, as udp(7) and ip(7) describe them."""

from __future__ import annotations

import errno

import pytest
from builders_stack import (
    Hub,
    Masks,
    Recorder,
    add_interface,
    default_route,
    frame,
    host_on,
    learn,
    lone_host,
    packet,
    settle,
    udp_packet,
    udp_socket,
)

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.ports.endpoint import AF_INET, ESTABLISHED, PROTOCOL_UDP, Endpoint
from fourtuple.stack.datagram_socket import (
    CONNECTED_PEER,
    PMTUDISC_DO,
    PMTUDISC_DONT,
    PMTUDISC_INTERFACE,
    PMTUDISC_OMIT,
    PMTUDISC_PROBE,
    PMTUDISC_WANT,
)
from fourtuple.stack.interface import Interface
from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP
from fourtuple.stack.stack import Stack
from fourtuple.stack.udp_socket import UdpSocket
from fourtuple.wire.address import MAC_BROADCAST, V4_ANY, parse_ip
from fourtuple.wire.icmp import IcmpMessage
from fourtuple.wire.ip import PROTOCOL_ICMP
from fourtuple.wire.packet import RawPayload
from fourtuple.wire.udp import UdpDatagram

ME = "10.0.0.1"
PEER = "10.0.0.2"


def host() -> tuple[Stack, Interface, Recorder, Clock]:
    stack, interface, device, clock = lone_host()
    learn(interface, PEER)
    device.take()
    return stack, interface, device, clock


def send(socket: UdpSocket, to: str = PEER, port: int = 9, data: bytes = b"data") -> int:
    return socket.send(parse_ip(to), port, data, -1, 0, 0)


def data_of(socket: UdpSocket) -> list[bytes]:
    found: list[bytes] = []
    while (datagram := socket.receive(False)) is not None:
        found.append(datagram.data)
    return found


# --- sending ---------------------------------------------------------------------------------


def test_unbound_socket_send_gets_a_port_and_the_routes_source() -> None:
    stack, _, device, _ = host()
    endpoint = Endpoint(PROTOCOL_UDP, AF_INET, 0)
    socket = stack.udp.create(endpoint, None)
    assert endpoint.owner is socket
    assert send(socket) == 0
    [sent] = device.packets()
    assert isinstance(sent.payload, UdpDatagram)
    assert 32768 <= endpoint.local_port <= 60999
    assert sent.payload.source_port == endpoint.local_port
    assert sent.payload.destination_port == 9
    assert sent.payload.payload == b"data"
    assert sent.payload.origin is endpoint
    assert (sent.source, sent.destination) == (parse_ip(ME), parse_ip(PEER))
    assert (sent.ttl, sent.tos, sent.dont_fragment) == (64, 0, True)
    # The local address stays open, only the port is taken.
    assert endpoint.local == V4_ANY
    assert stack.counters.udp.out_datagrams == 1


def test_options_show_in_the_header_and_arguments_override_them() -> None:
    stack, _, device, _ = host()
    socket = udp_socket(stack)
    socket.tos = 0x10
    socket.ttl = 7
    send(socket)
    socket.send(parse_ip(PEER), 9, b"", 0x20, 9, 0)
    assert [(p.tos, p.ttl) for p in device.packets()] == [(0x10, 7), (0x20, 9)]


def test_default_ttl_is_the_hosts() -> None:
    stack, _, device, _ = host()
    stack.sysctl.set("net.ipv4.ip_default_ttl", 33)
    send(udp_socket(stack))
    assert device.packets()[0].ttl == 33


@pytest.mark.parametrize(
    ("to", "port", "size", "code"),
    [
        (PEER, 9, 65507, 0),
        (PEER, 9, 65508, errno.EMSGSIZE),
        (PEER, 9, 70000, errno.EMSGSIZE),
        (PEER, 0, 1, errno.EINVAL),
        ("8.8.8.8", 9, 1, errno.ENETUNREACH),
        ("10.0.0.255", 9, 1, errno.EACCES),
        ("255.255.255.255", 9, 1, errno.ENETUNREACH),
        (PEER, 9, 0, 0),
    ],
)
def test_send_errors(to: str, port: int, size: int, code: int) -> None:
    stack, _, device, _ = host()
    assert send(udp_socket(stack), to, port, bytes(size)) == code
    assert bool(device.frames) == (code == 0)


def test_broadcast_needs_the_option() -> None:
    stack, _, device, _ = host()
    default_route(stack, "10.0.0.254")
    socket = udp_socket(stack)
    for to in ("10.0.0.255", "255.255.255.255"):
        assert send(socket, to) == errno.EACCES
        assert socket.connect(parse_ip(to), 9) == errno.EACCES
    socket.broadcast = True
    for to in ("10.0.0.255", "255.255.255.255"):
        assert send(socket, to) == 0
        assert socket.connect(parse_ip(to), 9) == 0
    assert [f.destination for f in device.frames] == [MAC_BROADCAST] * 2


def test_no_destination_is_refused_until_connected() -> None:
    stack, _, device, _ = host()
    socket = udp_socket(stack)
    assert socket.send(CONNECTED_PEER, 0, b"x", -1, 0, 0) == errno.EDESTADDRREQ
    assert socket.connect(parse_ip(PEER), 9) == 0
    assert socket.send(CONNECTED_PEER, 0, b"x", -1, 0, 0) == 0
    [sent] = device.packets()
    assert sent.destination == parse_ip(PEER)


def test_no_port_left_is_again() -> None:
    stack, _, _, _ = host()
    stack.sysctl.set("net.ipv4.ip_local_port_range", "40000 40000")
    udp_socket(stack, port=40000)
    socket = stack.udp.create(Endpoint(PROTOCOL_UDP, AF_INET, 0), None)
    assert send(socket) == errno.EAGAIN
    assert socket.connect(parse_ip(PEER), 9) == errno.EAGAIN


def test_nobodys_address_means_this_host() -> None:
    stack, _, _, clock = host()
    server = udp_socket(stack, port=9)
    assert send(udp_socket(stack), "0.0.0.0", 9, b"any") == 0
    assert send(udp_socket(stack, ME), "0.0.0.0", 9, b"bound") == 0
    settle(clock)
    first, second = server.receive(False), server.receive(False)
    assert first is not None
    assert second is not None
    assert (first.source, first.destination) == (parse_ip("127.0.0.1"), parse_ip("127.0.0.1"))
    assert (second.source, second.destination) == (parse_ip(ME), parse_ip(ME))


def test_source_of_the_message_overrides_the_routes() -> None:
    stack, _, device, _ = host()
    stack.add_address(stack.interfaces[1], parse_ip("10.0.0.7"), 24)
    socket = udp_socket(stack)
    socket.send_from(parse_ip("10.0.0.7"), parse_ip(PEER), 9, b"", -1, 0, 0, False)
    assert device.packets()[0].source == parse_ip("10.0.0.7")


def test_bound_device_decides_the_way() -> None:
    stack, _, first, _ = host()
    second = Recorder()
    other = add_interface(stack, 2, second, "10.9.0.1/24")
    socket = udp_socket(stack)
    socket.endpoint.device = other.ifindex
    send(socket)
    assert not first.frames
    assert len(second.arps()) == 1


@pytest.mark.parametrize(
    ("discovery", "size", "code", "df", "fragments"),
    [
        (PMTUDISC_WANT, 1000, 0, True, 1),
        (PMTUDISC_WANT, 1300, 0, False, 2),
        (PMTUDISC_DONT, 1000, 0, False, 1),
        (PMTUDISC_DONT, 1300, 0, False, 2),
        (PMTUDISC_DO, 1000, 0, True, 1),
        (PMTUDISC_DO, 1300, errno.EMSGSIZE, False, 0),
        (PMTUDISC_PROBE, 1300, 0, True, 1),
        (PMTUDISC_PROBE, 1600, errno.EMSGSIZE, False, 0),
        (PMTUDISC_INTERFACE, 1300, 0, False, 1),
        (PMTUDISC_INTERFACE, 1600, errno.EMSGSIZE, False, 0),
        (PMTUDISC_OMIT, 1600, 0, False, 2),
    ],
)
def test_mtu_discovery_with_a_path_mtu_of_1200(
    discovery: int, size: int, code: int, df: bool, fragments: int
) -> None:
    stack, _, device, _ = host()
    assert stack.paths.update_mtu(parse_ip(PEER), 1200)
    socket = udp_socket(stack)
    socket.pmtudisc = discovery
    assert send(socket, data=bytes(size)) == code
    sent = device.packets()
    assert len(sent) == fragments
    assert all(p.dont_fragment == df for p in sent)


def test_no_pmtu_disc_host_sends_without_df() -> None:
    stack, _, device, _ = host()
    stack.sysctl.set("net.ipv4.ip_no_pmtu_disc", 1)
    send(udp_socket(stack))
    assert not device.packets()[0].dont_fragment


# --- receiving -------------------------------------------------------------------------------


def test_datagram_received_says_where_it_came_from() -> None:
    stack, interface, _, clock = host()
    events = Masks()
    socket = udp_socket(stack, port=9, events=events)
    settle(clock, 5 * SECOND)
    assert socket.poll() & POLLIN == 0
    interface.receive(frame(udp_packet(PEER, ME, 1000, 9, b"hello", ttl=5, tos=0x12)))
    assert events.masks[-1] & POLLIN
    assert socket.poll() & (POLLIN | POLLOUT) == POLLIN | POLLOUT
    assert socket.next_size() == 5
    peeked = socket.receive(True)
    got = socket.receive(False)
    assert got is not None
    assert got is peeked
    assert (got.data, got.source, got.source_port) == (b"hello", parse_ip(PEER), 1000)
    assert (got.destination, got.ifindex) == (parse_ip(ME), interface.ifindex)
    assert (got.ttl, got.tos, got.time) == (5, 0x12, 5 * SECOND)
    assert socket.receive(False) is None
    assert stack.counters.udp.in_datagrams == 1


def test_empty_datagram_is_a_datagram() -> None:
    stack, interface, _, _ = host()
    socket = udp_socket(stack, port=9)
    interface.receive(frame(udp_packet(PEER, ME, 1000, 9, b"")))
    assert socket.poll() & POLLIN
    assert data_of(socket) == [b""]


def test_receive_buffer_takes_256_small_datagrams_by_default() -> None:
    stack, interface, _, _ = host()
    socket = udp_socket(stack, port=9)
    for _ in range(300):
        interface.receive(frame(udp_packet(PEER, ME, 1000, 9, b"x")))
    assert (socket.queued(), socket.drops, socket.rmem) == (256, 44, 256 * 832)
    counters = stack.counters.udp
    assert (counters.rcvbuf_errors, counters.in_errors) == (44, 44)
    assert len(data_of(socket)) == 256
    assert socket.rmem == 0


@pytest.mark.parametrize(
    ("size", "charge"), [(1, 832), (197, 832), (198, 1280), (1472, 2304), (4000, 8448), (65507, 66339)]
)
def test_receive_buffer_is_charged_what_memory_it_takes(size: int, charge: int) -> None:
    stack, _, _, clock = host()
    server = udp_socket(stack, port=9)
    send(udp_socket(stack), ME, 9, bytes(size))
    settle(clock)
    assert server.rmem == charge


@pytest.mark.parametrize(
    ("rcvbuf", "size", "taken", "charges"),
    [
        # As SO_MEMINFO showed them on Linux 6.18 while the queue was read.
        (4608, 1, 5, [4160, 2496, 2496, 832, 0]),
        (2304, 1, 2, [832, 0]),
        (10000, 1000, 4, [9216, 4608, 4608, 0]),
        (4608, 5000, 1, [0]),
    ],
)
def test_charge_is_given_back_in_quarters(rcvbuf: int, size: int, taken: int, charges: list[int]) -> None:
    stack, _, _, clock = host()
    server = udp_socket(stack, port=9)
    server.rcvbuf = rcvbuf
    client = udp_socket(stack)
    for _ in range(20):
        send(client, ME, 9, bytes(size))
    settle(clock)
    assert server.queued() == taken
    seen = []
    while server.receive(False) is not None:
        seen.append(server.rmem)
    assert seen == charges


def test_full_receive_buffer_always_takes_one() -> None:
    stack, interface, _, _ = host()
    socket = udp_socket(stack, port=9)
    socket.rcvbuf = 1
    for number in range(3):
        interface.receive(frame(udp_packet(PEER, ME, 1000, 9, bytes([number]))))
    assert data_of(socket) == [b"\x00"]


def test_connected_socket_hears_its_peer_only() -> None:
    stack, interface, _, _ = host()
    connected = udp_socket(stack, port=9)
    assert connected.connect(parse_ip(PEER), 1000) == 0
    assert connected.endpoint.state == ESTABLISHED
    assert connected.endpoint.local == parse_ip(ME)
    interface.receive(frame(udp_packet(PEER, ME, 1000, 9, b"peer")))
    interface.receive(frame(udp_packet(PEER, ME, 1001, 9, b"other port")))
    interface.receive(frame(udp_packet("10.0.0.3", ME, 1000, 9, b"other host")))
    assert data_of(connected) == [b"peer"]
    assert stack.counters.udp.no_ports == 2
    connected.disconnect()
    interface.receive(frame(udp_packet("10.0.0.3", ME, 1000, 9, b"now")))
    assert data_of(connected) == [b"now"]


def test_connected_again_changes_the_peer() -> None:
    stack, interface, _, _ = host()
    socket = udp_socket(stack, port=9)
    socket.connect(parse_ip(PEER), 1000)
    socket.connect(parse_ip("10.0.0.3"), 1000)
    interface.receive(frame(udp_packet(PEER, ME, 1000, 9, b"old")))
    interface.receive(frame(udp_packet("10.0.0.3", ME, 1000, 9, b"new")))
    assert data_of(socket) == [b"new"]


def test_connect_without_a_route_fails_and_changes_nothing() -> None:
    stack, _, _, _ = host()
    socket = udp_socket(stack, port=9)
    assert socket.connect(parse_ip("8.8.8.8"), 9) == errno.ENETUNREACH
    assert socket.endpoint.state != ESTABLISHED
    assert socket.endpoint.local == V4_ANY


def test_disconnect_gives_up_the_device() -> None:
    stack, _, _, _ = host()
    socket = udp_socket(stack, port=9)
    socket.endpoint.device = 2
    socket.connect(parse_ip(PEER), 1000)
    socket.disconnect()
    assert socket.endpoint.device == 0
    assert socket.endpoint.local_port == 9


def test_broadcast_reaches_every_socket_on_the_port() -> None:
    stack, interface, _, _ = host()
    sockets = []
    for address in ("0.0.0.0", "10.0.0.255", ME):
        endpoint = Endpoint(PROTOCOL_UDP, AF_INET, 0)
        endpoint.reuse_addr = True
        sockets.append(stack.udp.create(endpoint, None))
        assert stack.tables.bind(endpoint, parse_ip(address), 9) == 0
    interface.receive(frame(udp_packet(PEER, "10.0.0.255", 9, 9, b"all"), MAC_BROADCAST))
    assert [data_of(socket) for socket in sockets] == [[b"all"], [b"all"], []]


def test_own_broadcast_is_heard_by_this_host_too() -> None:
    stack, _, device, clock = host()
    server = udp_socket(stack, port=9)
    socket = udp_socket(stack)
    socket.broadcast = True
    assert send(socket, "10.0.0.255") == 0
    settle(clock)
    got = server.receive(False)
    assert got is not None
    assert (got.source, got.ifindex) == (parse_ip(ME), 2)
    assert len(device.frames) == 1


def test_broadcast_nobody_wants_is_ignored_in_silence() -> None:
    stack, interface, device, clock = host()
    interface.receive(frame(udp_packet(PEER, "10.0.0.255", 9, 9, b"all"), MAC_BROADCAST))
    settle(clock)
    assert stack.counters.udp.ignored_multi == 1
    assert not device.frames


def test_payload_that_is_no_datagram_is_counted() -> None:
    stack, interface, _, _ = host()
    interface.receive(frame(packet(PEER, ME, 17, RawPayload(bytes(8)))))
    assert stack.counters.udp.in_errors == 1


def test_closed_socket_gives_its_port_back_and_refuses() -> None:
    stack, interface, device, _ = host()
    socket = udp_socket(stack, port=9)
    interface.receive(frame(udp_packet(PEER, ME, 1000, 9, b"x")))
    socket.close()
    interface.receive(frame(udp_packet(PEER, ME, 1000, 9, b"x")))
    assert len(device.messages()) == 1
    assert udp_socket(stack, port=9)
    assert socket.rmem == 0


# --- shutdown --------------------------------------------------------------------------------


def test_shutdown_of_a_connected_socket() -> None:
    stack, interface, _, _ = host()
    events = Masks()
    socket = udp_socket(stack, port=9, events=events)
    socket.connect(parse_ip(PEER), 1000)
    assert socket.shutdown(1) == 0
    assert send(socket) == errno.EPIPE
    assert socket.poll() & POLLRDHUP == 0
    assert socket.shutdown(0) == 0
    assert socket.poll() & (POLLRDHUP | POLLHUP | POLLIN) == POLLRDHUP | POLLHUP | POLLIN
    assert events.masks[-1] & POLLHUP
    interface.receive(frame(udp_packet(PEER, ME, 1000, 9, b"still heard")))
    assert data_of(socket) == [b"still heard"]


def test_shutdown_of_an_unconnected_socket_says_so_but_takes_effect() -> None:
    stack, _, _, _ = host()
    socket = udp_socket(stack, port=9)
    assert socket.shutdown(2) == errno.ENOTCONN
    assert socket.poll() & POLLHUP
    assert send(socket) == errno.EPIPE


# --- errors ----------------------------------------------------------------------------------


def report(stack: Stack, socket: UdpSocket, type: int, code: int, rest: int = 0) -> None:
    """Give the host an ICMP error about a datagram of ``socket`` to PEER:1000."""
    about = udp_packet(ME, PEER, socket.endpoint.local_port, 1000, b"lost")
    message = IcmpMessage(type, code, rest, about.serialize())
    stack.interfaces[1].receive(frame(packet(PEER, ME, PROTOCOL_ICMP, message)))


@pytest.mark.parametrize(
    ("type", "code", "connected", "recverr"),
    [
        (3, 0, 0, errno.ENETUNREACH),
        (3, 1, 0, errno.EHOSTUNREACH),
        (3, 2, errno.ENOPROTOOPT, errno.ENOPROTOOPT),
        (3, 3, errno.ECONNREFUSED, errno.ECONNREFUSED),
        (3, 4, errno.EMSGSIZE, errno.EMSGSIZE),
        (3, 5, 0, errno.EOPNOTSUPP),
        (3, 9, errno.ENETUNREACH, errno.ENETUNREACH),
        (3, 13, errno.EHOSTUNREACH, errno.EHOSTUNREACH),
        (11, 0, 0, errno.EHOSTUNREACH),
        (12, 0, errno.EPROTO, errno.EPROTO),
    ],
)
def test_icmp_error_tells_a_connected_socket_what_is_final_and_recverr_all(
    type: int, code: int, connected: int, recverr: int
) -> None:
    for asked, expected in ((False, connected), (True, recverr)):
        stack, _, _, _ = host()
        events = Masks()
        socket = udp_socket(stack, port=9, events=events)
        socket.connect(parse_ip(PEER), 1000)
        socket.recverr = asked
        report(stack, socket, type, code, 1400)
        assert bool(socket.poll() & POLLERR) == (expected != 0)
        assert bool(events.masks) == (expected != 0)
        assert send(socket) == expected
        assert send(socket) == 0


def test_icmp_error_tells_an_unconnected_socket_nothing_unless_it_asked() -> None:
    stack, _, _, _ = host()
    socket = udp_socket(stack, port=9)
    report(stack, socket, 3, 3)
    assert socket.take_error() == 0
    socket.recverr = True
    report(stack, socket, 3, 3)
    assert socket.take_error() == errno.ECONNREFUSED
    assert socket.take_error() == 0


def test_error_queue_tells_what_was_lost_and_why() -> None:
    stack, _, _, _ = host()
    socket = udp_socket(stack, port=9)
    socket.recverr = True
    report(stack, socket, 3, 3)
    report(stack, socket, 11, 0)
    assert socket.take_error() == errno.EHOSTUNREACH
    assert socket.poll() & POLLERR
    first = socket.receive_error()
    assert first is not None
    assert (first.errno, first.origin, first.type, first.code) == (errno.ECONNREFUSED, 2, 3, 3)
    assert (first.reporter, first.destination, first.port) == (parse_ip(PEER), parse_ip(PEER), 1000)
    assert first.data == b"lost"
    assert socket.take_error() == errno.EHOSTUNREACH
    assert socket.receive_error() is not None
    assert socket.receive_error() is None
    assert socket.poll() & POLLERR == 0
    assert socket.rmem == 0


def test_error_queue_of_a_datagram_too_long_names_the_mtu() -> None:
    stack, _, _, _ = host()
    socket = udp_socket(stack)
    socket.pmtudisc = PMTUDISC_DO
    socket.recverr = True
    assert send(socket, data=bytes(2000)) == errno.EMSGSIZE
    entry = socket.receive_error()
    assert entry is not None
    assert (entry.errno, entry.origin, entry.info) == (errno.EMSGSIZE, 1, 1500)


def test_flood_of_errors_stays_within_the_receive_buffer() -> None:
    stack, _, _, _ = host()
    socket = udp_socket(stack, port=9)
    socket.recverr = True
    for _ in range(1000):
        report(stack, socket, 3, 3)
    assert socket.rmem < socket.rcvbuf


def test_error_about_a_datagram_of_no_socket_is_counted() -> None:
    stack, _, _, _ = host()
    socket = udp_socket(stack, port=9)
    socket.endpoint.local_port = 9
    socket.close()
    report(stack, socket, 3, 3)
    assert stack.counters.icmp.in_errors == 1


def test_fragmentation_needed_shrinks_later_datagrams_with_df_want() -> None:
    stack, _, device, _ = host()
    socket = udp_socket(stack, port=9)
    socket.connect(parse_ip(PEER), 1000)
    report(stack, socket, 3, 4, 600)
    assert socket.take_error() == errno.EMSGSIZE
    device.take()
    assert send(socket, data=bytes(1000)) == 0
    assert [p.wire_length() for p in device.packets()] == [596, 452]


def test_refused_end_to_end() -> None:
    clock = Clock()
    hub = Hub(clock)
    a = host_on(hub, "a", 1, "10.0.0.1/24")
    host_on(hub, "b", 2, "10.0.0.2/24")
    socket = udp_socket(a)
    socket.connect(parse_ip("10.0.0.2"), 9)
    assert socket.send(CONNECTED_PEER, 0, b"x", -1, 0, 0) == 0
    settle(clock)
    assert socket.send(CONNECTED_PEER, 0, b"x", -1, 0, 0) == errno.ECONNREFUSED
    assert socket.send(CONNECTED_PEER, 0, b"x", -1, 0, 0) == 0


def test_unresolved_neighbour_is_no_error_to_a_connected_socket_without_recverr() -> None:
    stack, _, _, clock = lone_host()
    socket = udp_socket(stack)
    socket.connect(parse_ip("10.0.0.99"), 9)
    assert socket.send(CONNECTED_PEER, 0, b"x", -1, 0, 0) == 0
    settle(clock)
    assert socket.take_error() == 0
    socket.recverr = True
    assert socket.send(CONNECTED_PEER, 0, b"x", -1, 0, 0) == 0
    settle(clock)
    assert socket.take_error() == errno.EHOSTUNREACH
