"""SEGMENT ARRIVES in the synchronized states, check by check (RFC 9293 §3.10.7.4)."""

from builders_tcp import (
    MS,
    SECOND,
    Host,
    close_wait,
    closing,
    established,
    fin_wait_1,
    fin_wait_2,
    last_ack,
    sack_established,
    time_wait,
)

from fourtuple.ports.endpoint import (
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_2,
    LAST_ACK,
)
from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP
from fourtuple.stack.tcp.state import EAGAIN, ECONNRESET, EINVAL, EPIPE

# First: sequence number -------------------------------------------------------------------------


def test_established_data_in_order() -> None:
    host = established()
    host.inject("P.", 1, 1, b"hello")
    assert host.sent() == [". 1:1(0) ack 6"]
    assert host.events.take() & POLLIN
    assert host.tcb.recv_check() == 0
    assert host.tcb.recv(100, False) == b"hello"
    assert host.tcb.recv_check() == EAGAIN


def test_established_old_data_is_acknowledged_again() -> None:
    """First check: a segment wholly received before is answered with an ACK."""
    host = established()
    host.inject("P.", 1, 1, b"hello")
    host.packets()
    host.inject("P.", 1, 1, b"hello")
    assert host.sent() == [". 1:1(0) ack 6"]
    assert host.tcb.recv(100, False) == b"hello"


def test_established_overlapping_data_is_trimmed() -> None:
    host = established()
    host.inject(".", 1, 1, b"abcdef")
    host.inject(".", 4, 1, b"DEFghi")
    assert host.tcb.recv(100, False) == b"abcdefghi"


def test_established_data_beyond_window_is_refused() -> None:
    host = established()
    host.inject(".", 70_001, 1, b"far")
    assert host.sent() == [". 1:1(0) ack 1"]
    assert host.tcb.ooo == []


def test_established_data_across_right_edge_is_kept_while_nothing_is_unread() -> None:
    """Linux takes what begins in the window whole if the receive queue is empty, else not at all."""
    host = established()
    edge = host.tcb.rcv_nxt + host.tcb.receive_window()
    host.inject(".", edge - host.tcb.irs - 10, 1, b"x" * 100)
    assert host.tcb.ooo_bytes == 100
    host.inject(".", 1, 1, b"y")
    assert host.tcb.received_bytes == 1
    host.inject(".", edge - host.tcb.irs - 200, 1, b"x" * 1000)
    assert host.tcb.ooo_bytes == 100


def test_established_out_of_window_without_data_is_answered_at_limited_rate() -> None:
    """tcp_invalid_ratelimit: two ends with different ideas must not ACK each other for ever."""
    host = established()
    for _ in range(5):
        host.inject(".", 100_000, 1)
    assert host.sent() == [". 1:1(0) ack 1"]
    host.run(600 * MS)
    host.inject(".", 100_000, 1)
    assert host.sent() == [". 1:1(0) ack 1"]


def test_established_out_of_order_waits_for_gap() -> None:
    host = established()
    host.inject(".", 4, 1, b"def")
    assert host.sent() == [". 1:1(0) ack 1"]
    assert host.tcb.recv_check() == EAGAIN
    host.inject(".", 1, 1, b"abc")
    assert host.sent() == [". 1:1(0) ack 7"]
    assert host.tcb.recv(100, False) == b"abcdef"


def test_established_out_of_order_is_sacked_newest_first() -> None:
    """RFC 2018 §4: the first block is the one that grew last."""
    host = sack_established()
    host.inject(".", 11, 1, b"x" * 10)
    assert host.sent() == [". 1:1(0) ack 1 sack 11:21"]
    host.inject(".", 31, 1, b"x" * 10)
    assert host.sent() == [". 1:1(0) ack 1 sack 31:41 sack 11:21"]
    host.inject(".", 21, 1, b"x" * 10)
    assert host.sent() == [". 1:1(0) ack 1 sack 11:41"]
    host.inject(".", 1, 1, b"x" * 10)
    assert host.sent() == [". 1:1(0) ack 41"]


