"""SYN cookies (RFC 4987 §3.6): what they hold, who may return them and when, and floods."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.tcp.builders_tcp import LOCAL, MS, PORT, REMOTE, SECOND, Host

from fourtuple.clock.streams import Stream
from fourtuple.ports.endpoint import AF_INET, PROTOCOL_TCP, Endpoint
from fourtuple.stack.tcp import cookies
from fourtuple.stack.tcp.request import Request
from fourtuple.stack.tcp.state import ESTABLISHED, OPT_ECN, OPT_SACK, OPT_TIMESTAMPS, OPT_WSCALE
from fourtuple.wire.address import V4_ANY, parse_ip
from fourtuple.wire.tcp import ACK, RST, SYN

MINUTE = 60 * SECOND
SECRET = bytes(range(16))
V6 = (parse_ip("fd00::1"), parse_ip("fd00::2"))

ports = st.integers(1, 65535)
numbers = st.integers(0, 0xFFFF_FFFF)
times = st.integers(0, 600 * MINUTE)


def make(now: int, mss: int, irs: int = 7, port: int = 1000, v6: bool = False) -> tuple[int, int]:
    local, peer = V6 if v6 else (LOCAL, REMOTE)
    return cookies.make(SECRET, now, local, PORT, peer, port, irs, mss)


def check(now: int, iss: int, irs: int = 7, port: int = 1000, v6: bool = False) -> int:
    local, peer = V6 if v6 else (LOCAL, REMOTE)
    return cookies.check(SECRET, now, local, PORT, peer, port, irs, iss)


# The cookie itself -------------------------------------------------------------------------------


@given(now=times, irs=numbers, port=ports, mss=st.integers(48, 65535), v6=st.booleans())
def test_a_cookie_returns_its_mss(now: int, irs: int, port: int, mss: int, v6: bool) -> None:
    iss, kept = make(now, mss, irs, port, v6)
    assert check(now, iss, irs, port, v6) == kept
    # No more than the peer takes, unless it takes less than the least of the table.
    assert kept <= max(mss, 1220 if v6 else 536)


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        (48, 536),
        (536, 536),
        (1299, 536),
        (1300, 1300),
        (1439, 1300),
        (1440, 1440),
        (1460, 1460),
        (9000, 1460),
    ],
)
def test_mss_is_the_next_below_in_the_table_of_linux(offered: int, kept: int) -> None:
    assert make(0, offered)[1] == kept


@pytest.mark.parametrize(("offered", "kept"), [(500, 1220), (1420, 1420), (1440, 1440), (9000, 8940)])
def test_mss_table_of_ipv6(offered: int, kept: int) -> None:
    assert make(0, offered, v6=True)[1] == kept


@given(now=times, age=st.integers(0, 10 * MINUTE))
def test_a_cookie_lives_for_two_counts(now: int, age: int) -> None:
    """Linux's MAX_SYNCOOKIE_AGE: that of the present minute and of the one before are good."""
    iss, mss = make(now, 1460)
    passed = (now + age) // MINUTE - now // MINUTE
    assert check(now + age, iss) == (mss if passed < 2 else 0)


def test_the_count_is_not_taken_for_one_of_256_minutes_ago() -> None:
    iss, _ = make(0, 1460)
    assert check(256 * MINUTE, iss) == 0


def test_numbers_made_up_are_no_cookies() -> None:
    """A guess is right with a chance of one in a million (24 bits, two counts, four sizes)."""
    chance = Stream(5, "guesses")
    assert not any(check(9 * MINUTE, chance.below(1 << 32)) for _ in range(5000))


def test_a_cookie_is_for_one_peer_and_one_number() -> None:
    iss, _ = make(0, 1460)
    assert check(0, iss, irs=8) == 0
    assert check(0, iss, port=1001) == 0
    assert cookies.check(bytes(16), 0, LOCAL, PORT, REMOTE, 1000, 7, iss) == 0


@given(
    clock=st.integers(64, 1 << 40),
    sack=st.booleans(),
    ecn=st.booleans(),
    scale=st.one_of(st.none(), st.integers(0, 14)),
)
def test_options_ride_in_the_timestamp(clock: int, sack: bool, ecn: bool, scale: int | None) -> None:
    agreed = (OPT_SACK if sack else 0) | (OPT_ECN if ecn else 0) | (OPT_WSCALE if scale is not None else 0)
    stamp = cookies.encode_options(clock, agreed, scale or 0)
    # Never ahead of the clock, or the next segment's would be older (RFC 7323 §5.3).
    assert clock - 64 <= stamp <= clock
    assert cookies.decode_options(stamp & 0xFFFF_FFFF) == (agreed, scale or 0)


# At a listener --------------------------------------------------------------------------------------


def answer(
    host: Host, port: int, mss: int = 1000, wscale: int = -1, sack: bool = False, ts: bool = False
) -> None:
    """The SYN of ``port`` and the SYN-ACK's number."""
    host.peer_port = port
    host.inject("S", 0, None, options=host.syn_options(mss, wscale, sack, ts))
    for segment in host.segments():
        if segment.flags == SYN | ACK and segment.destination_port == port:
            host.isn = segment.seq


def requests(host: Host) -> int:
    return sum(isinstance(end.owner, Request) for end in host.tcp.connections())


def test_nothing_is_kept_until_the_cookie_returns() -> None:
    host = Host(tcp_syncookies=2).listen(5)
    for port in range(1000, 1200):
        answer(host, port)
    assert len(host.tcp.connections()) == 1
    host.inject(".", 1, 1)
    assert host.listener is not None
    child = host.listener.accept()
    assert child is not None
    assert child.endpoint.state == ESTABLISHED
    assert child.mss == 536
    assert host.tcp.counters.syncookies_sent == 200
    assert host.tcp.counters.syncookies_recv == 1


