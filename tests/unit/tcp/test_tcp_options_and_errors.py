"""SYN cookies, ICMP errors, path MTU, TCP_INFO, sockets options that change the wire."""

from builders_tcp import MS, PEER_PORT, REMOTE, SECOND, Host, Pair, established, sack_established, syn_sent

from fourtuple.ports.endpoint import CLOSE, ESTABLISHED
from fourtuple.stack.base import IcmpError
from fourtuple.stack.poll_bits import POLLERR
from fourtuple.stack.tcp import cookies
from fourtuple.stack.tcp.error_queue import take_error_entry
from fourtuple.stack.tcp.info import LENGTH
from fourtuple.stack.tcp.state import (
    EHOSTUNREACH,
    OPT_ECN,
    OPT_SACK,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
)

SECRET = bytes(range(16))


# SYN cookies (RFC 4987 §3.6) ----------------------------------------------------------------------


def test_cookie_comes_back() -> None:
    local, peer = 0xFFFF_C0A8_0001, 0xFFFF_C000_0201
    for mss, expected in ((1460, 1460), (1459, 1440), (1380, 1300), (536, 536), (100, 536), (9000, 1460)):
        iss, kept = cookies.make(SECRET, 5 * SECOND, local, 80, peer, 1234, 777, mss)
        assert kept == expected
        assert cookies.check(SECRET, 70 * SECOND, local, 80, peer, 1234, 777, iss) == expected


def test_cookie_is_refused_when_old_or_changed() -> None:
    local, peer = 0xFFFF_C0A8_0001, 0xFFFF_C000_0201
    now = 1000 * SECOND
    iss, _ = cookies.make(SECRET, now, local, 80, peer, 1234, 777, 1460)
    assert cookies.check(SECRET, now + 200 * SECOND, local, 80, peer, 1234, 777, iss) == 0
    assert cookies.check(SECRET, now, local, 80, peer, 1235, 777, iss) == 0
    assert cookies.check(SECRET, now, local, 80, peer, 1234, 900, iss) == 0
    # One too low is a keep-alive probe, not the ACK of the handshake, for any MSS of the table.
    for mss in (536, 1300, 1440, 1460):
        cookie, _ = cookies.make(SECRET, now, local, 80, peer, 1234, 777, mss)
        assert cookies.check(SECRET, now, local, 80, peer, 1234, 777, cookie) == mss
        assert cookies.check(SECRET, now, local, 80, peer, 1234, 776, cookie) == 0
    assert cookies.check(SECRET, now, local, 80, peer, 1234, 777, iss ^ 0x800000) == 0


def test_cookie_options_survive_in_the_timestamp() -> None:
    for agreed, wscale in ((OPT_WSCALE | OPT_SACK, 7), (OPT_SACK | OPT_ECN, 0), (0, 0), (OPT_WSCALE, 14)):
        stamp = cookies.encode_options(123_456, agreed, wscale)
        assert 123_456 - 64 <= stamp <= 123_456
        assert cookies.decode_options(stamp) == (agreed, wscale)


def test_listen_full_queue_answers_with_cookies() -> None:
    """Backlog 0: no request can be kept, yet one connection completes, with its options."""
    host = Host().listen(0)
    host.inject("S", 0, None, options=host.syn_options(1460, 5, True, True))
    (syn_ack,) = host.segments()
    assert len(host.tcp.connections()) == 1
    assert syn_ack.options is not None
    host.isn = syn_ack.seq
    host.inject(".", 1, 1, ts=(6000, syn_ack.options.ts_val))
    assert host.listener is not None
    child = host.listener.accept()
    assert child is not None
    assert child.endpoint.state == ESTABLISHED
    assert child.snd_wscale == 5
    assert child.options_on & (OPT_SACK | OPT_TIMESTAMPS | OPT_WSCALE) == 7
    assert child.mss == 1448
    assert host.tcp.counters.syncookies_recv == 1


def test_listen_ack_out_of_the_blue_is_no_cookie() -> None:
    host = Host().listen(0)
    host.inject("S", 0, None)
    host.packets()
    host.isn = 0
    host.inject(".", 1, 12345)
    assert host.sent() == ["R 12345:12345(0)"]
    assert host.tcp.counters.syncookies_failed == 1


def test_listen_full_queue_without_cookies_drops() -> None:
    host = Host(tcp_syncookies=0).listen(0)
    host.inject("S", 0, None)
    assert host.sent() == []
    assert host.tcp.counters.req_q_full_drop == 1


def test_cookies_carry_data_both_ways() -> None:
    pair = Pair()
    pair.server_ip.sysctl.tcp_syncookies = 2
    pair.open()
    assert pair.server is not None
    pair.client.send(b"question", 0)
    pair.run(SECOND)
    assert pair.server.recv(100, False) == b"question"
    pair.server.send(b"answer", 0)
    pair.run(SECOND)
    assert pair.client.recv(100, False) == b"answer"


# ICMP (RFC 5927) and the path MTU (RFC 1191) --------------------------------------------------------


