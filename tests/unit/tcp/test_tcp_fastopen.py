"""Fast Open (RFC 7413), both ends."""

from __future__ import annotations

import pytest
from tests.unit.tcp.builders_tcp import LOCAL, MS, PEER_PORT, REMOTE, SECOND, Host, Pair

from fourtuple.stack.siphash import siphash
from fourtuple.stack.tcp import fastopen
from fourtuple.stack.tcp.state import CLOSE, CLOSE_WAIT, ESTABLISHED, SYN_RECV, SYN_SENT
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.wire.address import parse_ip
from fourtuple.wire.tcp_options import TcpOptions, parse_tcp_options

KEY = "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"
# What Linux makes of this key, 192.0.2.1 -> 192.168.0.1 and fd3d:fa7b:d17d::1 -> fd3d:0a0b:17d6::1.
COOKIE = bytes.fromhex("3021b9d889017eeb")
COOKIE_V6 = bytes.fromhex("c1d1e9742a47a9bc")


def fast(cookie: bytes | None, exp: bool = False, mss: int = 1460, sack: bool = False) -> TcpOptions:
    options = TcpOptions()
    options.mss = mss
    options.fastopen = cookie
    options.fastopen_exp = exp
    options.sack_permitted = sack
    return options


def server(setting: int = 3, limit: int = 5, **sysctls: int) -> Host:
    host = Host(tcp_fastopen=setting, tcp_timestamps=0, **sysctls)
    host.ip.sysctl.tcp_fastopen_key = KEY
    host.tcb.fastopen_limit = limit
    return host.listen(5)


def opened(**sysctls: int) -> Host:
    """A connection opened by 10 bytes in the SYN, on the accept queue."""
    host = server(**sysctls)
    host.inject("S", 0, None, b"0123456789", options=fast(COOKIE))
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    return host


def accept(host: Host) -> Tcb:
    assert host.listener is not None
    child = host.listener.accept()
    assert child is not None
    child.events = host.events
    host.tcb = child
    return child


# Cookies ----------------------------------------------------------------------------------------


def test_siphash_is_the_papers() -> None:
    key = bytes(range(16))
    assert siphash(key, bytes(range(15))) == bytes.fromhex("e545be4961ca29a1")
    assert siphash(key, b"") == bytes.fromhex("310e0edd47db6f72")


def test_cookies_are_linuxs() -> None:
    (key,) = fastopen.parse_keys(KEY)
    assert fastopen.make_cookie(key, REMOTE, LOCAL) == COOKIE
    remote, local = parse_ip("fd3d:fa7b:d17d::1"), parse_ip("fd3d:0a0b:17d6::1")
    assert fastopen.make_cookie(key, remote, local) == COOKIE_V6


@pytest.mark.parametrize("exp", [False, True])
def test_option_survives_the_wire(exp: bool) -> None:
    for cookie in (b"", b"abcd", b"0123456789abcdef"):
        options = parse_tcp_options(fast(cookie, exp).serialize())
        assert (options.fastopen, options.fastopen_exp, options.unknown) == (cookie, exp, [])
        assert len(fast(cookie, exp).serialize()) == fast(cookie, exp).wire_length()


@pytest.mark.parametrize(
    ("cookie", "valid"), [(b"12", False), (b"123", False), (b"x" * 18, False), (b"1234", True)]
)
def test_cookies_of_wrong_length_do_not_count(cookie: bytes, valid: bool) -> None:
    assert (fastopen.read_option(fast(cookie)) is not None) == valid


# The server -------------------------------------------------------------------------------------


def test_request_for_a_cookie_is_answered() -> None:
    host = server()
    host.inject("S", 0, None, b"early", options=fast(b""))
    (syn_ack,) = host.segments()
    assert syn_ack.options is not None
    assert syn_ack.options.fastopen == COOKIE
    # Without a cookie the data does not count.
    assert syn_ack.ack == (host.peer_isn + 1) & 0xFFFF_FFFF
    assert host.listener is not None
    assert host.listener.accept() is None