def test_established_duplicate_is_reported_by_dsack() -> None:
    """RFC 2883 §4.1."""
    host = sack_established()
    host.inject(".", 1, 1, b"x" * 10)
    host.packets()
    host.inject(".", 1, 1, b"x" * 10)
    assert host.sent() == [". 1:1(0) ack 11 sack 1:11"]
    host.inject(".", 11, 1, b"x" * 10)
    assert host.sent() == [". 1:1(0) ack 21"]


def test_established_duplicate_out_of_order_is_reported_first() -> None:
    """RFC 2883 §4.2: the duplicate, then the block that holds it."""
    host = sack_established()
    host.inject(".", 11, 1, b"x" * 10)
    host.packets()
    host.inject(".", 11, 1, b"x" * 10)
    assert host.sent() == [". 1:1(0) ack 1 sack 11:21 sack 11:21"]


def test_established_old_timestamp_is_refused() -> None:
    """RFC 7323 §5.3 R1 (PAWS)."""
    host = Host().connect(ts=True, delay=100 * MS)
    host.inject("P.", 1, 1, b"new", ts=(9000, 0))
    host.packets()
    host.inject("P.", 4, 1, b"old", ts=(8000, 0))
    assert host.sent() == [". 1:1(0) ack 4"]
    assert host.tcp.counters.paws_estab_rejected == 1
    assert host.tcb.recv(100, False) == b"new"


def test_established_timestamp_is_echoed() -> None:
    """RFC 7323 §4.3: the value of the segment that advanced the left edge."""
    host = Host().connect(ts=True)
    host.inject("P.", 1, 1, b"x", ts=(77_000, 0))
    (ack,) = host.segments()
    assert ack.options is not None
    assert ack.options.ts_ecr == 77_000


# Second: RST ------------------------------------------------------------------------------------


def test_established_rst_resets() -> None:
    host = established()
    host.inject("R", 1)
    assert host.tcb.endpoint.state == CLOSE
    assert host.events.take() & POLLERR
    assert host.tcb.poll() & (POLLIN | POLLHUP | POLLERR) == POLLIN | POLLHUP | POLLERR
    assert host.tcb.recv_check() == ECONNRESET
    assert host.tcb.recv_check() == 0
    assert host.tcb.recv(1, False) == b""
    assert host.tcb.send(b"x", 0) == -EPIPE


def test_established_rst_loses_no_data_already_received() -> None:
    host = established()
    host.inject("P.", 1, 1, b"last words")
    host.inject("R", 11)
    assert host.tcb.recv_check() == 0
    assert host.tcb.recv(100, False) == b"last words"
    assert host.tcb.recv_check() == ECONNRESET


def test_established_rst_elsewhere_in_window_is_challenged() -> None:
    """RFC 5961 §3.2."""
    host = established()
    host.inject("R", 100)
    assert host.sent() == [". 1:1(0) ack 1"]
    assert host.tcb.endpoint.state == ESTABLISHED


def test_established_rst_outside_window_is_ignored() -> None:
    host = established()
    host.inject("R", 100_000)
    assert host.sent() == []
    assert host.tcb.endpoint.state == ESTABLISHED


def test_close_wait_rst_is_epipe() -> None:
    host = close_wait()
    host.inject("R", 2)
    assert host.tcb.take_error() == EPIPE


def test_challenges_are_limited_per_second_on_the_whole_host() -> None:
    """tcp_challenge_ack_limit: between half and one and a half times that many."""
    host = Host(tcp_challenge_ack_limit=10, tcp_invalid_ratelimit=0).connect()
    for _ in range(50):
        host.inject("R", 100)
    assert 5 <= len(host.sent()) <= 15


# Fourth: SYN ------------------------------------------------------------------------------------