def test_options_survive_with_timestamps_alone() -> None:
    for ts in (True, False):
        host = Host(tcp_syncookies=2).listen(5)
        answer(host, 1000, 1460, 9, True, ts)
        if ts:
            host.last_ts = host.last_ts or 1
        host.clock.advance_to(200 * MS)
        host.inject(".", 1, 1)
        assert host.listener is not None
        child = host.listener.accept()
        assert child is not None
        assert child.options_on == (OPT_SACK | OPT_WSCALE | OPT_TIMESTAMPS if ts else 0)
        assert child.snd_wscale == (9 if ts else 0)


def test_cookies_are_believed_only_where_they_were_handed_out() -> None:
    """Another listener, whose queue was never full, resets what returns one."""
    host = Host().listen(1)
    other = host.new()
    assert host.ip.tables.bind(other.endpoint, V4_ANY, PORT + 1) == 0
    assert other.listen(5) == 0
    iss, _ = cookies.make(host.ip.secret, 0, LOCAL, PORT + 1, REMOTE, 1000, host.peer_isn, 1460)
    host.peer_port, host.local_port, host.isn = 1000, PORT + 1, iss
    host.inject(".", 1, 1)
    assert [segment.flags for segment in host.segments()] == [RST]
    assert other.accept() is None


def test_two_minutes_after_the_last_overflow_none_is_believed() -> None:
    host = Host().listen(1)
    for port in range(1000, 1004):
        answer(host, port)
    assert host.tcp.counters.syncookies_sent > 0
    host.run(2 * MINUTE + SECOND)
    host.packets()
    iss, _ = cookies.make(host.ip.secret, host.clock.now, LOCAL, PORT, REMOTE, 2000, host.peer_isn, 1460)
    host.peer_port, host.isn = 2000, iss
    host.inject(".", 1, 1)
    assert [segment.flags for segment in host.segments()] == [RST]
    assert host.tcp.counters.syncookies_failed == 1


def test_without_cookies_a_full_queue_drops() -> None:
    host = Host(tcp_syncookies=0).listen(1)
    for port in range(1000, 1010):
        answer(host, port)
    assert requests(host) == 1
    assert host.tcp.counters.req_q_full_drop == 9
    assert host.tcp.counters.syncookies_sent == 0


def test_a_full_accept_queue_is_not_filled_further_by_cookies() -> None:
    host = Host(tcp_syncookies=2).listen(1)
    for port in range(1000, 1010):
        answer(host, port)
        host.inject(".", 1, 1)
    assert host.listener is not None
    assert host.listener.accept_queue_length == 2
    assert host.tcp.counters.listen_overflows == 8


def test_a_syn_answered_by_a_cookie_opens_nothing_by_fast_open() -> None:
    """Linux's tcp_conn_request tries Fast Open only with room in the queue: state would be made after all."""
    host = Host(tcp_syncookies=2, tcp_fastopen=0x602).listen(5)
    host.tcb.fastopen_limit = 5
    options = host.syn_options(1460, -1, False, False)
    options.fastopen = b""
    host.inject("S", 0, None, b"early", options=options)
    (syn_ack,) = host.segments()
    assert (syn_ack.ack - host.peer_isn) & 0xFFFF_FFFF == 1
    assert len(host.tcp.connections()) == 1


# Floods ---------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    backlog=st.integers(1, 20),
    setting=st.sampled_from((0, 1, 2)),
    flood=st.lists(
        st.tuples(st.integers(1, 200), st.sampled_from(("S", ".", "R", "SF", "S.")), numbers), max_size=80
    ),
)
def test_a_flood_leaves_a_connection_working_and_memory_bounded(
    backlog: int, setting: int, flood: list[tuple[int, str, int]]
) -> None:
    host = Host(tcp_syncookies=setting).accept_one(delay=10 * MS)
    assert host.listener is not None
    assert host.listener.listen(backlog) == 0
    mine = (host.peer_port, host.peer_isn, host.isn)
    for port, flags, number in flood:
        host.peer_port, host.peer_isn, host.isn = port, number, 0
        host.inject(flags, 0, number if "S" not in flags or "." in flags else None)
        assert requests(host) <= backlog
        assert host.listener.accept_queue_length <= backlog + 1
        assert len(host.packets()) <= 1
    host.peer_port, host.peer_isn, host.isn = mine
    host.inject("P.", 1, 1, b"still here")
    assert host.tcb.recv(100, False) == b"still here"
    assert host.tcb.send(b"so am I", 0) == 7
    assert host.sent()[-1].startswith("P. 1:8(7) ack 11")
    host.inject(".", 11, 8)
    host.run(300 * SECOND)
    assert requests(host) == 0
    assert [end.owner for end in host.tcp.connections() if end.peer_port] == [host.tcb]


def test_a_flood_on_one_listener_does_not_touch_another() -> None:
    host = Host().listen(2)
    other = host.tcp.create(Endpoint(PROTOCOL_TCP, AF_INET, 0), None)
    assert host.ip.tables.bind(other.endpoint, V4_ANY, PORT + 1) == 0
    assert other.listen(2) == 0
    for port in range(1000, 1500):
        answer(host, port)
    host.local_port = PORT + 1
    answer(host, 2000)
    assert host.tcp.counters.syncookies_sent == 498
    host.inject(".", 1, 1)
    assert other.accept() is not None