def test_data_in_the_syn_is_taken_and_answered_before_the_handshake_ends() -> None:
    host = opened()
    child = accept(host)
    assert child.endpoint.state == SYN_RECV
    assert child.recv(100, False) == b"0123456789"
    assert child.info().options & 32
    assert child.info().options & 128
    assert child.send(b"x" * 100, 0) == 100
    assert host.sent() == ["P. 1:101(100) ack 11"]
    host.run(50 * MS)
    host.inject(".", 11, 101)
    assert child.endpoint.state == ESTABLISHED
    assert child.info().delivered == 2
    assert host.listener is not None
    assert host.listener.listening is not None
    assert host.listener.listening.fastopen_pending == 0
    assert host.tcp.counters.fastopen_passive == 1


def test_syn_ack_acknowledges_the_data_and_carries_no_cookie() -> None:
    host = server()
    host.inject("S", 0, None, b"0123456789", options=fast(COOKIE))
    (syn_ack,) = host.segments()
    assert host.text(syn_ack).endswith("ack 11")
    assert syn_ack.options is not None
    assert syn_ack.options.fastopen is None


def test_wrong_cookie_gets_the_right_one() -> None:
    host = server()
    host.inject("S", 0, None, b"early", options=fast(b"\xaa" * 8, exp=True))
    (syn_ack,) = host.segments()
    assert syn_ack.options is not None
    assert (syn_ack.options.fastopen, syn_ack.options.fastopen_exp) == (COOKIE, True)
    assert host.tcp.counters.fastopen_passive_fail == 1


def test_cookie_of_the_key_before_is_good_and_renewed() -> None:
    host = server()
    host.ip.sysctl.tcp_fastopen_key = "1-2-3-4," + KEY
    host.inject("S", 0, None, b"early", options=fast(COOKIE))
    (syn_ack,) = host.segments()
    assert host.text(syn_ack).endswith("ack 6")
    assert syn_ack.options is not None
    new = fastopen.make_cookie(fastopen.parse_keys("1-2-3-4")[0], REMOTE, LOCAL)
    assert syn_ack.options.fastopen == new
    assert host.tcp.counters.fastopen_passive_alt_key == 1


def test_listeners_own_key_comes_first() -> None:
    host = server()
    assert host.listener is not None
    host.listener.fastopen_keys = [bytes(16)]
    host.inject("S", 0, None, b"early", options=fast(COOKIE))
    (syn_ack,) = host.segments()
    assert syn_ack.options is not None
    assert syn_ack.options.fastopen == fastopen.make_cookie(bytes(16), REMOTE, LOCAL)


@pytest.mark.parametrize(("setting", "limit"), [(1, 5), (3, 0)])
def test_no_fast_open_unless_host_and_listener_want_it(setting: int, limit: int) -> None:
    host = server(setting, limit)
    host.inject("S", 0, None, b"early", options=fast(COOKIE))
    (syn_ack,) = host.segments()
    assert host.text(syn_ack, False).endswith("ack 1")
    assert syn_ack.options is not None
    assert syn_ack.options.fastopen is None


def test_setting_for_all_listeners() -> None:
    host = server(0x402, 0)
    assert host.listener is not None
    assert host.listener.fastopen_limit == 5


def test_cookie_not_required() -> None:
    host = server(0x202)
    host.inject("S", 0, None, b"early", options=fast(None))
    assert host.sent()[0].endswith("ack 6")


def test_queue_length_bounds_what_is_unfinished() -> None:
    host = server(limit=1)
    for port in (1, 2):
        host.peer_port = port
        host.inject("S", 0, None, b"early", options=fast(COOKIE))
    first, second = host.segments()
    assert host.text(first).endswith("ack 6")
    assert host.text(second).endswith("ack 1")
    assert host.tcp.counters.fastopen_listen_overflow == 1


