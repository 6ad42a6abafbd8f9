"""Flow labels of IPv6 packets, as net.ipv6.auto_flowlabels has them."""

from __future__ import annotations

import pytest

from fourtuple.stack.flow_label import LABEL_DEFAULT, LABEL_UNWANTED, LABEL_WANTED, FlowLabels
from fourtuple.stack.sysctl import Sysctl
from fourtuple.wire.address import parse_ip
from fourtuple.wire.ip import PROTOCOL_UDP
from fourtuple.wire.ipv6 import Ipv6Packet
from fourtuple.wire.udp import UdpDatagram

ME, PEER = parse_ip("fd00::1"), parse_ip("fd00::2")


def packet(port: int = 1000, data: bytes = b"x") -> Ipv6Packet:
    return Ipv6Packet(ME, PEER, PROTOCOL_UDP, UdpDatagram(port, 9, data))


def labels(mode: int = 1, secret: bytes = b"0123456789abcdef") -> FlowLabels:
    sysctl = Sysctl()
    sysctl.set("net.ipv6.auto_flowlabels", str(mode))
    return FlowLabels(sysctl, secret)


def test_a_flow_keeps_its_label_and_others_have_others() -> None:
    given = labels()
    first = given.label_for(packet(), LABEL_DEFAULT, 0)
    assert 0 < first < 1 << 20
    assert given.label_for(packet(data=b"more"), LABEL_DEFAULT, 0) == first
    assert labels().label_for(packet(), LABEL_DEFAULT, 0) == first
    assert given.label_for(packet(), LABEL_DEFAULT, 1) != first
    assert labels(secret=b"f" * 16).label_for(packet(), LABEL_DEFAULT, 0) != first
    assert len({given.label_for(packet(port), LABEL_DEFAULT, 0) for port in range(100)}) > 95


def test_more_flows_than_are_remembered_keep_their_labels() -> None:
    given = labels()
    first = given.label_for(packet(), LABEL_DEFAULT, 0)
    for salt in range(5000):
        given.label_for(packet(), LABEL_DEFAULT, salt)
    assert given.label_for(packet(), LABEL_DEFAULT, 0) == first


@pytest.mark.parametrize(
    ("mode", "default", "wanted", "unwanted"),
    [(0, False, False, False), (1, True, True, False), (2, False, True, False), (3, True, True, True)],
)
def test_setting_and_socket_decide_whether_there_is_one(
    mode: int, default: bool, wanted: bool, unwanted: bool
) -> None:
    given = labels(mode)
    for asked, expected in ((LABEL_DEFAULT, default), (LABEL_WANTED, wanted), (LABEL_UNWANTED, unwanted)):
        assert (given.label_for(packet(), asked, 0) != 0) == expected
    assert given.label_for(packet(), 0x12345, 0) == 0x12345
