"""Opening a connection, on both sides (RFC 9293 §3.5, §3.10.1)."""

from builders_tcp import (
    LOCAL,
    MS,
    PEER_PORT,
    PORT,
    REMOTE,
    SECOND,
    Host,
    Pair,
    established,
    listening,
    syn_sent,
)

from fourtuple.ports.endpoint import CLOSE, ESTABLISHED, LISTEN, SYN_RECV, SYN_SENT
from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT
from fourtuple.stack.tcp.state import EALREADY, ECONNREFUSED, EISCONN, ENETUNREACH, ETIMEDOUT
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.wire.tcp_options import TcpOptions


def test_closed_connect_sends_syn_with_linux_options() -> None:
    host = Host()
    syn = host.start_connect()
    assert host.text(syn, full=True) == "S 0:0(0) win 64240"
    options = syn.options
    assert options is not None
    assert (options.mss, options.sack_permitted, options.timestamps, options.wscale) == (1460, True, True, 7)
    assert options.ts_ecr == 0
    assert host.tcb.endpoint.state == SYN_SENT


def test_closed_connect_offers_only_what_sysctls_allow() -> None:
    host = Host(tcp_timestamps=0, tcp_sack=0, tcp_window_scaling=0)
    options = host.start_connect().options
    assert options is not None
    assert (options.sack_permitted, options.timestamps, options.wscale) == (False, False, -1)


def test_closed_connect_window_scale_follows_rmem() -> None:
    """A 15 MB tcp_rmem maximum needs a shift of 8."""
    host = Host()
    host.ip.sysctl.tcp_rmem = (4096, 540000, 15728640)
    host.tcb = host.new()
    syn = host.start_connect()
    assert syn.options is not None
    assert syn.options.wscale == 8
    assert syn.window == 65535


def test_closed_connect_without_route() -> None:
    host = Host()
    host.ip.reachable = False
    assert host.tcb.connect(REMOTE, 80) == ENETUNREACH
    assert host.tcb.endpoint.state == CLOSE


def test_syn_sent_connect_again() -> None:
    assert syn_sent().tcb.connect(REMOTE, 80) == EALREADY


def test_established_connect_again() -> None:
    assert established().tcb.connect(REMOTE, 80) == EISCONN


def test_syn_sent_syn_ack_establishes() -> None:
    host = syn_sent()
    host.inject("S.", 0, 1)
    assert host.sent() == [". 1:1(0) ack 1"]
    assert host.tcb.endpoint.state == ESTABLISHED
    assert host.events.take() & (POLLIN | POLLOUT) == POLLIN | POLLOUT
    assert host.tcb.poll() & (POLLOUT | POLLIN | POLLERR | POLLHUP) == POLLOUT


def test_syn_sent_syn_ack_with_wrong_ack_is_reset() -> None:
    """RFC 9293 §3.10.7.3 first: an unacceptable ACK is answered with RST."""
    host = syn_sent()
    host.inject("S.", 0, 2)
    assert host.sent() == ["R 2:2(0)"]
    assert host.tcb.endpoint.state == SYN_SENT


def test_syn_sent_rst_without_ack_is_ignored() -> None:
    """RFC 9293 §3.10.7.3 second: only a RST that acknowledges our SYN counts."""
    host = syn_sent()
    host.inject("R", 0)
    assert host.tcb.endpoint.state == SYN_SENT
    assert host.sent() == []


def test_syn_sent_rst_with_ack_refuses() -> None:
    host = syn_sent()
    host.inject("R.", 0, 1)
    assert host.tcb.endpoint.state == CLOSE
    assert host.tcb.poll() & (POLLERR | POLLHUP | POLLIN) == POLLERR | POLLHUP | POLLIN
    assert host.tcb.take_error() == ECONNREFUSED
    assert host.tcb.take_error() == 0


def test_syn_sent_refused_can_connect_again() -> None:
    host = syn_sent()
    host.inject("R.", 0, 1)
    host.tcb.take_error()
    assert host.tcb.connect(REMOTE, PEER_PORT) == 0
    assert len(host.segments()) == 1
    assert host.tcb.endpoint.state == SYN_SENT
    assert host.tcb.srtt == 0


