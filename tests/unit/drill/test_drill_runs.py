import pytest
from builders_drill import run, server

from fourtuple.drill.drill import FAILED, NOT_SUPPORTED, PASSED, SKIPPED, WRONG, Options, drill_text

SEND = "+0 write(4, ..., 1000) = 1000\n"


def test_expected_and_seen_stand_side_by_side() -> None:
    outcome = server(SEND + "+0 > P. 1:1001(1000) ack 2\n")
    assert outcome.status == FAILED
    assert outcome.line == 11
    assert [(one.name, one.expected, one.seen) for one in outcome.differences] == [("ack", "2", "1")]
    assert outcome.expected == "> P. 1:1001(1000) ack 2"
    assert outcome.seen.startswith("> P. 1:1001(1000) ack 1 win ")
    # 1040 bytes take 0.832 µs at 10 Gbit/s, and the SYN-ACK before took 0.038.
    assert 100_000_832 <= outcome.packets[-1].time < 100_001_000


@pytest.mark.parametrize(
    ("packet", "field"),
    [
        ("> . 1:1001(1000) ack 1", "flags"),
        ("> P. 2:1002(1000) ack 1", "seq"),
        ("> P. 1:1001(1000) ack 1 win 7", "win"),
        ("> P. 1:1001(1000) ack 1 urg 3", "urg"),
        ("> P. 1:1001(1000) ack 1 <nop,nop,TS val 1 ecr 1>", "options"),
        ("> [ect0] P. 1:1001(1000) ack 1", "ECN"),
        ("> [tos 0x8] P. 1:1001(1000) ack 1", "tos"),
        ("> [ttl 3] P. 1:1001(1000) ack 1", "ttl"),
        ("> P. 1:901(900) ack 1", "length"),
    ],
)
def test_every_field_is_compared(packet: str, field: str) -> None:
    outcome = server(SEND + f"+0 {packet}\n")
    assert outcome.status == FAILED
    assert field in [one.name for one in outcome.differences]


def test_what_is_not_said_is_not_compared() -> None:
    assert server(SEND + "+0 > P. 1:1001(1000) ack 1 <...>\n").status == PASSED


def test_segments_add_up_unless_strict() -> None:
    events = "+0 write(4, ..., 3000) = 3000\n+0 > P. 1:3001(3000) ack 1\n"
    assert server(events).status == PASSED
    assert server(events, script_options=[("strict_segments", None)]).status == FAILED
    each = "+0 write(4, ..., 2000) = 2000\n+0 > . 1:1001(1000) ack 1\n+0 > P. 1001:2001(1000) ack 1\n"
    assert server(each, script_options=[("strict_segments", None)]).status == PASSED


@pytest.mark.parametrize(
    ("time", "status"),
    [
        ("+.3", PASSED),
        ("+.303", PASSED),
        ("+.35", FAILED),
        ("+.2~+.31", PASSED),
        ("+.35~+.4", FAILED),
        ("*", PASSED),
        ("0.4", PASSED),
        ("0.3~0.5", PASSED),
    ],
)
def test_times_hold_within_the_tolerance(time: str, status: str) -> None:
    """The retransmission after 200 ms and the RTT of 100 ms."""
    setting = "+0 `sysctl -q net.ipv4.tcp_early_retrans=0`\n"
    events = f"{setting}{SEND}+0 > P. 1:1001(1000) ack 1\n{time} > P. 1:1001(1000) ack 1\n"
    assert server(events).status == status


def test_a_packet_that_never_comes_is_waited_for_two_seconds() -> None:
    outcome = server("+0 > P. 1:1001(1000) ack 1\n")
    assert outcome.status == FAILED
    assert outcome.message == "no packet was sent until 2.100000 s"
    assert outcome.seen == "nothing"


def test_a_blocking_call_returns_while_events_go_on() -> None:
    reads = "+0...0.2 read(4, ..., 1000) = 100\n+.1 < P. 1:101(100) ack 1 win 257\n+0 > . 1:1(0) ack 101\n"
    assert server(reads).status == FAILED
    assert server(reads.replace("0...0.2", "0...0.1")).status == PASSED


def test_a_blocking_call_without_an_end_takes_its_time() -> None:
    outcome = server(
        "+0 setsockopt(4, SOL_SOCKET, SO_ERROR, [1], 4) = -1 ENOPROTOOPT (no)\n+0 read(4, ..., 1) = 1\n"
    )
    assert outcome.status == FAILED
    assert "blocks for ever, waiting for tcp socket" in outcome.message