def test_established_syn_is_challenged() -> None:
    """RFC 5961 §4.2: whatever its sequence number."""
    host = established()
    host.inject("S", 0, None)
    assert host.sent() == [". 1:1(0) ack 1"]
    host.run(SECOND)
    host.inject("S", 100, None)
    assert host.sent() == [". 1:1(0) ack 1"]
    assert host.tcb.endpoint.state == ESTABLISHED


# Fifth: ACK -------------------------------------------------------------------------------------


def test_established_segment_without_ack_is_dropped() -> None:
    host = established()
    host.inject("P", 1, None, b"data")
    assert host.sent() == []
    assert host.tcb.recv_check() == EAGAIN


def test_established_ack_of_unsent_is_challenged() -> None:
    """The answer is RFC 9293's, at RFC 5961's rate. Neither data nor timestamp counts."""
    host = Host().connect(ts=True, delay=100 * MS)
    host.inject("P.", 1, 100, b"data", ts=(900_000, 0))
    (answer,) = host.sent()
    assert answer.startswith(". 1:1(0) ack 1")
    assert host.tcb.recv_check() == EAGAIN
    assert host.tcb.ts_recent < 900_000


def test_fin_wait_2_ack_of_unsent_is_challenged() -> None:
    host = fin_wait_2()
    host.inject("P.", 1, 100, b"data")
    assert host.sent() == [". 2:2(0) ack 1"]


def test_established_ancient_ack_is_challenged() -> None:
    """RFC 5961 §5.2: below SND.UNA - MAX.SND.WND."""
    host = established()
    host.inject("P.", 1, -70_000, b"data")
    assert host.sent() == [". 1:1(0) ack 1"]
    assert host.tcb.recv_check() == EAGAIN


def test_established_old_ack_still_carries_data() -> None:
    host = established()
    host.tcb.send(b"x" * 10, 0)
    host.inject(".", 1, 11)
    host.packets()
    host.inject("P.", 1, 5, b"data")
    assert host.tcb.recv(10, False) == b"data"


def test_established_window_update_sends_more() -> None:
    host = Host().connect(win=1500)
    host.tcb.nodelay = True
    assert host.tcb.send(b"x" * 5000, 0) == 5000
    sent = host.sent()
    assert sum(int(text.split("(")[1].split(")")[0]) for text in sent) <= 1500
    host.inject(".", 1, 1, win=60000)
    assert len(host.sent()) >= 4


def test_established_reordered_ack_does_not_shrink_window() -> None:
    host = established()
    host.tcb.send(b"x" * 2000, 0)
    host.inject(".", 1, 2001, win=50000)
    host.inject(".", 1, 1001, win=10)
    assert host.tcb.snd_wnd == 50000


# Sixth: URG -------------------------------------------------------------------------------------


def test_established_urgent_byte_is_out_of_band() -> None:
    host = established()
    host.inject("PU.", 1, 1, b"abc", urgent=3)
    assert host.tcb.poll() & POLLPRI
    assert host.tcb.recv(100, False) == b"ab"
    assert host.tcb.recv_urgent(True) == ord("c")
    assert host.tcb.recv_urgent(False) == ord("c")
    assert host.tcb.recv_urgent(False) == -EINVAL
    host.inject("P.", 4, 1, b"def")
    assert host.tcb.recv(100, False) == b"def"
    assert not host.tcb.poll() & POLLPRI


def test_established_urgent_announced_before_its_byte() -> None:
    host = established()
    host.inject("U.", 1, 1, b"ab", urgent=4)
    assert host.tcb.recv_urgent(False) == -EAGAIN
    host.inject(".", 3, 1, b"cd")
    assert host.tcb.recv_urgent(False) == ord("d")
    assert host.tcb.recv(100, False) == b"abc"


def test_established_urgent_inline_stays_in_stream() -> None:
    host = established()
    host.tcb.urg_inline = True
    host.inject("PU.", 1, 1, b"abcd", urgent=3)
    assert host.tcb.recv(100, False) == b"ab"
    assert host.tcb.recv(100, False) == b"cd"
    assert host.tcb.recv_urgent(False) == -EINVAL