def test_syn_sent_syn_is_sent_again_each_second_then_doubling() -> None:
    """tcp_syn_linear_timeouts: four a second apart, then 1, 2, 4 … s, and all in the time that
    tcp_syn_retries with backing off from the start would take, as Linux 6.18 was seen to do."""
    host = Host(tcp_syn_retries=2)
    host.start_connect()
    times: list[int] = []
    start = host.clock.now
    while host.tcb.endpoint.state == SYN_SENT:
        host.run(100 * MS)
        if host.sent() == ["S 0:0(0)"]:
            times.append((host.clock.now - start) // SECOND)
    assert times == [1, 2, 3, 4, 5]
    assert (host.clock.now - start) // SECOND == 7
    assert host.tcb.take_error() == ETIMEDOUT


def test_syn_sent_unanswered_gives_up_after_131_seconds() -> None:
    """Linux's documented total of tcp_syn_retries 6 with four linear timeouts."""
    host = syn_sent()
    host.run(130 * SECOND)
    assert host.tcb.endpoint.state == SYN_SENT
    host.run(2 * SECOND)
    assert host.tcb.take_error() == ETIMEDOUT


def test_syn_sent_icmp_unreachable_ends_connect() -> None:
    host = syn_sent()
    host.icmp(3, 3, 0)
    assert host.tcb.take_error() == ECONNREFUSED
    assert host.tcb.endpoint.state == CLOSE


def test_syn_sent_icmp_about_other_sequence_is_ignored() -> None:
    """RFC 5927 §4.1."""
    host = syn_sent()
    host.icmp(3, 3, 5)
    assert host.tcb.endpoint.state == SYN_SENT


def test_syn_sent_syn_opens_simultaneously() -> None:
    """RFC 9293 §3.5 figure 7."""
    host = syn_sent(tcp_timestamps=0, tcp_sack=0, tcp_window_scaling=0)
    host.inject("S", 0, None)
    assert host.sent() == ["S. 0:0(0) ack 1"]
    assert host.tcb.endpoint.state == SYN_RECV
    host.inject("S.", 0, 1)
    assert host.tcb.endpoint.state == ESTABLISHED
    host.inject(".", 1, 1, b"hello")
    assert host.tcb.recv(10, False) == b"hello"


def test_syn_recv_of_simultaneous_open_syn_ack_is_sent_again() -> None:
    host = syn_sent()
    host.inject("S", 0, None)
    host.packets()
    host.run(1100 * MS)
    assert host.sent() == ["S. 0:0(0) ack 1"]


def test_listen_syn_is_answered() -> None:
    host = listening()
    host.inject("S", 0, None, options=host.syn_options(1000, 7, True, False))
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    assert host.text(syn_ack) == "S. 0:0(0) ack 1"
    options = syn_ack.options
    assert options is not None
    assert (options.mss, options.sack_permitted, options.timestamps, options.wscale) == (1460, True, False, 7)


def test_listen_syn_without_options_is_answered_without() -> None:
    host = listening()
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    options = syn_ack.options
    assert options is not None
    assert (options.mss, options.sack_permitted, options.timestamps, options.wscale) == (
        1460,
        False,
        False,
        -1,
    )


def test_listen_ack_is_reset() -> None:
    """RFC 9293 §3.10.7.2 second."""
    host = listening()
    host.isn = 0
    host.inject(".", 1, 77)
    assert host.sent() == ["R 77:77(0)"]


def test_listen_rst_is_ignored() -> None:
    host = listening()
    host.inject("R", 1)
    assert host.sent() == []


def test_syn_recv_ack_completes_and_wakes_listener() -> None:
    host = Host().accept_one()
    assert host.tcb.endpoint.state == ESTABLISHED
    assert host.tcb.endpoint.local_port == 8080
    assert host.listener is not None
    assert host.listener.endpoint.state == LISTEN
    assert host.listener.accept() is None


def test_syn_recv_syn_again_repeats_syn_ack() -> None:
    host = listening()
    host.inject("S", 0, None)
    (first,) = host.segments()
    host.run(600 * MS)
    host.inject("S", 0, None)
    (second,) = host.segments()
    assert (second.seq, second.flags) == (first.seq, first.flags)


def test_syn_recv_wrong_ack_is_reset() -> None:
    """RFC 9293 §3.10.7.4 fifth, SYN-RECEIVED."""
    host = listening()
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    host.inject(".", 1, 9)
    assert host.sent() == ["R 9:9(0)"]
    host.inject(".", 1, 1)
    assert host.listener is not None
    assert host.listener.accept_queue_length == 1


def test_syn_recv_rst_returns_to_listen() -> None:
    host = listening()
    host.inject("S", 0, None)
    host.packets()
    host.inject("R", 1)
    assert len(host.tcp.connections()) == 1
    host.run(5 * SECOND)
    assert host.sent() == []


def test_syn_recv_rst_beside_the_exact_number_is_challenged() -> None:
    """RFC 5961 §3.2."""
    host = listening()
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    host.inject("R", 2)
    assert host.sent() == [". 1:1(0) ack 1"]
    assert len(host.tcp.connections()) == 2


def test_syn_recv_syn_ack_is_sent_again_five_times() -> None:
    """tcp_synack_retries: after 1, 2, 4, 8, 16 s; given up after 32 more."""
    host = listening()
    host.inject("S", 0, None)
    host.packets()
    times = []
    for second in range(1, 80):
        host.run(SECOND)
        times += [second] * len(host.packets())
    assert times == [1, 3, 7, 15, 31]
    assert len(host.tcp.connections()) == 1


def test_syn_recv_data_with_last_ack() -> None:
    host = listening()
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    host.inject("P.", 1, 1, b"GET /")
    assert host.listener is not None
    child = host.listener.accept()
    assert child is not None
    assert child.recv_check() == 0
    assert child.recv(100, False) == b"GET /"


def test_listen_backlog_admits_one_more() -> None:
    """Backlog 1: two connections complete, the SYN of a third is dropped (ListenOverflows)."""
    host = listening()
    for number in range(3):
        host.peer_port = 1000 + number
        host.inject("S", 0, None)
        packets = host.segments()
        if number < 2:
            host.isn = packets[0].seq
            host.inject(".", 1, 1)
        else:
            assert packets == []
    assert host.listener is not None
    assert host.listener.accept_queue_length == 2
    assert host.tcp.counters.listen_overflows == 1
    assert host.tcp.counters.listen_drops == 1


def test_syn_recv_ack_with_full_accept_queue_is_dropped() -> None:
    """tcp_abort_on_overflow 0: the request stays, and completes when there is room."""
    host = Host().listen(2)
    isns = []
    for number in range(2):
        host.peer_port = 1000 + number
        host.inject("S", 0, None)
        isns += [segment.seq for segment in host.segments()]
    listener = host.listener
    assert listener is not None
    assert listener.listen(0) == 0
    for number in range(2):
        host.peer_port = 1000 + number
        host.isn = isns[number]
        host.inject(".", 1, 1)
    assert listener.accept_queue_length == 1
    assert host.sent() == []
    assert host.tcp.counters.listen_overflows == 1
    assert listener.accept() is not None
    host.inject("P.", 1, 1, b"late")
    child = listener.accept()
    assert child is not None
    assert child.recv(10, False) == b"late"


def test_syn_recv_ack_with_full_accept_queue_and_abort_is_reset() -> None:
    host = Host(tcp_abort_on_overflow=1).listen(2)
    isns = []
    for number in range(2):
        host.peer_port = 1000 + number
        host.inject("S", 0, None)
        isns += [segment.seq for segment in host.segments()]
    assert host.listener is not None
    assert host.listener.listen(0) == 0
    for number in range(2):
        host.peer_port = 1000 + number
        host.isn = isns[number]
        host.inject(".", 1, 1)
    assert host.listener.accept_queue_length == 1
    assert host.sent() == ["R 1:1(0)"]


def test_syn_recv_defer_accept_waits_for_data() -> None:
    host = listening()
    assert host.listener is not None
    host.listener.defer_accept = 3
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    host.inject(".", 1, 1)
    assert host.listener.accept_queue_length == 0
    host.inject("P.", 1, 1, b"x")
    assert host.listener.accept_queue_length == 1


def test_listen_close_resets_the_unaccepted() -> None:
    host = listening()
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    host.inject(".", 1, 1)
    assert host.listener is not None
    host.listener.close()
    assert host.sent() == ["R. 1:1(0) ack 1"]
    assert host.tcp.connections() == []
    host.inject(".", 1, 1)
    assert host.sent() == ["R 1:1(0)"]


def test_syn_sent_mss_of_peer_limits_segments() -> None:
    host = Host()
    host.start_connect()
    options = TcpOptions()
    options.mss = 700
    host.inject("S.", 0, 1, options=options)
    assert host.tcb.mss == 700


def test_syn_sent_peer_without_mss_means_536() -> None:
    """RFC 9293 §3.7.1."""
    host = syn_sent()
    host.inject("S.", 0, 1)
    assert host.tcb.mss == 536


def test_connect_to_self() -> None:
    """A socket bound to a port and connected to that same port meets itself."""
    pair = Pair()
    tcb = pair.client
    pair.client_ip.other = pair.client_tcp
    assert pair.client_ip.tables.bind(tcb.endpoint, pair.client_ip.address, 7777) == 0
    assert tcb.connect(pair.client_ip.address, 7777) == 0
    pair.run(SECOND)
    assert tcb.endpoint.state == ESTABLISHED
    assert tcb.send(b"echo", 0) == 4
    pair.run(SECOND)
    assert tcb.recv(10, False) == b"echo"


def test_initial_sequence_numbers_differ_by_four_tuple_and_time() -> None:
    """RFC 6528: the same four-tuple later begins higher; another is unrelated."""
    seqs = []
    for pause in (0, 10):
        host = Host()
        host.run(pause * SECOND)
        host.tcb.endpoint.local_port = 0
        assert host.tcb.connect(REMOTE, 80) == 0
        seqs.append(host.segments()[0].seq)
    assert (seqs[1] - seqs[0]) & 0xFFFFFFFF == 10 * SECOND >> 6
    other = Host()
    assert other.tcb.connect(REMOTE, 81) == 0
    assert other.segments()[0].seq != seqs[0]


def two_listeners(migrate: int) -> tuple[Host, Tcb, Tcb]:
    """Two listeners of one SO_REUSEPORT group; the first SYNs find the one returned first."""
    host = Host(tcp_migrate_req=migrate)
    both = []
    for tcb in (host.tcb, host.new()):
        tcb.endpoint.reuse_port = True
        assert host.ip.tables.bind(tcb.endpoint, LOCAL, PORT) == 0
        assert tcb.listen(5) == 0
        both.append(tcb)
    host.inject("S", 0, None)
    (syn_ack,) = host.segments()
    host.isn = syn_ack.seq
    first = both[0] if both[0].listening.requests else both[1]
    return host, first, both[1] if first is both[0] else both[0]


def test_connection_not_accepted_moves_to_the_other_listener() -> None:
    host, first, second = two_listeners(1)
    host.inject(".", 1, 1)
    assert first.accept_queue_length == 1
    first.close()
    assert host.sent() == []
    child = second.accept()
    assert child is not None
    host.inject("P.", 1, 1, b"hello")
    assert child.recv(10, False) == b"hello"
    assert host.tcp.counters.migrate_req_success == 1


def test_handshake_ends_at_the_other_listener() -> None:
    host, first, second = two_listeners(1)
    first.close()
    host.inject(".", 1, 1)
    assert second.accept() is not None
    assert host.sent() == []


def test_without_migration_they_end_with_their_listener() -> None:
    host, first, second = two_listeners(0)
    host.inject(".", 1, 1)
    first.close()
    assert [text[:2] for text in host.sent()] == ["R."]
    assert second.accept() is None


def test_shut_down_listener_passes_on_what_waits_and_can_listen_again() -> None:
    host, first, second = two_listeners(1)
    host.inject(".", 1, 1)
    first.shutdown(0)
    assert second.accept() is not None
    assert first.listen(3) == 0