def test_a_result_other_than_expected_is_named_with_its_errno() -> None:
    outcome = server("+0 connect(4, ..., ...) = 0\n")
    assert outcome.message == "connect() returned -1 EISCONN, not 0"
    assert server("+0 connect(4, ..., ...) = -1 EISCONN (already)\n").status == PASSED
    assert server("+0 connect(4, ..., ...) = -1 EINVAL (no)\n").status == FAILED


def test_what_the_host_lacks_is_no_failure() -> None:
    outcome = server("+0 setsockopt(4, SOL_SOCKET, SO_TXTIME, [1], 4) = 0\n")
    assert (outcome.status, outcome.message) == (NOT_SUPPORTED, "socket option SO_TXTIME")


def test_an_unknown_command_is_an_error_that_names_it() -> None:
    outcome = run("`frobnicate -x`\n0 socket(..., SOCK_STREAM, 0) = 3\n")
    assert (outcome.status, outcome.message) == (WRONG, "command: unknown command 'frobnicate'")
    assert outcome.line == 1


def test_a_setting_holds_and_an_unknown_one_is_named() -> None:
    text = "`sysctl -q net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0`\n"
    text += "0 socket(..., SOCK_STREAM, 0) = 3\n+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
    text += "+0 connect(3, ..., ...) = -1 EINPROGRESS (soon)\n+0 > S 0:0(0) <mss 1460,nop,wscale 7>\n"
    assert run(text).status == PASSED
    assert "tcp_nonsense" in run(text.replace("tcp_sack=0", "tcp_nonsense=1")).message


def test_python_sees_the_values_of_its_moment() -> None:
    events = SEND + "+0 > P. 1:1001(1000) ack 1\n+0 %{ assert tcpi_unacked == 1 }%\n"
    events += "+.1 < . 1:1(0) ack 1001 win 257\n+0 %{ assert tcpi_unacked == 0 }%\n"
    assert server(events).status == PASSED
    outcome = server(events.replace("tcpi_unacked == 0", "tcpi_unacked == 7, 'why'"))
    assert outcome.status == FAILED
    assert outcome.message == "assertion failed: assert tcpi_unacked == 7, 'why' (why)"
    assert outcome.seen == "tcpi_unacked = 0"


def test_the_cleanup_command_runs_after_a_failure_too() -> None:
    outcome = server("+0 close(9) = 0\n`frobnicate`\n")
    assert outcome.status == FAILED
    assert "EBADF" in outcome.message
    assert "frobnicate" in server("+0 close(4) = 0\n`frobnicate`\n").message


def test_differences_may_be_warnings() -> None:
    outcome = server(SEND + "+0 > P. 1:1001(1000) ack 2\n", script_options=[("non_fatal", "packet")])
    assert outcome.status == PASSED
    assert outcome.warnings == ["line 11: the packet differs in ack"]


def test_the_same_seed_gives_the_same_packets() -> None:
    one, other, third = [server(SEND + "+0 > P. 1:1(0)\n", seed=seed) for seed in (5, 5, 6)]
    assert one.packets == other.packets
    assert third.status == FAILED


def test_a_queue_of_length_0_takes_nothing_until_it_is_gone() -> None:
    events = "+0 `tc qdisc replace dev tun0 root pfifo limit 0`\n" + SEND
    events += "+.01 `tc qdisc del dev tun0 root`\n* > P. 1:1001(1000) ack 1\n"
    assert server(events).status == PASSED
    assert server(events.replace("* >", "+0 >")).status == FAILED


@pytest.mark.parametrize("on_wire", [False, True])
def test_objects_and_bytes_give_the_same_packets(on_wire: bool) -> None:
    outcome = server(SEND + "+0 > P. 1:1001(1000) ack 1 <...>\n", bytes_on_wire=on_wire)
    assert [one.text for one in outcome.packets][-1] == "> P. 1:1001(1000) ack 1 win 1050"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true && false || true", PASSED),
        ("false", WRONG),
        ("sysctl net.ipv4.tcp_sack | grep -q ' = 1'", PASSED),
        ("echo 0 > /proc/sys/net/ipv4/tcp_sack; cat /proc/sys/net/ipv4/tcp_sack | grep 0", PASSED),
        ("echo one two > /tmp/file; grep two /tmp/file", PASSED),
        ("grep three /tmp/file", WRONG),
        ("nstat | grep TcpActiveOpens", WRONG),
        ("ip route change 192.0.2.1 dev tun0 initcwnd 3", PASSED),
        ("ip route change 192.0.2.1 dev eth7", WRONG),
        ("ip route change 192.0.2.1 dev tun0 initcwnd three", WRONG),
        ("tc qdisc add dev tun0 root fq", PASSED),
        ("tc qdisc add dev tun0 root netem", NOT_SUPPORTED),
        ("sleep soon", WRONG),
        ("echo 'open", WRONG),
        ("set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0 && /tmp/sysctl_restore_${PPID}.sh", PASSED),
    ],
)
def test_commands_are_read_as_a_shell_would(command: str, status: str) -> None:
    outcome = run(f"`{command}`\n0 socket(..., SOCK_STREAM, 0) = 3\n")
    assert outcome.status == status, outcome.message