def test_established_icmp_is_soft() -> None:
    host = established()
    host.tcb.send(b"x" * 100, 0)
    host.icmp(3, 3, 1)
    assert host.tcb.endpoint.state == ESTABLISHED
    assert host.tcb.error == 0
    host.inject(".", 1, 101)
    assert host.tcb.soft_error == 0


def test_established_icmp_out_of_window_is_ignored() -> None:
    host = established()
    host.tcb.send(b"x" * 100, 0)
    host.icmp(3, 1, 5000)
    assert host.tcb.soft_error == 0
    assert host.tcp.counters.out_of_window_icmps == 1


def test_established_icmp_with_recverr_is_reported() -> None:
    host = established()
    host.tcb.recverr = True
    host.tcb.send(b"x" * 100, 0)
    host.icmp(3, 1, 1)
    assert host.tcb.poll() & POLLERR
    assert host.tcb.take_error() == EHOSTUNREACH


def test_established_fragmentation_needed_lowers_mss_and_resends() -> None:
    host = Host().connect(mss=1460, delay=100 * MS)
    host.tcb.send(b"x" * 4000, 0)
    host.packets()
    host.icmp(3, 4, 1, mtu=1000)
    assert host.tcb.mss == 960
    sent = host.sent()
    assert sent
    assert all(int(text.split("(")[1].split(")")[0]) <= 960 for text in sent)
    assert host.tcb.cwnd >= 10
    for _ in range(40):
        host.run(50 * MS)
        for segment in host.segments():
            assert len(segment.payload) <= 960
        host.inject(".", 1, min(4001, host.tcb.snd_una - host.tcb.iss + 960))
    assert host.tcb.snd_una == host.tcb.snd_nxt


def test_established_fragmentation_needed_has_a_floor() -> None:
    """route/min_pmtu: nobody may make us send crumbs."""
    host = Host().connect(mss=1460)
    host.tcb.send(b"x" * 2000, 0)
    host.icmp(3, 4, 1, mtu=68)
    assert host.tcb.mss == 552 - 40


def test_established_host_unreachable_takes_back_a_doubling() -> None:
    """RFC 6069."""
    host = established()
    host.tcb.send(b"x" * 100, 0)
    host.run(SECOND)
    before = host.tcb.rto
    host.icmp(3, 1, 1)
    assert host.tcb.rto == before // 2


def test_v6_mss_leaves_room_for_the_longer_header() -> None:
    pair = Pair(v6=True).open()
    assert pair.server is not None
    assert pair.client.mss == 1500 - 60 - 12
    assert pair.client.advmss == 1500 - 60 - 12
    pair.client.send(b"x" * 20_000, 0)
    pair.run(SECOND)
    assert pair.server.recv(50_000, False) == b"x" * 20_000


def test_v6_syn_sent_errors_have_their_own_errnos() -> None:
    """RFC 4443 §3.1: communication prohibited is EACCES, where IPv4's is EHOSTUNREACH."""
    for code, expected in ((0, 101), (1, 13), (3, 113), (4, 111)):
        pair = Pair(v6=True)
        client = pair.client
        assert client.connect(pair.server_ip.address, 80) == 0
        quoted = b"".join(
            (
                client.endpoint.local_port.to_bytes(2, "big"),
                (80).to_bytes(2, "big"),
                client.iss.to_bytes(4, "big"),
            )
        )
        error = IcmpError(1, 3, 1, 0, pair.client_ip.address, pair.server_ip.address, quoted)
        error.type_v6 = 1
        error.code_v6 = code
        pair.client_tcp.icmp_error(error)
        assert client.take_error() == expected


def test_syn_recv_icmp_host_unreachable_drops_the_request() -> None:
    host = Host().listen()
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    host.icmp(3, 3, 0)
    assert len(host.tcp.connections()) == 2
    host.icmp(3, 1, 0)
    assert len(host.tcp.connections()) == 1


def test_lower_mss_on_a_path_that_drops_large_packets() -> None:
    """End to end: a router in the middle says how much it takes."""
    pair = Pair().open()
    assert pair.server is not None
    pair.client.send(b"x" * 20_000, 0)
    pair.client_ip.mtu = 1200
    endpoint = pair.client.endpoint
    quoted = (
        endpoint.local_port.to_bytes(2, "big")
        + endpoint.peer_port.to_bytes(2, "big")
        + (pair.client.snd_una & 0xFFFFFFFF).to_bytes(4, "big")
    )
    pair.client_tcp.icmp_error(IcmpError(1, 3, 4, 1200, endpoint.local, endpoint.peer, quoted))
    pair.run(2 * SECOND)
    assert pair.server.recv(50_000, False) == b"x" * 20_000
    assert pair.client.mss == 1200 - 40 - 12


# Socket options -----------------------------------------------------------------------------------


def test_maxseg_limits_both_directions() -> None:
    host = Host()
    host.tcb.user_mss = 700
    syn = host.start_connect()
    assert syn.options is not None
    assert syn.options.mss == 700
    host.inject("S.", 0, 1, options=host.syn_options(1460, -1, False, False))
    assert host.tcb.mss == 700


