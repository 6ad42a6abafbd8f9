"""What connections leave for the next (RFC 9040), and the settings of bursts."""

from __future__ import annotations

import pytest
from tests.unit.tcp.builders_tcp import LOCAL, MS, PEER_PORT, REMOTE, SECOND, Host, established

from fourtuple.clock.clock import Clock
from fourtuple.clock.streams import Stream
from fourtuple.ports.endpoint import AF_INET, PROTOCOL_TCP, Endpoint
from fourtuple.stack.route_metrics import RouteMetrics
from fourtuple.stack.stack import Stack
from fourtuple.stack.sysctl import Sysctl
from fourtuple.stack.tcp.history import save
from fourtuple.stack.tcp.metrics import Metrics, MetricsCache
from fourtuple.stack.tcp.state import INFINITE_SSTHRESH
from fourtuple.wire.address import parse_ip
from fourtuple.wire.tcp import PSH


def known(host: Host) -> Metrics | None:
    return host.tcp.layer.metrics.find(LOCAL, REMOTE)


def close_in_order(host: Host) -> None:
    host.inject("F.", 1, 1)
    host.tcb.close()
    host.run(100 * MS)
    host.inject(".", 2, 2)
    host.packets()


def reopen(host: Host) -> None:
    host.tcb = host.new()
    host.tcb.connect(REMOTE, PEER_PORT + 1)
    (syn,) = host.segments()
    host.isn = syn.seq
    host.local_port = syn.source_port
    host.peer_port = PEER_PORT + 1
    host.run(10 * MS)
    host.inject("S.", 0, 1, options=host.syn_options(1000, -1, False, False))
    host.packets()


def test_round_trip_is_kept_and_seeds_the_first_timeout() -> None:
    host = established()
    close_in_order(host)
    entry = known(host)
    assert entry is not None
    assert entry.rtt == 8 * 100_000
    assert entry.cwnd == 10
    reopen(host)
    # 100 ms known of data, not the 10 ms of the SYN: 100 ms + max(2 * 100 ms, 200 ms).
    assert host.tcb.rto == 300 * MS
    assert host.tcb.srtt == 8 * 10_000


def test_a_shorter_round_trip_is_believed_slowly_and_a_longer_one_at_once() -> None:
    host = established()
    entry = host.tcp.layer.metrics.obtain(LOCAL, REMOTE, 0)
    entry.rtt = 8 * 200_000
    close_in_order(host)
    assert entry.rtt == 8 * 200_000 - (8 * 100_000 >> 3)
    entry.rtt = 8
    save(host.tcb)
    assert entry.rtt == 8 * 100_000


def test_nothing_is_kept_if_the_host_does_not_want_it() -> None:
    host = established(tcp_no_metrics_save=1)
    close_in_order(host)
    assert known(host) is None


def test_what_is_known_is_forgotten_after_an_hour() -> None:
    host = established()
    close_in_order(host)
    entry = known(host)
    assert entry is not None
    entry.cookie = b"abcd"
    host.run(3601 * SECOND)
    reopen(host)
    assert host.tcb.rto < 300 * MS
    assert entry.cookie == b"abcd"


@pytest.mark.parametrize(("unwanted", "expected"), [(0, 20), (1, INFINITE_SSTHRESH)])
def test_threshold_is_recalled_only_if_wanted(unwanted: int, expected: int) -> None:
    host = Host(tcp_no_ssthresh_metrics_save=unwanted)
    host.tcp.layer.metrics.obtain(LOCAL, REMOTE, 0).ssthresh = 20
    host.connect(delay=100 * MS)
    assert host.tcb.ssthresh == expected


def test_reordering_is_kept() -> None:
    host = established()
    host.tcb.reordering = 30
    host.tcb.ssthresh = 20
    close_in_order(host)
    reopen(host)
    assert host.tcb.reordering == 30


def test_connection_that_could_not_measure_clears_the_round_trip() -> None:
    host = established()
    entry = host.tcp.layer.metrics.obtain(LOCAL, REMOTE, 0)
    entry.rtt = 800
    host.tcb.srtt = 0
    save(host.tcb)
    assert entry.rtt == 0


def test_last_quarter_of_the_syn_queue_is_for_those_known() -> None:
    host = Host(tcp_syncookies=0, tcp_max_syn_backlog=4).listen(100)
    for port in range(1, 6):
        host.peer_port = port
        host.inject("S", 0, None)
    assert len(host.packets()) == 4
    host.tcp.layer.metrics.obtain(LOCAL, REMOTE, 0).rtt = 1
    host.peer_port = 9
    host.inject("S", 0, None)
    assert len(host.packets()) == 1


def test_cache_is_bounded_and_forgets_the_oldest() -> None:
    cache = MetricsCache()
    for peer in range(5000):
        cache.obtain(1, peer, 0)
    assert len(cache.items()) == 4096
    assert cache.find(1, 0) is None
    assert cache.find(1, 4999) is not None
    cache.flush()
    assert cache.items() == []


def bursts(**sysctls: int) -> list[int]:
    """Segments in each burst of 10 segments written, told by the PSH that ends it."""
    host = established(**sysctls)
    host.tcb.send(bytes(10_000), 0)
    found = [0]
    for segment in host.segments():
        found[-1] += 1
        if segment.flags & PSH:
            found.append(0)
    return found[:-1]


def test_bursts_follow_the_rate_and_its_settings() -> None:
    # A millisecond of twice 10 segments in 100 ms is no segment: the least burst it is.
    assert bursts() == [2] * 5
    assert bursts(tcp_min_tso_segs=5) == [5, 5]
    assert bursts(tcp_pacing_ss_ratio=1000, tcp_tso_rtt_log=9) == [2] * 5
    # A round trip of 100 ms is near if the setting says so: then a burst may be 64 KB.
    assert bursts(tcp_tso_rtt_log=30) == [5, 5]


@pytest.mark.parametrize(
    "name", ["tcp_adv_win_scale", "tcp_autocorking", "tcp_comp_sack_slack_ns", "tcp_fack"]
)
def test_settings_without_effect_here_are_taken_as_linux_takes_them(name: str) -> None:
    sysctl = Sysctl()
    sysctl.set("net.ipv4." + name, 0)
    assert sysctl.get("net.ipv4." + name) == "0"


def test_route_says_what_to_begin_with() -> None:
    stack = Stack("host", Clock(), Stream(1, "host"))
    interface = stack.add_interface("eth0", 0x020000000001, 1500, None)
    stack.add_address(interface, LOCAL, 24)
    entry = stack.add_route(parse_ip("10.0.0.0"), 8, parse_ip("192.168.0.9"), None, 0, -1)
    metrics = RouteMetrics()
    metrics.mtu, metrics.advmss, metrics.initcwnd = 640, 500, 11
    stack.set_metrics(entry, metrics)
    route = stack.route(parse_ip("10.1.2.3"), parse_ip("0.0.0.0"), 0)
    assert route is not None
    assert route.mtu == 640
    assert route.metrics is metrics
    tcb = stack.tcp.create(Endpoint(PROTOCOL_TCP, AF_INET, 0), None)
    assert tcb.connect(parse_ip("10.1.2.3"), 80) == 0
    assert (tcb.path_mtu, tcb.advmss, tcb.initial_cwnd) == (640, 500, 11)


def test_handshake_of_a_listener_counts_as_delivered() -> None:
    host = Host().accept_one()
    assert host.tcb.info().delivered == 1
