"""Mechanisms the torture runs found wrong, each in its smallest form."""

from builders_tcp import SECOND, Host, established, sack_established

from fourtuple.stack.tcp.state import EAGAIN, MSG_OOB


def test_established_smaller_interface_mtu_cuts_segments_again() -> None:
    """What the own interface refused was sent again at its old size until the connection timed out."""
    host = established()
    host.tcb.send(b"x" * 2000, 0)
    host.inject(".", 1, 2001)
    host.packets()
    host.ip.mtu = 600
    host.tcb.send(b"y" * 2000, 0)
    assert host.sent() == []
    host.run(SECOND // 1000)
    sizes = [len(segment.payload) for segment in host.segments()]
    assert sizes
    assert max(sizes) == 560
    assert sum(sizes) == 2000


def test_established_gap_is_filled_although_the_window_was_shrunk() -> None:
    """Data beyond the gap took all the room of a buffer made smaller, so the gap could never be filled."""
    host = sack_established(tcp_shrink_window=1)
    tcb = host.tcb
    tcb.rcv_wscale = 1
    host.inject(".", 46, 1, b"x" * 1900)
    host.packets()
    tcb.rcvbuf = 2304
    host.inject(".", 46, 1, b"x" * 1900)
    assert host.segments()[-1].window == 0
    host.inject(".", 1, 1, b"y" * 45)
    assert host.segments()[-1].window > 0
    host.inject(".", 1, 1, b"y" * 45)
    assert tcb.recv(100, False) == b"y" * 45


def test_established_probe_leaves_fin_out_of_a_full_window() -> None:
    """The persist timer sent the last data with a FIN that lay one number beyond the window."""
    host = established()
    host.inject(".", 1, 1, win=0)
    host.tcb.send(b"x" * 500, 0)
    host.tcb.shutdown(1)
    host.packets()
    # Room for the data but not for FIN: nothing is sent at once, it is the probe's turn.
    host.inject(".", 1, 1, win=500)
    assert host.sent() == []
    host.run(SECOND)
    assert host.sent()[0] == "P. 1:501(500) ack 1"
    host.inject(".", 1, 501, win=10)
    assert host.sent() == ["F. 501:501(0) ack 1"]


def test_established_partial_urgent_send_marks_what_was_taken() -> None:
    """The mark of bytes there was no room for went out with the data before them."""
    host = established()
    host.tcb.sndbuf = 4608
    count = host.tcb.send(b"x" * 100_000, MSG_OOB)
    assert 0 < count < 100_000
    assert host.tcb.snd_up == host.tcb.snd_una + count
    marks = {
        (segment.seq + segment.urgent - host.isn) & 0xFFFF_FFFF
        for segment in host.segments()
        if segment.urgent
    }
    assert marks <= {1 + count}


def test_established_urgent_byte_left_unread_is_no_data() -> None:
    """The next byte to read is the old urgent one when a newer mark arrives: it stays out of the stream."""
    host = established()
    host.inject("P.U", 1, 1, b"ab", urgent=2)
    assert host.tcb.recv(10, False) == b"a"
    host.inject("P.", 3, 1, b"c")
    host.inject("P.U", 4, 1, b"de", urgent=2)
    assert host.tcb.recv(10, False) == b"cd"
    assert host.tcb.recv_urgent(False) == ord("e")


def test_close_forgets_a_chunk_read_in_part() -> None:
    host = established()
    host.inject("P.", 1, 1, b"x" * 900)
    assert host.tcb.recv(100, False) == b"x" * 100
    host.tcb.close()
    assert host.tcb.received == []
    assert host.tcb.received_bytes == host.tcb.received_offset == host.tcb.received_index == 0


def test_crash_forgets_what_was_received() -> None:
    host = Host().connect(sack=True)
    host.inject(".", 1, 1, b"x" * 100)
    host.inject(".", 2001, 1, b"y" * 100)
    host.tcp.crash()
    assert not host.tcb.ooo
    assert not host.tcb.received
    assert host.tcb.recv_check() != EAGAIN


def test_recovery_retransmission_of_a_burst_is_not_lost_with_it() -> None:
    """Segments and a retransmission that leave in one moment: RACK took the SACK of one sent before the
    retransmission for one sent after it, and retransmitted again (RFC 8985 §6.2)."""
    host = sack_established()
    host.tcb.cwnd = 20
    host.tcb.sndbuf = 200_000
    host.tcb.send(b"x" * 30_000, 0)
    host.packets()
    host.run(SECOND // 10)
    # All in one moment: two duplicates let new data out, the third starts recovery.
    for number in range(3):
        host.inject(".", 1, 1, sack=[(1001, 2001 + 1000 * number)])
    sent = host.sent()
    assert [text for text in sent if " 1:1001(" in text]
    later = [text for text in sent if " 1:1001(" not in text]
    assert later
    host.run(SECOND // 10)
    # A round trip later what was sent before the retransmission is sacked, in the moment before its ACK.
    host.inject(".", 1, 1, sack=[(1001, 21_001)])
    assert not [text for text in host.sent() if " 1:1001(" in text]
    assert host.tcp.counters.lost_retransmit == 0