def test_established_send_urgent_sets_pointer() -> None:
    """The pointer is to the byte after the urgent one, as everyone has it (RFC 6093 §3.1)."""
    host = established()
    host.tcb.send(b"abc", 1)
    (segment,) = host.segments()
    assert host.text(segment) == "PU. 1:4(3) ack 1"
    assert segment.urgent == 3


# Seventh and eighth: text and FIN ---------------------------------------------------------------


def test_established_fin_gives_end_of_stream() -> None:
    host = established()
    host.inject("FP.", 1, 1, b"bye")
    assert host.tcb.endpoint.state == CLOSE_WAIT
    host.run(41 * MS)
    assert host.sent() == [". 1:1(0) ack 5"]
    assert host.tcb.poll() & (POLLIN | POLLRDHUP | POLLHUP | POLLOUT) == POLLIN | POLLRDHUP | POLLOUT
    assert host.tcb.recv(100, False) == b"bye"
    assert host.tcb.recv_check() == 0
    assert host.tcb.recv(100, False) == b""


def test_established_fin_out_of_order_waits() -> None:
    host = established()
    host.inject("F.", 4, 1)
    assert host.tcb.endpoint.state == ESTABLISHED
    host.inject(".", 1, 1, b"abc")
    assert host.tcb.endpoint.state == CLOSE_WAIT
    assert host.sent()[-1] == ". 1:1(0) ack 5"


def test_close_wait_still_sends() -> None:
    host = close_wait()
    assert host.tcb.send(b"more", 0) == 4
    assert host.sent() == ["P. 1:5(4) ack 2"]


def test_close_wait_fin_again_is_acknowledged() -> None:
    host = close_wait()
    host.inject("F.", 1, 1)
    assert host.sent() == [". 1:1(0) ack 2"]


def test_close_wait_close_sends_fin() -> None:
    host = last_ack()
    assert host.tcb.endpoint.state == LAST_ACK
    host.inject(".", 2, 2)
    assert host.tcb.endpoint.state == CLOSE
    assert host.tcp.connections() == []


def test_last_ack_fin_is_retransmitted() -> None:
    host = last_ack()
    host.run(SECOND)
    assert host.sent()[0] == "F. 1:1(0) ack 2"


def test_fin_wait_1_ack_of_fin() -> None:
    host = fin_wait_1()
    host.inject(".", 1, 2)
    assert host.tcb.endpoint.state == FIN_WAIT_2


def test_fin_wait_1_data_still_received() -> None:
    """Half-close: our FIN says nothing of the peer's direction."""
    host = fin_wait_1()
    host.inject("P.", 1, 2, b"answer")
    assert host.tcb.recv(100, False) == b"answer"
    assert host.tcb.endpoint.state == FIN_WAIT_2


def test_fin_wait_1_fin_closes_simultaneously() -> None:
    host = closing()
    assert host.tcb.endpoint.state == CLOSING
    host.inject(".", 2, 2)
    assert host.tcb.endpoint.state == CLOSE
    assert host.tcp.layer.time_waits == 1


def test_fin_wait_1_fin_with_ack_of_ours() -> None:
    host = fin_wait_1()
    host.inject("F.", 1, 2)
    assert host.sent() == [". 2:2(0) ack 2"]
    assert host.tcp.layer.time_waits == 1


def test_fin_wait_2_fin_enters_time_wait() -> None:
    host = time_wait()
    assert host.tcp.layer.time_waits == 1
    assert host.tcb.endpoint.state == CLOSE
    assert host.tcb.poll() & POLLHUP
    assert host.tcb.recv_check() == 0


def test_fin_wait_2_data_before_fin() -> None:
    host = fin_wait_2()
    host.inject("FP.", 1, 2, b"late")
    assert host.tcb.recv(10, False) == b"late"
    assert host.tcb.recv(10, False) == b""
