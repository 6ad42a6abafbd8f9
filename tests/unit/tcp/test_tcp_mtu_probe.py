"""Packetization-layer path MTU discovery (RFC 4821) and what ICMP says of the path (RFC 1191, RFC 5927)."""

from __future__ import annotations

from tests.unit.tcp.builders_tcp import MS, SECOND, Host, Pair, PairIp

from fourtuple.stack.tcp.output import sync_mss
from fourtuple.stack.tcp.state import CA_OPEN
from fourtuple.wire.ipv4 import Ipv4Packet


def probing(cwnd: int = 11, **sysctls: int) -> Host:
    """A client that searches from 512 to 1460 bytes of payload."""
    settings = {"tcp_mtu_probing": 2, "tcp_base_mss": 512, "tcp_timestamps": 0} | sysctls
    host = Host(**settings).connect(mss=1460, delay=10 * MS)
    host.tcb.cwnd = cwnd
    return host


def sizes(host: Host) -> list[int]:
    return [len(segment.payload) for segment in host.segments()]


def test_off_by_default() -> None:
    host = Host(tcp_timestamps=0).connect(mss=1460, delay=10 * MS)
    assert host.tcb.mtu_search is None
    host.tcb.send(bytes(8000), 0)
    assert sizes(host)[0] == 1460


def test_probe_goes_first_and_halves_the_interval() -> None:
    host = probing()
    host.tcb.send(bytes(8000), 0)
    # Packets of 552 pass and of 1500 may: 1026 less 40 bytes of headers.
    assert sizes(host)[0] == 986
    assert host.tcb.cwnd == 10
    search = host.tcb.mtu_search
    assert search is not None
    assert search.probe_size == 1026


def test_probe_acknowledged_makes_segments_larger_and_the_window_as_many_bytes() -> None:
    host = probing()
    host.tcb.send(bytes(8000), 0)
    host.packets()
    host.inject(".", 1, 987)
    assert host.tcb.mss == 986
    assert host.tcp.counters.mtup_success == 1
    # 10 packets of 552 bytes, in packets of 1026; and slow start adds one.
    assert host.tcb.cwnd == 10 * 552 // 1026 + 1
    search = host.tcb.mtu_search
    assert search is not None
    assert (search.low, search.high) == (1026, 1500)


def test_probe_lost_alone_is_no_congestion() -> None:
    host = Host(tcp_mtu_probing=2, tcp_base_mss=512, tcp_timestamps=0)
    host.connect(mss=1460, sack=True, delay=10 * MS)
    sync_mss(host.tcb, 1500)
    assert host.tcb.mss == 512
    host.tcb.cwnd = 20
    host.tcb.send(bytes(8000), 0)
    assert sizes(host)[0] == 986
    host.run(10 * MS)
    cwnd = host.tcb.cwnd
    for count in range(1, 5):
        host.inject(".", 1, 1, sack=[(987, 987 + count * host.tcb.mss)])
    assert host.tcp.counters.mtup_fail == 1
    assert host.tcb.cwnd == cwnd + 1
    search = host.tcb.mtu_search
    assert search is not None
    assert search.high == 1025
    # The probe's bytes go again in segments that pass.
    again = [segment for segment in host.segments() if segment.payload]
    assert [host.text(segment) for segment in again][:2] == [". 1:513(512) ack 1", ". 513:987(474) ack 1"]


def test_no_probe_without_enough_behind_it() -> None:
    host = probing()
    host.tcb.send(bytes(986 + 4 * host.tcb.mss - 1), 0)
    assert 986 not in sizes(host)
    host = probing(cwnd=10)
    host.tcb.send(bytes(8000), 0)
    assert 986 not in sizes(host)


def test_no_probe_across_the_end_of_a_record() -> None:
    host = probing()
    host.tcb.cork = True
    host.tcb.send(bytes(500), 0x80)
    host.tcb.send(bytes(8000), 0)
    host.tcb.cork = False
    assert 986 not in sizes(host)


def test_interval_below_the_threshold_ends_the_search_until_it_is_time_again() -> None:
    host = probing(40, tcp_slow_start_after_idle=0)
    search = host.tcb.mtu_search
    assert search is not None
    search.low = 1496
    host.tcb.send(bytes(8000), 0)
    host.packets()
    assert search.probe_size == 0
    host.inject(".", 1, 8001)
    host.run(601 * SECOND)
    search.high = 1400
    host.tcb.cwnd = 11
    host.tcb.send(bytes(8000), 0)
    assert (search.high, search.began_at) == (1500, host.clock.now)