def test_window_clamp_limits_what_is_offered() -> None:
    host = Host()
    host.tcb.window_clamp = 8000
    syn = host.start_connect()
    assert syn.window <= 8000
    assert syn.options is not None
    assert syn.options.wscale == 0


def test_tos_and_ttl_are_on_every_packet() -> None:
    host = Host()
    host.tcb.tos = 0x10
    host.tcb.ttl = 9
    host.tcb.endpoint.local_port = 0
    assert host.tcb.connect(0xFFFF_C000_0201, 80) == 0
    (packet,) = host.packets()
    assert (packet.tos, packet.ttl, packet.dont_fragment) == (0x10, 9, True)


def test_reflect_tos_answers_in_kind() -> None:
    host = Host(tcp_reflect_tos=1).listen()
    host.inject("S", 0, None, tos=0x28)
    (packet,) = host.packets()
    assert packet.tos == 0x28


def test_timestamps_without_offset() -> None:
    """tcp_timestamps 2: the bare clock."""
    host = Host(tcp_timestamps=2)
    host.run(1234 * MS)
    syn = host.start_connect()
    assert syn.options is not None
    assert syn.options.ts_val == 1234


def test_defer_accept_client_saves_an_ack() -> None:
    host = Host()
    host.tcb.defer_accept = 1
    host.start_connect()
    host.inject("S.", 0, 1)
    assert host.sent() == []
    host.tcb.send(b"GET", 0)
    assert host.sent() == ["P. 1:4(3) ack 1"]


# TCP_INFO -----------------------------------------------------------------------------------------


def test_info_tells_the_truth() -> None:
    host = sack_established()
    host.tcb.sndbuf = 1_000_000
    host.tcb.send(b"x" * 15_000, 0)
    host.run(100 * MS)
    host.inject("P.", 1, 2001, b"hello")
    info = host.tcb.info()
    assert info.state == ESTABLISHED
    assert info.options == OPT_SACK
    assert info.rtt == 100_000
    assert info.rto == 300_000
    assert info.snd_mss == 1000
    assert info.unacked == host.tcb.packets_out
    assert info.bytes_acked == 2001
    assert info.bytes_received == 5
    assert info.snd_cwnd == 12
    assert info.notsent_bytes == 15_000 - info.unacked * 1000 - 2000
    assert info.busy_time == 100_000
    assert info.last_data_sent == 0


def test_info_packs_as_linux() -> None:
    """struct tcp_info of Linux 6.18: 280 bytes, tcpi_rto at offset 8, tcpi_snd_cwnd at 80."""
    host = established()
    data = host.tcb.info().pack()
    assert len(data) == LENGTH == 280
    assert int.from_bytes(data[8:12], "little") == 300_000
    assert int.from_bytes(data[80:84], "little") == 10


def test_info_counts_what_arrived_marked() -> None:
    """By segments and bytes, ECN agreed on or not, at the end of the structure."""
    host = established()
    for number, mark in enumerate((1, 2, 2, 3, 0)):
        host.inject("P.", 1 + 10 * number, 1, b"x" * 10, tos=mark)
    host.inject(".", 51, 1, tos=3)
    data = host.tcb.info().pack()
    words = [int.from_bytes(data[at : at + 4], "little") for at in range(248, 280, 4)]
    assert words == [2, 0, 0, 0, 10, 20, 10, 0]


def test_info_of_a_timeout_counts_while_it_lasts() -> None:
    host = established()
    host.tcb.send(b"x", 0)
    host.run(SECOND)
    info = host.tcb.info()
    assert info.total_rto == 2
    first = info.total_rto_time
    host.run(100 * MS)
    assert host.tcb.info().total_rto_time == first + 100


def test_info_of_a_listener_shows_its_queue() -> None:
    host = Host().listen(7)
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    host.inject(".", 1, 1)
    assert host.listener is not None
    info = host.listener.info()
    assert (info.unacked, info.sacked) == (1, 7)


def test_info_of_a_closed_socket() -> None:
    info = Host().tcb.info()
    assert info.state == CLOSE
    assert info.rtt == 0


def test_icmp_error_of_a_handshake_is_on_the_error_queue() -> None:
    host = syn_sent()
    host.icmp(3, 1, 0)
    entry = take_error_entry(host.tcb)
    assert entry is not None
    assert (entry.errno, entry.origin, entry.type, entry.code) == (113, 2, 3, 1)
    assert (entry.reporter, entry.destination, entry.port) == (REMOTE, REMOTE, PEER_PORT)
    assert entry.data[:2] == host.local_port.to_bytes(2, "big")
    assert take_error_entry(host.tcb) is None
    assert host.tcb.take_error() == 113


def test_timeouts_count_as_rehash() -> None:
    host = established()
    host.tcb.send(b"x", 0)
    host.run(2 * SECOND)
    info = host.tcb.info()
    assert info.rehash == info.total_rto > 0