def test_a_script_named_for_the_other_ip_version_is_skipped_unread() -> None:
    text = "    0 < icmp packet_too_big mtu 1280 [1:1(0)]\n"
    assert drill_text("mtu-ipv6.pkt", text, Options(version="ipv4")).status == SKIPPED
    assert drill_text("mtu.pkt", text, Options(version="ipv4")).status == WRONG


def test_more_than_memory_holds_is_refused_with_its_line() -> None:
    outcome = server("+0 write(4, ..., 99999999999) = 10\n")
    assert (outcome.status, outcome.line) == (WRONG, 10)
    assert outcome.message == "write: a script writes 1073741824 bytes at once at most, not 99999999999"


def test_a_congestion_control_the_host_lacks_is_named() -> None:
    outcome = server('+0 setsockopt(4, SOL_TCP, TCP_CONGESTION, "dctcp", 5) = 0\n')
    assert (outcome.status, outcome.message) == (NOT_SUPPORTED, "congestion control dctcp")
    refused = (
        '+0 setsockopt(4, SOL_TCP, TCP_CONGESTION, "dctcp", 5) = -1 ENOENT (No such file or directory)\n'
    )
    assert server(refused).status == PASSED


def test_a_null_value_of_an_option_is_a_bad_address() -> None:
    events = """
   +0 setsockopt(4, SOL_TCP, TCP_NODELAY, 0, 4) = -1 EFAULT (Bad address)
   +0 setsockopt(4, SOL_TCP, TCP_NODELAY, NULL, 4) = -1 EFAULT (Bad address)
   +0 getsockopt(4, SOL_SOCKET, SO_ERROR, 0, [4]) = -1 EFAULT (Bad address)
"""
    assert server(events).status == PASSED
    outcome = server("+0 setsockopt(4, SOL_TCP, TCP_NODELAY, 0, 4) = 0\n")
    assert outcome.message == "setsockopt() returned -1 EFAULT, not 0"


def test_a_timeout_is_set_as_a_time() -> None:
    events = """
   +0 setsockopt(4, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=1, tv_usec=500000}, 16) = 0
   +0 getsockopt(4, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=1, tv_usec=500000}, [16]) = 0
   +0...1.5 read(4, ..., 100) = -1 EAGAIN (nothing came)
"""
    outcome = server(events)
    assert (outcome.status, outcome.message) == (PASSED, "")


def test_events_are_named_by_events() -> None:
    events = """
   +0 epoll_create(1) = 5
   +0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0
   +0 epoll_wait(5, {events=EPOLLIN|EPOLLHUP, fd=4}, 1, 0) = 0
"""
    assert server(events).message == "epoll_wait() gave events 0, not EPOLLIN|EPOLLHUP"


def test_ports_say_which_connection_a_packet_belongs_to() -> None:
    more = """
   +0 < 5002 > 8080 S 0:0(0) win 32792 <mss 1000>
   +0 > 8080 > 5002 S. 0:0(0) ack 1 <mss 1460>
  +.1 < 5002 > 8080 . 1:1(0) ack 1 win 1000
   +0 accept(3, ..., ...) = 5
   +0 write({fd}, ..., 10) = 10
   +0 > 8080 > 5002 P. 1:11(10) ack 1
"""
    assert server(more.format(fd=5)).status == PASSED
    other = server(more.format(fd=4))
    assert (other.status, other.message) == (FAILED, "no packet was sent until 2.200000 s")


@pytest.mark.parametrize(("version", "near"), [("ipv4", "192.168.77.7"), ("ipv6", "fd3d:a0b:17d6::77")])
def test_another_end_on_the_hosts_own_network_is_asked_for_no_address(version: str, near: str) -> None:
    text = f"""--ip_version={version}
--remote_ip={near}
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <...>
+0 < S. 0:0(0) ack 1 win 5792 <mss 1460>
+0 > . 1:1(0) ack 1
"""
    outcome = drill_text("near.pkt", text, Options())
    assert outcome.status == PASSED, outcome.message