def test_reset_of_an_accepted_one_counts_for_a_minute() -> None:
    host = server(limit=1)
    host.inject("S", 0, None, b"early", options=fast(COOKIE))
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    accept(host)
    host.inject("R", 6)
    assert host.listener is not None
    queues = host.listener.listening
    assert queues is not None
    assert queues.fastopen_pending == 1
    host.peer_port = 7
    host.inject("S", 0, None, b"early", options=fast(COOKIE))
    assert host.sent()[0].endswith("ack 1")
    host.run(61 * SECOND)
    host.packets()
    host.peer_port = 8
    host.inject("S", 0, None, b"early", options=fast(COOKIE))
    assert host.sent()[0].endswith("ack 6")


def test_reset_before_accept_leaves_the_data() -> None:
    host = opened()
    host.inject("R.", 11, 1)
    child = accept(host)
    assert child.endpoint.state == CLOSE
    assert child.recv_check() == 0
    assert child.recv(100, False) == b"0123456789"
    assert child.recv_check() == 104


def test_icmp_error_before_accept_ends_it_and_after_does_not() -> None:
    host = opened()
    host.icmp(3, 1, 0)
    assert accept(host).endpoint.state == CLOSE
    host = opened()
    child = accept(host)
    host.icmp(3, 1, 0)
    assert child.endpoint.state == SYN_RECV


def test_syn_ack_is_sent_again_and_data_is_not() -> None:
    host = opened()
    child = accept(host)
    child.send(b"answer", 0)
    host.packets()
    host.run(1100 * MS)
    assert host.sent() == ["S. 0:0(0) ack 11"]
    host.inject("S", 0, None, b"0123456789", options=fast(COOKIE))
    assert host.sent() == ["S. 0:0(0) ack 11"]
    host.run(2000 * MS)
    assert host.sent() == ["S. 0:0(0) ack 11"]
    host.inject(".", 11, 1)
    assert child.endpoint.state == ESTABLISHED
    host.run(3000 * MS)
    assert "P. 1:7(6) ack 11" in host.sent()


def test_syn_ack_never_answered_times_out() -> None:
    host = opened(tcp_synack_retries=1)
    child = accept(host)
    host.run(30 * SECOND)
    assert len(host.sent()) == 2
    assert child.endpoint.state == CLOSE
    assert child.take_error() == 110


def test_fin_in_the_handshake_and_close_wait() -> None:
    host = opened()
    host.inject("F.", 11, 1)
    host.run(MS)
    assert host.sent() == [". 1:1(0) ack 12"]
    child = accept(host)
    assert child.endpoint.state == CLOSE_WAIT
    child.recv(100, False)
    child.close()
    assert host.sent() == ["F. 1:1(0) ack 12"]


def test_listener_closed_resets_what_nobody_accepted() -> None:
    host = opened()
    assert host.listener is not None
    host.listener.close()
    assert host.sent() == ["R. 1:1(0) ack 11"]


def test_syn_alone_with_a_good_cookie_may_be_answered_with_data() -> None:
    host = server()
    host.inject("S", 0, None, options=fast(COOKIE))
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    child = accept(host)
    assert not child.info().options & 32
    assert child.send(b"x" * 100, 0) == 100
    assert host.sent() == ["P. 1:101(100) ack 1"]


def test_forged_syn_does_not_end_it() -> None:
    host = opened()
    child = accept(host)
    host.inject("S", 500, None)
    assert host.sent() == ["R. 0:0(0) ack 501"] or host.tcp.counters.embryonic_rsts == 1
    assert child.endpoint.state == SYN_RECV


# The client -------------------------------------------------------------------------------------


def client(**sysctls: int) -> Host:
    return Host(tcp_timestamps=0, **sysctls)


def learn(host: Host, cookie: bytes = b"abcd1234", mss: int = 1460, exp: bool = False) -> None:
    entry = host.tcp.layer.metrics.obtain(LOCAL, REMOTE, 0)
    entry.cookie = cookie
    entry.mss = mss
    entry.cookie_exp = exp


def send_syn(host: Host, data: bytes) -> tuple[int, str, TcpOptions]:
    """(bytes taken, the SYN, its options)"""
    host.tcb = host.new()
    taken = host.tcb.connect_sending(REMOTE, PEER_PORT, data)
    (syn,) = host.segments()
    host.isn = syn.seq
    host.local_port = syn.source_port
    assert syn.options is not None
    return taken, host.text(syn), syn.options


