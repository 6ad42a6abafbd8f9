"""Options of IP that decide what is dropped, refused, or sent where."""

import struct
from typing import Any

from builders_kernel import outcome

from fourtuple.kernel import sockopt
from fourtuple.kernel.sockaddr import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM
from fourtuple.kernel.sockopt import SOL_IP, SOL_IPV6
from fourtuple.stack.base import Device
from fourtuple.wire.address import parse_ip
from fourtuple.wire.ethernet import EthernetFrame


class Sent(Device):
    """Keeps what an interface sends."""

    def __init__(self) -> None:
        self.frames: list[EthernetFrame] = []

    def transmit(self, frame: EthernetFrame) -> None:
        self.frames.append(frame)


def add_interface(host: Any, number: int, mtu: int, address: str, length: int) -> Sent:
    device = Sent()
    interface = host.stack.add_interface(f"eth{number}", 0x020000000000 + number, mtu, device)
    host.stack.add_address(interface, parse_ip(address), length)
    host.settle()
    device.frames.clear()
    return device


def test_segments_with_less_ttl_left_than_asked_for_are_dropped_and_counted(host):
    listener = host.socket(AF_INET, SOCK_STREAM)
    listener.bind(("127.0.0.1", 80))
    listener.listen(1)
    listener.setsockopt(SOL_IP, sockopt.IP_MINTTL, 65)
    client = host.socket(AF_INET, SOCK_STREAM)
    assert outcome(lambda: client.connect(("127.0.0.1", 80))) == "EINPROGRESS"
    host.settle()
    assert outcome(listener.accept) == "EAGAIN"
    assert host.stack.tcp.counters.min_ttl_drop == 1
    listener.setsockopt(SOL_IP, sockopt.IP_MINTTL, 64)
    host.clock.run(host.clock.now + 2_000_000_000, 1000)
    assert listener.accept().getsockopt(SOL_IP, sockopt.IP_MINTTL) == 64


def test_unicast_interface_decides_between_two_that_reach_the_subnet(host):
    first = add_interface(host, 0, 1500, "10.0.0.1", 24)
    second = add_interface(host, 1, 1500, "10.0.0.2", 24)
    s = host.socket(AF_INET, SOCK_DGRAM)
    s.sendto(b"x", ("10.0.0.9", 9))
    assert (len(first.frames), len(second.frames)) == (1, 0)
    s.setsockopt(SOL_IP, sockopt.IP_UNICAST_IF, struct.pack(">I", 3))
    s.sendto(b"x", ("10.0.0.9", 9))
    assert (len(first.frames), len(second.frames)) == (1, 1)


def test_datagram_longer_than_the_path_not_to_be_cut(host):
    device = add_interface(host, 0, 1280, "fd00::1", 64)
    s = host.socket(AF_INET6, SOCK_DGRAM)
    there = ("fd00::2", 9, 0, 0)
    s.setsockopt(SOL_IPV6, sockopt.IPV6_DONTFRAG, 1)
    s.setsockopt(SOL_IPV6, sockopt.IPV6_RECVPATHMTU, 1)
    assert s.sendto(bytes(1232), there) == 1232
    assert outcome(lambda: s.sendto(bytes(1233), there)) == "EMSGSIZE"
    data, control, flags = s.recv_control(100)
    assert (data, flags, control[0][:2]) == (b"", 0, (SOL_IPV6, sockopt.IPV6_PATHMTU))
    assert control[0][2][-4:] == (1280).to_bytes(4, "little")
    assert outcome(lambda: s.recv_control(100)) == "EAGAIN"
    assert len(device.frames) == 1


PADDED = bytes([0, 0, 1, 4, 0, 0, 0, 0])


def test_extension_headers_precede_the_datagram_and_hop_by_hop_every_piece(host):
    device = add_interface(host, 0, 1280, "fd00::1", 64)
    s = host.socket(AF_INET6, SOCK_DGRAM)
    s.setsockopt(SOL_IPV6, sockopt.IPV6_HOPOPTS, PADDED)
    s.setsockopt(SOL_IPV6, sockopt.IPV6_DSTOPTS, PADDED)
    s.setsockopt(SOL_IPV6, sockopt.IPV6_RTHDRDSTOPTS, PADDED)
    s.sendto(b"x", ("ff02::9", 9, 0, 2))
    s.sendto(bytes(1300), ("ff02::9", 9, 0, 2))
    kinds = [[header.kind for header in frame.payload.extensions] for frame in device.frames]
    assert kinds == [[0, 60], [0], [0]]
    assert device.frames[1].payload.protocol == 60


def test_extension_headers_need_a_privilege_and_are_not_for_tcp(host):
    s = host.socket(AF_INET6, SOCK_STREAM)
    assert outcome(lambda: s.setsockopt(SOL_IPV6, sockopt.IPV6_DSTOPTS, PADDED)) == "ENOPROTOOPT"
    host.process.set_credentials(1000, 1000)
    s = host.socket(AF_INET6, SOCK_DGRAM)
    for value in (PADDED, b"", b"1"):
        assert outcome(lambda value=value: s.setsockopt(SOL_IPV6, sockopt.IPV6_DSTOPTS, value)) == "EPERM"
    control = [(SOL_IPV6, sockopt.IPV6_DSTOPTS, PADDED)]
    assert outcome(lambda: s.send_control(b"x", ("::1", 9, 0, 0), control)) == "EPERM"


def test_group_without_a_route_is_unreachable_until_an_interface_is_named(host):
    # Observed on Linux 6.18 without a default route.
    device = add_interface(host, 0, 1500, "10.0.0.1", 24)
    group, own, anywhere = (bytes(parse_ip(text).to_bytes(16, "big")[12:]) for text in ADDRESSES)
    s = host.socket(AF_INET, SOCK_DGRAM)
    there = ("224.0.0.251", 5353)
    assert outcome(lambda: s.sendto(b"x", there)) == "ENETUNREACH"
    join = sockopt.IP_ADD_MEMBERSHIP
    assert outcome(lambda: s.setsockopt(SOL_IP, join, group + anywhere)) == "ENODEV"
    assert outcome(lambda: s.setsockopt(SOL_IP, join, group + own)) is None
    assert outcome(lambda: s.sendto(b"x", there)) == "ENETUNREACH"
    s.setsockopt(SOL_IP, sockopt.IP_MULTICAST_IF, own)
    device.frames.clear()
    assert s.sendto(b"x", there) == 1
    assert len(device.frames) == 1


ADDRESSES = ("224.0.0.251", "10.0.0.1", "0.0.0.0")
