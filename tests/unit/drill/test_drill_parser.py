import pytest
from builders_drill import run

from fourtuple.drill.drill import PASSED, WRONG

FIRST = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "expected an event"),
        (FIRST + "+0 < S 0:0(0)", 2, 6, "win must be given"),
        (FIRST + "+0 < S 0:5(4) win 1", 2, 8, "0 + 4 is not 5"),
        (FIRST + "+0 > Q 0:0(0)", 2, 6, "'Q' is no TCP flag"),
        (FIRST + "+0 > . 0:0(0) <mss 70000>", 2, 20, "mss 70000 is not in 0 to 65535"),
        (FIRST + "+0 > . 0:0(0) <nop>", 2, 15, "not padded"),
        (FIRST + "+0 > . 0:0(0) <fast>", 2, 16, "'fast' is no TCP option"),
        (FIRST + "+0 < . 0:0(0) win 1 <...>", 2, 21, "only be used with outbound"),
        (FIRST + "+0 < [ect01] . 0:0(0) win 1", 2, 6, "ect01"),
        (FIRST + "* close(3) = 0", 2, 1, "time *"),
        (FIRST + "1~2 close(3) = 0", 2, 1, "time range"),
        (FIRST + "+2~+1 > . 0:0(0)", 2, 2, "backwards"),
        (FIRST + "+0 close(3 = 0", 2, 12, "expected ')'"),
        (FIRST + "+0 close(3) = ", 2, 15, "expected a value"),
        (FIRST + "1 close(3) = 0\n0.5 close(3) = 0", 3, 1, "time goes backward"),
        (FIRST + "+0 < icmp strange", 2, 11, "'strange' is none of"),
        (FIRST + "+0 < icmp unreachable net_unreachable mtu 5", 2, 11, "mtu 5"),
        (FIRST + "/* open", 2, 1, "comment is not closed"),
        (FIRST + "+0 `open", 2, 4, "command is not closed"),
        ("1 socket(..., SOCK_STREAM, 0) = 3", 1, 1, "first event must be at time 0"),
        ("--nonsense=1\n" + FIRST, 1, 1, "there is no such option"),
        ("--mtu=9\n" + FIRST, 1, 1, "--mtu: 9 is not in 68 to 65535"),
        ("--strict_segments=1\n" + FIRST, 1, 1, "takes no value"),
        ("--tolerance_usecs\n" + FIRST, 1, 1, "needs a value"),
        ("--wire_client\n" + FIRST, 1, 1, "not supported"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, line: int, column: int, words: str) -> None:
    outcome = run(text)
    assert outcome.status == WRONG
    assert words in outcome.message
    assert (outcome.line, outcome.column) == (line, column)


def test_comments_notes_and_spaces_are_for_the_reader() -> None:
    outcome = run(
        "// one\n/* two\n * lines */ 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3 (a note)\n"
        "+0 fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)\n"
        "+0 read(3, ..., 1) = -1 ENOTCONN (not connected) (really)\n"
    )
    assert outcome.status == PASSED, outcome.message


def test_a_symbol_is_replaced_as_a_whole_word() -> None:
    text = '--define=KIND=SOCK_STREAM --define=NUMBER=3 --define=NAME="reno"\n'
    text += (
        "0 socket(..., KIND, IPPROTO_TCP) = NUMBER\n+0 setsockopt(3, SOL_TCP, TCP_CONGESTION, NAME, 4) = 0\n"
    )
    assert run(text).status == PASSED


def test_the_command_line_wins_over_the_script() -> None:
    text = "--define=KIND=SOCK_DGRAM\n0 socket(..., KIND, IPPROTO_TCP) = 3\n"
    assert run(text).status != PASSED
    assert run(text, script_options=[("define", "KIND=SOCK_STREAM")]).status == PASSED


def test_what_the_grammar_has_is_read() -> None:
    """All forms of packets; only the last events would need hosts that have them."""
    text = """--dry_run
0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
+0 > ipv4 1.2.3.4 > 5.6.7.8: gre flags 0x2000, sum 0, off 0, key=1, seq 0: [ect0] . 1:1(0) ack 1
+0 < ipv4 1.1.1.1 > 2.2.2.2: gre flags [checksum present,key present] sum 0, off 0, key 2, seq 3: udp (5)
+0 < ipv4 1.2.3.4 > 5.6.7.8: mpls (label 1, tc 2, [S], ttl 64): . 1:1(0) ack 1 win 5
+0 < [tos 0x10, flowlabel 0x1] udp 1 > 2 (5)
+0 < (ttl 5) icmp echo_request id 7 [raw (64)]
+0 < icmp type_3 code_4 mtu 1300 [1:11(10)]
+0 > SEWA 0:0(0) <mss 1,sackOK,TS val 1 ecr 0,nop,wscale 0>
+0 > P5. 1:1(0) ack 1 <ECN e1b 1 ceb 2 e0b 3,nop>
+0 > .5 1:1(0) ack 1 <FO 1122334455667788,nop,nop>
+0 > - 1:1(0) <FOEXP,md5 00112233445566778899aabbccddeeff,nop,nop>
+0 > U. 1:1(0) ack 1 urg 5 <eol,nop,nop,nop>
+0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 5}], msg_flags=MSG_ERRQUEUE, msg_control=[
   {cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=ENOMSG, ee_origin=SO_EE_ORIGIN_TIMESTAMPING,
   ee_type=0, ee_code=0, ee_info=SCM_TSTAMP_SND, ee_data=0}}, {cmsg_level=SOL_SOCKET,
   cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=0,scm_nsec=0}}, {cmsg_level=SOL_SOCKET, cmsg_type=54,
   cmsg_data={_TCP_NLA_BUSY=0, _TCP_NLA_DELIVERED=1}}]}, MSG_ERRQUEUE) = 0
+0 epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, u64=0x5}) = 0
+0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, 8) = 0
+0 setsockopt(3, SOL_IP, 77, {flags 0x1, sum 0, off 0, key = 0, seq 0}, 16) = 0
+0 setsockopt(3, SOL_IP, 77, { (label 1, tc 2, ttl 3) }, 16) = 0
+0 connect(3, {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("10.0.0.1")}, ...) = 0
+0 open("a" "b", O_RDONLY) = 5
* > . 1:1(0) ack 1
1~2 > . 1:1(0) ack 1
+1~+2 > . 1:1(0) ack 1
+0...0.5 read(3, ..., 1) = 0
+0 `true`
+0 %{ pass }%
`true`
"""
    outcome = run(text)
    assert outcome.status == PASSED, (outcome.line, outcome.column, outcome.message)
