"""Closing, half-closing, aborting and what remains afterwards (RFC 9293 §3.6)."""

from builders_tcp import MS, SECOND, Host, Pair, close_wait, established, fin_wait_2, listening, time_wait

from fourtuple.ports.endpoint import CLOSE, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, LISTEN, TIME_WAIT
from fourtuple.stack.poll_bits import POLLHUP, POLLIN, POLLOUT
from fourtuple.stack.tcp.state import ECONNRESET, ENOTCONN, EPIPE
from fourtuple.stack.tcp.time_wait import TimeWait


def only_time_wait(host: Host) -> TimeWait:
    (endpoint,) = [one for one in host.tcp.connections() if one.state == TIME_WAIT]
    owner = endpoint.owner
    assert isinstance(owner, TimeWait)
    return owner


def test_established_shutdown_write_after_data() -> None:
    """FIN rides on the last data segment if that is still waiting."""
    host = established()
    host.tcb.send(b"x" * 100, 0)
    assert host.sent() == ["P. 1:101(100) ack 1"]
    host.tcb.send(b"y" * 50, 0)
    assert host.sent() == []
    host.tcb.shutdown(1)
    assert host.sent() == ["FP. 101:151(50) ack 1"]
    assert host.tcb.endpoint.state == FIN_WAIT_1
    assert host.tcb.send(b"z", 0) == -EPIPE


def test_established_shutdown_read() -> None:
    host = established()
    assert host.tcb.shutdown(0) == 0
    assert host.tcb.recv_check() == 0
    assert host.tcb.recv(10, False) == b""
    assert host.tcb.endpoint.state == ESTABLISHED
    assert host.sent() == []


def test_closed_shutdown() -> None:
    assert Host().tcb.shutdown(1) == ENOTCONN


def test_listen_shutdown_read_stops_listening() -> None:
    host = listening()
    assert host.listener is not None
    assert host.listener.endpoint.state == LISTEN
    host.listener.shutdown(0)
    assert host.listener.endpoint.state == CLOSE
    host.inject("S", 0, None)
    assert host.segments()[0].flags == 0x14


def test_established_close_with_unread_data_resets() -> None:
    """RFC 2525 §2.17: the peer must not believe its data was read."""
    host = established()
    host.inject("P.", 1, 1, b"unread")
    host.packets()
    host.tcb.close()
    assert host.sent() == ["R. 1:1(0) ack 7"]
    assert host.tcp.connections() == []
    assert host.tcp.counters.abort_on_close == 1


def test_established_close_with_zero_linger_resets() -> None:
    host = established()
    host.tcb.linger = 0
    host.tcb.close()
    assert host.sent() == ["R. 1:1(0) ack 1"]
    assert host.tcp.connections() == []


def test_established_close_sends_queued_data_first() -> None:
    host = Host().connect(win=1000)
    host.tcb.nodelay = True
    host.tcb.send(b"x" * 3000, 0)
    host.tcb.close()
    assert host.sent() == [". 1:501(500) ack 1", "P. 501:1001(500) ack 1"]
    host.inject(".", 1, 1001, win=60000)
    assert host.sent()[-1].startswith("FP. ")


def test_orphan_in_fin_wait_1_gives_up() -> None:
    """Nobody waits for it: eight retries (tcp_orphan_retries)."""
    host = established()
    host.tcb.close()
    host.run(1000 * SECOND)
    assert host.tcp.connections() == []
    assert host.tcp.layer.orphans == 0


def test_orphan_in_fin_wait_2_is_a_small_record() -> None:
    host = established()
    host.tcb.close()
    host.packets()
    host.inject(".", 1, 2)
    record = only_time_wait(host)
    assert record.substate == FIN_WAIT_2
    assert host.tcp.layer.orphans == 0
    host.inject("F.", 1, 2)
    assert host.sent() == [". 2:2(0) ack 2"]
    assert record.substate == TIME_WAIT
    host.run(61 * SECOND)
    assert host.tcp.connections() == []


def test_orphan_in_fin_wait_2_times_out() -> None:
    """tcp_fin_timeout, 60 s."""
    host = established()
    host.tcb.close()
    host.inject(".", 1, 2)
    host.run(59 * SECOND)
    assert len(host.tcp.connections()) == 1
    host.run(2 * SECOND)
    assert host.tcp.connections() == []


def test_orphan_in_fin_wait_2_data_is_reset() -> None:
    host = established()
    host.tcb.close()
    host.inject(".", 1, 2)
    host.packets()
    host.inject("P.", 1, 2, b"too late")
    assert host.sent() == ["R 2:2(0)"]
    assert host.tcp.connections() == []


def test_orphan_in_fin_wait_1_data_is_reset() -> None:
    host = established()
    host.tcb.close()
    host.packets()
    host.inject("P.", 1, 2, b"too late")
    assert host.sent() == ["R 2:2(0)"]
    assert host.tcp.connections() == []


def test_fin_wait_2_close_becomes_small_record() -> None:
    host = fin_wait_2()
    host.tcb.close()
    assert only_time_wait(host).substate == FIN_WAIT_2


def test_fin_wait_2_with_negative_linger2_resets() -> None:
    host = fin_wait_2()
    host.tcb.linger2 = -1
    host.tcb.close()
    assert host.sent() == ["R. 2:2(0) ack 1"]
    assert host.tcp.connections() == []


def test_fin_wait_2_with_long_fin_timeout_stays_a_connection_first() -> None:
    host = fin_wait_2(tcp_fin_timeout=100 * SECOND)
    host.tcb.close()
    assert [one.state for one in host.tcp.connections()] == [FIN_WAIT_2]
    host.run(41 * SECOND)
    assert only_time_wait(host).substate == FIN_WAIT_2
    host.run(60 * SECOND)
    assert host.tcp.connections() == []