def test_black_hole_is_found_after_the_first_retries() -> None:
    host = Host(tcp_mtu_probing=1, tcp_timestamps=0).connect(mss=1460, delay=10 * MS)
    host.tcb.send(bytes(1460), 0)
    assert sizes(host) == [1460]
    # tcp_retries1 is 3: the time three retries take, 3 s from the first, when the least timeout is 200 ms.
    host.run(6 * SECOND)
    assert set(sizes(host)) == {1460}
    host.run(1 * SECOND)
    assert sizes(host) == [1024]
    # The next timeout finds half of that.
    host.run(7 * SECOND)
    assert sizes(host) == [512]


def test_black_hole_is_not_looked_for_unless_wanted() -> None:
    host = Host(tcp_timestamps=0).connect(mss=1460, delay=10 * MS)
    host.tcb.send(bytes(1460), 0)
    host.run(60 * SECOND)
    assert set(sizes(host)) == {1460}


class NarrowIp(PairIp):
    """Swallows packets above a size, and tells nobody."""

    limit = 1200

    def carry(self, packet: Ipv4Packet) -> None:  # type: ignore[override]
        if len(packet.serialize()) <= self.limit:
            super().carry(packet)


def narrow(setting: int) -> Pair:
    pair = Pair()
    ip = NarrowIp(pair.wire, pair.client_ip.address, "narrow")
    ip.other = pair.server_tcp
    pair.client_tcp.layer.ip = ip
    ip.sysctl = pair.client_ip.sysctl
    pair.both("tcp_mtu_probing", setting)
    return pair.open()


def test_stream_gets_through_a_path_that_swallows_large_packets() -> None:
    for setting, whole in ((0, False), (1, True), (2, True)):
        pair = narrow(setting)
        assert pair.server is not None
        sent = got = 0
        for _ in range(60):
            if sent < 60_000:
                sent += max(pair.client.send(bytes(min(20_000, 60_000 - sent)), 0), 0)
            pair.run(250 * MS)
            got += len(pair.server.recv(1 << 20, False))
        assert (got == 60_000) == whole, setting
        if setting == 2:
            assert pair.client.mss > 1000
            assert pair.client.ca_state == CA_OPEN


# ICMP -------------------------------------------------------------------------------------------


def test_narrower_path_told_by_icmp_is_used_at_once() -> None:
    host = Host(tcp_timestamps=0).connect(mss=1460, sack=True, delay=10 * MS)
    host.tcb.send(bytes(4380), 0)
    host.packets()
    host.icmp(3, 4, 1, 1000)
    assert host.tcb.mss == 960
    # What was too large goes again, as far as the window allows; it was no congestion.
    assert all(len(segment.payload) <= 960 for segment in host.segments())
    assert host.tcb.cwnd == 10


def test_icmp_about_what_is_not_in_flight_is_not_believed() -> None:
    host = Host(tcp_timestamps=0).connect(mss=1460, delay=10 * MS)
    host.tcb.send(bytes(1000), 0)
    host.icmp(3, 4, 5000, 600)
    assert host.tcb.mss == 1460
    assert host.tcp.counters.out_of_window_icmps == 1


def test_mtu_below_the_least_is_taken_for_the_least() -> None:
    host = Host(tcp_timestamps=0).connect(mss=1460, delay=10 * MS)
    host.tcb.send(bytes(1000), 0)
    host.icmp(3, 4, 1, 68)
    assert host.tcb.mss == 552 - 40


def test_program_that_does_not_discover_the_path_is_not_told() -> None:
    for setting in (0, 4, 5):
        host = Host(tcp_timestamps=0).connect(mss=1460, delay=10 * MS)
        host.tcb.pmtu_discovery = setting
        host.tcb.send(bytes(1000), 0)
        host.icmp(3, 4, 1, 1000)
        assert host.tcb.mss == 1460


def test_wider_path_is_used_from_the_write_after_the_change() -> None:
    host = Host(tcp_timestamps=0)
    host.ip.mtu = 1000
    host.connect(mss=1460, delay=10 * MS)
    assert host.tcb.mss == 960
    host.ip.mtu = 1500
    host.ip.path_generation += 1
    host.tcb.send(bytes(100), 0)
    host.packets()
    host.inject(".", 1, 101)
    host.tcb.send(bytes(3000), 0)
    assert sizes(host)[0] == 1460