def test_without_a_cookie_the_syn_asks_for_one() -> None:
    host = client()
    taken, syn, options = send_syn(host, b"x" * 100)
    assert (taken, syn, options.fastopen) == (0, "S 0:0(0)", b"")
    host.inject("S.", 0, 1, options=fast(b"abcd1234", mss=940))
    assert host.sent() == [". 1:1(0) ack 1"]
    assert host.tcb.info().fastopen_client_fail == fastopen.COOKIE_UNAVAILABLE
    taken, syn, options = send_syn(host, b"x" * 2000)
    # MSS 940 less 40 bytes for options a middlebox may add.
    assert (taken, syn, options.fastopen) == (900, "S 0:900(900)", b"abcd1234")


def test_data_acknowledged_with_the_syn() -> None:
    host = client()
    learn(host)
    send_syn(host, b"x" * 1000)
    host.inject("S.", 0, 1001, options=fast(None))
    assert host.sent() == [". 1001:1001(0) ack 1"]
    info = host.tcb.info()
    assert info.options & 32
    assert info.delivered == 1
    assert host.tcp.counters.fastopen_active == 1


def test_data_not_acknowledged_is_sent_again_at_once() -> None:
    host = client()
    learn(host)
    send_syn(host, b"x" * 700)
    host.inject("S.", 0, 1, options=fast(None, mss=1040, sack=True))
    assert host.sent() == ["P. 1:701(700) ack 1"]
    info = host.tcb.info()
    assert not info.options & 32
    assert info.fastopen_client_fail == fastopen.DATA_NOT_ACKED
    host.inject(".", 1, 701)
    assert host.tcb.info().delivered == 2
    assert host.tcb.info().unacked == 0


def test_part_of_the_data_acknowledged() -> None:
    host = client()
    learn(host)
    send_syn(host, b"x" * 1420)
    host.inject("S.", 0, 101, options=fast(None, mss=1000, sack=True))
    assert host.sent() == [". 101:1101(1000) ack 1", "P. 1101:1421(320) ack 1"]
    assert host.tcb.info().unacked == 2
    assert not host.tcb.info().options & 32


def test_acknowledgment_beyond_the_data_is_reset() -> None:
    host = client()
    learn(host)
    send_syn(host, b"x" * 100)
    host.inject("S.", 0, 100_101, options=fast(None))
    assert host.sent() == ["R 100101:100101(0)"]
    assert host.tcb.endpoint.state == SYN_SENT


def test_syn_sent_again_is_an_ordinary_one() -> None:
    host = client()
    learn(host)
    send_syn(host, b"x" * 1000)
    host.run(1100 * MS)
    (syn,) = host.segments()
    assert host.text(syn) == "S 0:0(0)"
    assert syn.options is not None
    assert syn.options.fastopen is None
    host.inject("S.", 0, 1, options=fast(None))
    assert host.sent() == ["P. 1:1001(1000) ack 1"]
    assert host.tcb.info().fastopen_client_fail == fastopen.SYN_RETRANSMITTED


def test_path_too_narrow_for_the_data() -> None:
    host = client()
    learn(host)
    send_syn(host, b"x" * 1000)
    host.ip.mtu = 840
    host.icmp(3, 4, 0, 840)
    (syn,) = host.segments()
    assert host.text(syn) == "S 0:0(0)"
    assert syn.options is not None
    assert syn.options.mss == 800


def test_data_with_the_syn_ack_is_read() -> None:
    host = client()
    learn(host)
    send_syn(host, b"x" * 1000)
    host.inject("SF.", 0, 1001, b"y" * 1400, options=fast(None))
    assert host.tcb.endpoint.state == CLOSE_WAIT
    assert host.tcb.recv(5000, False) == b"y" * 1400
    assert host.sent() == [". 1001:1001(0) ack 1402"]