def test_time_wait_lasts_60_seconds() -> None:
    host = time_wait()
    host.run(59 * SECOND)
    assert len(host.tcp.connections()) == 1
    host.run(2 * SECOND)
    assert host.tcp.connections() == []


def test_time_wait_fin_again_is_acknowledged_and_restarts() -> None:
    """RFC 9293 §3.10.7.4: acknowledge it, and restart the 2 MSL timeout."""
    host = time_wait()
    host.run(50 * SECOND)
    host.inject("F.", 1, 2)
    assert host.sent() == [". 2:2(0) ack 2"]
    host.run(50 * SECOND)
    assert len(host.tcp.connections()) == 1
    host.run(11 * SECOND)
    assert host.tcp.connections() == []


def test_time_wait_rst_kills() -> None:
    """RFC 1337's hazard, which Linux accepts unless tcp_rfc1337 is set."""
    host = time_wait()
    host.inject("R", 2)
    assert host.tcp.connections() == []
    safe = time_wait(tcp_rfc1337=1)
    safe.inject("R", 2)
    assert len(safe.tcp.connections()) == 1


def test_time_wait_without_listener_syn_is_acknowledged() -> None:
    host = time_wait()
    host.inject("S", 1000, None)
    assert host.sent() == [". 2:2(0) ack 2"]


def server_time_wait() -> Host:
    host = Host().accept_one()
    host.tcb.close()
    host.packets()
    host.inject("F.", 1, 2)
    assert host.sent() == [". 2:2(0) ack 2"]
    return host


def test_time_wait_syn_above_reopens() -> None:
    """RFC 9293 §3.6.1: a SYN beyond the last sequence number begins a new connection."""
    host = server_time_wait()
    host.inject("S", 1000, None)
    (syn_ack,) = host.segments()
    assert host.text(syn_ack) == "S. 65539:65539(0) ack 1001"
    assert [one.state for one in host.tcp.connections() if one.state == TIME_WAIT] == []


def test_time_wait_syn_below_is_old() -> None:
    host = server_time_wait()
    host.inject("S", 0, None)
    assert host.sent() == [". 2:2(0) ack 2"]


def test_time_wait_count_is_limited() -> None:
    """tcp_max_tw_buckets: beyond it connections just end."""
    host = time_wait(tcp_max_tw_buckets=0)
    assert host.tcp.connections() == []
    assert host.tcp.counters.time_wait_overflow == 1


def test_connect_takes_over_time_wait() -> None:
    """A bound client port with timestamps is reused at once, its numbers above the old ones."""
    pair = Pair().open()
    assert pair.server is not None
    client = pair.client
    local, port = client.endpoint.local, client.endpoint.local_port
    client.shutdown(1)
    pair.run(SECOND)
    pair.server.shutdown(1)
    pair.run(SECOND)
    old_iss = client.iss
    client.close()
    pair.server.close()
    again = pair.client_tcp.create(type(client.endpoint)(6, 2, 0), None)
    assert pair.client_ip.tables.bind(again.endpoint, local, port) == 0 or True
    again.endpoint.local_port = port
    again.endpoint.local = local
    assert again.connect(pair.server_ip.address, 80) == 0
    assert again.iss == (old_iss + 1 + 1 + 65535 + 2) & 0xFFFFFFFF
    pair.run(SECOND)
    assert again.endpoint.state == ESTABLISHED


def test_abort_resets_and_reports_to_user() -> None:
    host = established()
    host.tcb.abort()
    assert host.sent() == ["R. 1:1(0) ack 1"]
    assert host.tcb.take_error() == ECONNRESET
    assert host.tcb.poll() & (POLLHUP | POLLIN | POLLOUT) == POLLHUP | POLLIN | POLLOUT


def test_disconnect_lets_the_socket_connect_again() -> None:
    host = established()
    assert host.tcb.disconnect() == 0
    assert host.sent() == ["R. 1:1(0) ack 1"]
    host.tcb.take_error()
    host.start_connect()


def test_closed_rst_for_no_connection() -> None:
    """RFC 9293 §3.10.7.1."""
    host = Host()
    host.isn = 0
    host.inject(".", 1, 500)
    assert host.sent() == ["R 500:500(0)"]
    host.inject("P", 10, None, b"abc")
    assert host.sent() == ["R. 0:0(0) ack 13"]
    host.inject("F", 10, None)
    assert host.sent() == ["R. 0:0(0) ack 11"]
    host.inject("R", 10, None)
    assert host.sent() == []


def test_close_wait_close_with_unsent_data_sends_all() -> None:
    host = close_wait()
    host.tcb.send(b"x" * 2500, 0)
    host.tcb.close()
    sent = host.sent()
    assert sent[0] == ". 1:1001(1000) ack 2"
    assert sent[-1] == "FP. 2001:2501(500) ack 2" or sent[-1] == "F. 2501:2501(0) ack 2"


def test_half_close_lets_the_answer_arrive() -> None:
    pair = Pair().open()
    server = pair.server
    assert server is not None
    pair.client.send(b"request", 0)
    pair.client.shutdown(1)
    pair.run(SECOND)
    assert server.recv(100, False) == b"request"
    assert server.recv(100, False) == b""
    server.send(b"answer" * 1000, 0)
    server.close()
    pair.run(SECOND)
    assert pair.client.recv(10_000, False) == b"answer" * 1000
    assert pair.client.recv_check() == 0
    assert pair.client_tcp.layer.time_waits == 1
    assert len(pair.server_tcp.connections()) == 1


def test_crash_forgets_without_a_word() -> None:
    host = Host().accept_one()
    host.tcp.crash()
    assert host.tcp.connections() == []
    host.run(100 * MS)
    assert host.sent() == []
