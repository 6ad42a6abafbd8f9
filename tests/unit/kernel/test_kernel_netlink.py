"""Netlink sockets: what the recorded parity does not show."""

from errno import EBUSY, ECONNREFUSED, ENOBUFS, EPERM
from struct import pack, unpack_from

import pytest

from fourtuple.clock.clock import SECOND, Clock
from fourtuple.clock.streams import Stream
from fourtuple.kernel.error import KernelError
from fourtuple.kernel.kernel import Kernel
from fourtuple.kernel.netlink import NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_USERSOCK, NetlinkSocket
from fourtuple.kernel.process import Process
from fourtuple.kernel.rtnetlink_message import RTM_GETADDR, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWROUTE
from fourtuple.kernel.sockaddr import AF_INET, AF_NETLINK, SOCK_RAW, SOCK_STREAM, NetlinkAddr, inet_address
from fourtuple.stack.stack import Stack
from fourtuple.wire.address import parse_ip

DUMP = 0x301


class Host:
    def __init__(self) -> None:
        self.clock = Clock()
        self.stack = Stack("h", self.clock, Stream(1, "h"))
        self.eth0 = self.stack.add_interface("eth0", 0x0200_0000_0001, 1500, None)
        self.stack.add_address(self.eth0, parse_ip("10.0.0.1"), 24)
        self.kernel = Kernel(self.stack, {})
        null = self.kernel.null()
        self.process: Process = self.kernel.spawn("p", [], None, null, null, null)

    def socket(self, protocol: int = NETLINK_ROUTE) -> NetlinkSocket:
        made = self.kernel.socket(self.process, AF_NETLINK, SOCK_RAW, protocol)
        assert isinstance(made, NetlinkSocket)
        return made


@pytest.fixture
def host() -> Host:
    return Host()


def request(kind: int, flags: int, body: bytes) -> bytes:
    return pack("<IHHII", 16 + len(body), kind, flags, 5, 0) + body


def kinds(data: bytes) -> list[int]:
    found = []
    while data:
        length, kind = unpack_from("<IH", data)
        found.append(kind)
        data = data[length + 3 & ~3 :]
    return found


def heard(socket: NetlinkSocket) -> list[int]:
    found: list[int] = []
    while (data := socket.recv(65536, 0)) is not None:
        found += kinds(data)
    return found


def test_a_long_dump_waits_for_its_reader_and_lets_no_other_begin(host: Host) -> None:
    for number in range(200):
        host.stack.add_address(host.eth0, parse_ip(f"10.1.{number}.1"), 32)
    socket = host.socket()
    socket.sendmsg(request(RTM_GETADDR, DUMP, b"\2" + bytes(7)), 0, None, [])
    socket.sendmsg(request(RTM_GETADDR, DUMP, b"\2" + bytes(7)), 0, None, [])
    first, refusal = socket.recv(65536, 0), socket.recv(65536, 0)
    assert first is not None
    assert refusal is not None
    assert len(first) <= 3776
    assert unpack_from("<i", refusal, 16)[0] == -EBUSY
    assert (kinds(first) + heard(socket)).count(RTM_NEWADDR) == 202


def test_only_administrators_change_anything(host: Host) -> None:
    host.process.set_credentials(1000, 1000)
    socket = host.socket()
    socket.sendmsg(request(RTM_NEWADDR, 0x605, pack("<BBBBI", 2, 24, 0, 0, 2)), 0, None, [])
    answer = socket.recv(100, 0)
    assert answer is not None
    assert unpack_from("<i", answer, 16)[0] == -EPERM
    with pytest.raises(KernelError) as caught:
        socket.bind(NetlinkAddr(0, 0xFFFF_FFFF))
    assert caught.value.errno == EPERM


def test_changes_made_elsewhere_are_told(host: Host) -> None:
    socket = host.socket()
    socket.bind(NetlinkAddr(0, 1 | 0x10 | 0x40 | 0x100 | 0x400))
    host.stack.set_up(host.eth0, False)
    assert heard(socket) == [RTM_NEWLINK]
    host.stack.set_up(host.eth0, True)
    assert heard(socket) == [RTM_NEWLINK, RTM_NEWROUTE]
    host.stack.autoconfigure(host.eth0)
    host.clock.run(5 * SECOND, 1000)
    # The route of fe80::/64, the address and its route, in Linux's order.
    assert heard(socket) == [RTM_NEWROUTE, RTM_NEWADDR, RTM_NEWROUTE]


def test_what_is_lost_is_told_once(host: Host) -> None:
    socket = host.socket()
    socket.bind(NetlinkAddr(0, 1))
    for number in range(200):
        host.stack.set_mtu(host.eth0, 1000 + number)
    assert socket.poll() & 0x8
    with pytest.raises(KernelError) as caught:
        socket.recv(65536, 0)
    assert caught.value.errno == ENOBUFS
    assert 50 < len(heard(socket)) < 150


def test_processes_talk_to_each_other(host: Host) -> None:
    a, b = host.socket(NETLINK_USERSOCK), host.socket(NETLINK_USERSOCK)
    a.bind(NetlinkAddr(77, 0))
    b.sendmsg(b"hello", 0, NetlinkAddr(77, 0), [])
    received = a.recvmsg(100, 0)
    assert received is not None
    assert received.data == b"hello"
    assert received.address == NetlinkAddr(b.port, 0)
    a.discard()
    for port in (77, 0):
        with pytest.raises(KernelError) as caught:
            b.sendmsg(b"hello", 0, NetlinkAddr(port, 0), [])
        assert caught.value.errno == ECONNREFUSED


def test_an_ipv6_address_is_checked_before_it_is_the_hosts(host: Host) -> None:
    socket = host.socket()
    address = parse_ip("fd00::5")
    body = pack("<BBBBI", 10, 64, 0, 0, 2) + pack("<HH", 20, 1) + address.to_bytes(16, "big")
    socket.sendmsg(request(RTM_NEWADDR, 0x605, body), 0, None, [])
    answer = socket.recv(100, 0)
    assert answer is not None
    assert unpack_from("<i", answer, 16)[0] == 0
    assert not host.eth0.owns(address)
    host.clock.run(5 * SECOND, 1000)
    assert host.eth0.owns(address)


def test_a_listener_is_found_as_the_host_finds_it(host: Host) -> None:
    listener = host.kernel.socket(host.process, AF_INET, SOCK_STREAM, 0)
    host.process.fds.install(listener, True, 0)
    listener.bind(inet_address(AF_INET, parse_ip("0.0.0.0"), 80))
    listener.listen(3)
    socket = host.socket(NETLINK_SOCK_DIAG)
    one = parse_ip("10.0.0.1").to_bytes(16, "big")[12:].ljust(16, b"\0")
    identity = pack(">HH", 80, 4000) + one + one + bytes(4) + b"\xff" * 8
    socket.sendmsg(request(20, 1, pack("<BBBBI", 2, 6, 0xFF, 0, 0xFFFF_FFFF) + identity), 0, None, [])
    answer = socket.recv(4096, 0)
    assert answer is not None
    family, state = unpack_from("<BB", answer, 16)
    assert (family, state) == (2, 10)
    waiting, limit, uid, inode = unpack_from("<IIII", answer, 16 + 56)
    assert (waiting, limit, uid, inode) == (0, 3, 0, listener.ino)
    socket.sendmsg(request(20, DUMP, pack("<BBBBI", 2, 6, 0, 0, 1 << 10) + bytes(48)), 0, None, [])
    assert heard(socket) == [20, 3]
