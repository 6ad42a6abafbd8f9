"""Settings by name."""

from __future__ import annotations

from operator import attrgetter

import pytest
from builders_stack import lone_host

from fourtuple.clock.clock import SECOND
from fourtuple.stack.sysctl import Sysctl


@pytest.mark.parametrize(
    ("name", "default", "new", "attribute", "value"),
    [
        ("net.ipv4.tcp_rmem", "4096\t131072\t6291456", "1 2 3", "tcp_rmem", (1, 2, 3)),
        ("net.ipv4.ip_local_port_range", "32768\t60999", "1000\t2000", "ip_local_port_range", (1000, 2000)),
        ("net.ipv4.tcp_fin_timeout", "60", "5", "tcp_fin_timeout", 5 * SECOND),
        ("net.ipv4.icmp_ratelimit", "1000", "20", "icmp_ratelimit", SECOND // 50),
        ("net.ipv4.tcp_congestion_control", "cubic", "reno", "tcp_congestion_control", "reno"),
        ("net.core.somaxconn", "4096", "1", "somaxconn", 1),
        ("net.ipv4.conf.all.forwarding", "0", "1", "ip_forward", 1),
        (
            "net.ipv4.ip_local_reserved_ports",
            "",
            "8080,9000-9010",
            "ip_local_reserved_ports",
            "8080,9000-9010",
        ),
        ("net.ipv4.neigh.default.retrans_time_ms", "1000", "7", "neigh4.retrans_time", 7_000_000),
    ],
)
def test_setting_by_name(name: str, default: str, new: str, attribute: str, value: object) -> None:
    sysctl = Sysctl()
    assert sysctl.get(name) == default
    sysctl.set(name, new)
    assert attrgetter(attribute)(sysctl) == value
    assert sysctl.get(name).split() == new.split()


def test_every_name_can_be_read_and_written_back() -> None:
    sysctl = Sysctl()
    for name in sysctl.names():
        before = sysctl.get(name)
        sysctl.set(name, before)
        assert sysctl.get(name) == before, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("net.ipv4.no_such", "1"),
        ("tcp_sack", "1"),
        ("net.ipv4.tcp_sack", "2"),
        ("net.ipv4.tcp_sack", "yes"),
        ("net.ipv4.tcp_sack", ""),
        ("net.ipv4.tcp_rmem", "1 2"),
        ("net.ipv4.tcp_rmem", "1 2 x"),
        ("net.ipv4.ip_local_port_range", "2000 1000"),
        ("net.ipv4.ip_local_port_range", "0 70000"),
        ("net.ipv4.tcp_congestion_control", "bbr9"),
        ("net.ipv4.ip_local_reserved_ports", "70000"),
        ("net.ipv4.ip_local_reserved_ports", "9-8"),
        ("net.ipv4.ip_local_reserved_ports", "http"),
        ("net.ipv4.tcp_mtu_probing", "3"),
    ],
)
def test_wrong_name_or_value_is_refused_by_name(name: str, value: str) -> None:
    sysctl = Sysctl()
    with pytest.raises(ValueError, match=name):
        sysctl.set(name, value)
    if name not in sysctl.names():
        with pytest.raises(ValueError, match=name):
            sysctl.get(name)


def test_port_settings_reach_the_port_tables() -> None:
    stack, _, _, _ = lone_host()
    for name, value in (
        ("ip_local_port_range", "10000 20000"),
        ("ip_local_reserved_ports", "8080,9000-9002"),
        ("ip_unprivileged_port_start", "80"),
        ("ip_autobind_reuse", "1"),
        ("tcp_tw_reuse", "1"),
        ("tcp_tw_reuse_delay", "5"),
    ):
        stack.sysctl.set(f"net.ipv4.{name}", value)
    tables = stack.tables
    assert (tables.local_port_low, tables.local_port_high) == (10000, 20000)
    assert tables.reserved_ports == {8080, 9000, 9001, 9002}
    assert tables.unprivileged_start == 80
    assert tables.autobind_reuse is True
    assert tables.tw_reuse == 1
    assert tables.tw_reuse_delay == SECOND // 200


def test_counters_have_linux_names_in_order() -> None:
    stack, _, _, _ = lone_host()
    rows = stack.counters.rows()
    names = [f"{group}{name}" for group, name, _ in rows]
    assert names[0] == "IpInReceives"
    assert {"IpReasmOKs", "IcmpOutRateLimitHost", "UdpRcvbufErrors", "IpExtInMcastPkts"} <= set(names)
    assert len(names) == len(set(names))
    assert all(value == 0 for _, _, value in rows)