def test_experimental_option_is_tried_once() -> None:
    host = client()
    kinds: list[bool] = []
    for _ in range(4):
        _, _, options = send_syn(host, b"")
        assert options.fastopen == b""
        kinds.append(options.fastopen_exp)
        host.inject("S.", 0, 1, options=fast(None))
        host.packets()
    assert kinds == [False, True, False, False]


def test_experimental_cookie_is_used_in_its_own_form() -> None:
    host = client()
    learn(host, b"", 0)
    host.tcp.layer.metrics.obtain(LOCAL, REMOTE, 0).try_exp = 1
    send_syn(host, b"")
    host.inject("S.", 0, 1, options=fast(b"1234abcd", exp=True))
    host.packets()
    _, syn, options = send_syn(host, b"z")
    assert (syn, options.fastopen, options.fastopen_exp) == ("S 0:1(1)", b"1234abcd", True)


def test_unasked_cookie_is_not_kept() -> None:
    host = client(tcp_fastopen=5)
    taken, syn, options = send_syn(host, b"x" * 10)
    assert (taken, syn, options.fastopen) == (10, "S 0:10(10)", None)
    host.inject("S.", 0, 11, options=fast(b"abcd1234"))
    host.packets()
    host.ip.sysctl.tcp_fastopen = 1
    taken, _, options = send_syn(host, b"x" * 10)
    assert (taken, options.fastopen) == (0, b"")


def test_deferred_connect_waits_for_data() -> None:
    host = client()
    learn(host)
    host.tcb.fastopen_connect = True
    assert host.tcb.connect(REMOTE, PEER_PORT) == 0
    assert host.sent() == []
    assert host.tcb.poll() & 4
    assert host.tcb.send_deferred(b"x" * 10) == 10
    (syn,) = host.segments()
    assert len(syn.payload) == 10


def test_three_timeouts_put_fast_open_to_rest() -> None:
    host = client(tcp_fastopen_blackhole_timeout_sec=3600)
    learn(host)
    send_syn(host, b"x" * 1000)
    host.run(4 * SECOND)
    assert host.tcp.counters.fastopen_blackhole == 1
    host.packets()
    taken, _, options = send_syn(host, b"x" * 10)
    assert (taken, options.fastopen) == (0, None)
    host.run(3601 * SECOND)
    host.packets()
    taken, _, options = send_syn(host, b"x" * 10)
    assert (taken, options.fastopen) == (10, b"abcd1234")
    host.inject("S.", 0, 11, options=fast(None))
    host.inject("P.", 1, 11, b"works")
    host.tcb.abort()
    assert host.tcp.layer.fastopen_disabled_times == 0


def test_reset_out_of_order_before_any_data_puts_it_to_rest() -> None:
    host = client(tcp_fastopen_blackhole_timeout_sec=3600)
    learn(host)
    send_syn(host, b"x" * 10)
    host.inject("S.", 0, 11, options=fast(None))
    host.inject("R", 100)
    assert host.tcp.counters.fastopen_blackhole == 1


@pytest.mark.parametrize("v6", [False, True])
def test_two_hosts_of_ours(v6: bool) -> None:
    pair = Pair(v6=v6)
    pair.both("tcp_fastopen", 3)
    pair.listener.fastopen_limit = 5
    fastopen.choose_key(pair.server_tcp.layer)
    pair.open()
    assert pair.server is not None
    pair.client.close()
    pair.server.close()
    pair.run(5 * SECOND)
    fresh = [pair.client_tcp.create(type(pair.client.endpoint)(6, pair.family, 0), None) for _ in range(2)]
    assert fresh[0].connect_sending(pair.server_ip.address, 80, b"") == 0
    pair.run(SECOND)
    assert fresh[1].connect_sending(pair.server_ip.address, 80, b"hello") == 5
    pair.run(11 * MS)
    # Half a round trip later the data is there.
    children = [pair.listener.accept(), pair.listener.accept()]
    assert children[1] is not None
    assert children[1].recv(100, False) == b"hello"
    pair.run(SECOND)
    assert children[1].endpoint.state == ESTABLISHED
