"""Our TCP and the live kernel's, over a TAP interface: the streams arrive, and each understands the other."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from attached import FAR, KERNEL_V4, KERNEL_V6, OURS_V4, OURS_V6, ROUTER, Attached, OurEnd, why_not
from kernel_peer import stream

from fourtuple.clock.clock import MILLISECOND, SECOND
from fourtuple.network.rules import PASS, Rule, Verdict, alter, drop
from fourtuple.stack.tcp.state import CLOSE, ECONNRESET, ESTABLISHED, ETIMEDOUT, OPT_ECN, OPT_SACK
from fourtuple.wire.address import parse_ip
from fourtuple.wire.ethernet import EthernetFrame
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.ipv6 import Ipv6Packet
from fourtuple.wire.tcp import TcpSegment

REASON = why_not()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(200),
    pytest.mark.skipif(bool(REASON), reason=REASON or "all is there"),
]

PORT = 4040
both_versions = pytest.mark.parametrize(
    ("ours", "kernel"), [(OURS_V4, KERNEL_V4), (OURS_V6, KERNEL_V6)], ids=["ipv4", "ipv6"]
)
OPTION_TIMESTAMPS, OPTION_SACK, OPTION_WSCALE, OPTION_ECN = 1, 2, 4, 8


@pytest.fixture
def attached() -> Iterator[Attached]:
    world = Attached()
    yield world
    world.close()


@pytest.fixture
def captured(tmp_path: Path) -> Iterator[tuple[Attached, Path]]:
    if shutil.which("tshark") is None:
        pytest.skip("this machine has no tshark")
    file = tmp_path / "host.pcapng"
    world = Attached(file)
    yield world, file
    world.close()


def sha(length: int) -> str:
    return hashlib.sha256(stream(length)).hexdigest()


class EveryNth(Rule):
    """Loses every ``nth`` TCP segment that carries data, or every ``nth`` ACK that does not."""

    def __init__(self, nth: int, data: bool) -> None:
        self.nth = nth
        self.data = data
        self.count = 0

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        segment = getattr(frame.payload, "payload", None)
        if not isinstance(segment, TcpSegment) or bool(segment.payload) != self.data:
            return PASS
        self.count += 1
        return drop() if self.count % self.nth == 0 else PASS


class MarkEvery(Rule):
    """A congested router: CE on every ``nth`` ECN-capable packet."""

    def __init__(self, nth: int) -> None:
        self.nth = nth
        self.count = 0
        self.marked = 0

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        packet = frame.payload
        if not isinstance(packet, Ipv4Packet | Ipv6Packet) or packet.tos & 3 in (0, 3):
            return PASS
        self.count += 1
        if self.count % self.nth:
            return PASS
        self.marked += 1
        copy = type(packet)(packet.source, packet.destination, packet.protocol, packet.payload)
        copy.ttl = packet.ttl
        if isinstance(copy, Ipv4Packet) and isinstance(packet, Ipv4Packet):
            copy.ident, copy.dont_fragment = packet.ident, packet.dont_fragment
        copy.tos = packet.tos | 3
        return alter(EthernetFrame(frame.destination, frame.source, frame.ethertype, copy))


def exchange(
    world: Attached, ours: str, kernel: str, up: int, down: int, active: bool
) -> tuple[OurEnd, dict[str, object]]:
    """``up`` bytes from the kernel, ``down`` bytes to it, at the same time, each side then half-closing."""
    if active:
        program = world.kernel("listen", kernel, str(PORT), f"send:{up}", "shut", "recv")
        end = world.connect(kernel, PORT)
    else:
        listener = world.listen(PORT, v6=":" in ours)
        program = world.kernel("connect", ours, str(PORT), f"send:{up}", "shut", "recv")
        end = world.accept(listener)
    end.send(down, True)
    result = world.finish(program)
    assert world.until(lambda: end.eof), "our side does not see the end"
    assert end.error == 0
    assert result["error"] == ""
    assert (end.received, end.digest.hexdigest()) == (up, sha(up))
    assert (result["received"], result["digest"]) == (down, sha(down))
    assert world.outside.malformed == 0
    return end, result


@pytest.mark.parametrize("active", [True, False], ids=["we connect", "the kernel connects"])
@both_versions
def test_bulk_both_ways(attached: Attached, ours: str, kernel: str, active: bool) -> None:
    end, result = exchange(attached, ours, kernel, 3_000_000, 3_000_000, active)
    agreed = OPTION_TIMESTAMPS | OPTION_SACK | OPTION_WSCALE
    assert result["info"]["options"] & agreed == agreed
    assert end.tcb.options_on & OPT_SACK


@pytest.mark.parametrize("sack", [1, 0], ids=["sack", "newreno"])
@both_versions
def test_bulk_under_loss(attached: Attached, ours: str, kernel: str, sack: int) -> None:
    """2 % of the data lost both ways, and some of the ACKs."""
    attached.host.stack.sysctl.tcp_sack = sack
    for direction in (attached.outgoing, attached.incoming):
        direction.latency = 2 * MILLISECOND
        direction.make_faults().rules = [EveryNth(50, True), EveryNth(20, False)]
    end, _ = exchange(attached, ours, kernel, 1_000_000, 1_000_000, True)
    assert end.tcb.total_retrans > 5
    if sack:
        assert attached.host.stack.tcp.counters.sack_recovery > 0
        stat = attached.inside("nstat", "-asz", "TcpExtTCPSackRecovery") if shutil.which("nstat") else ""
        assert not stat or int(stat.split("TcpExtTCPSackRecovery")[1].split()[0]) > 0
    else:
        assert attached.host.stack.tcp.counters.reno_recovery > 0


@both_versions
def test_bulk_reordered_duplicated_and_corrupted(attached: Attached, ours: str, kernel: str) -> None:
    for direction in (attached.outgoing, attached.incoming):
        direction.latency = 3 * MILLISECOND
        faults = direction.make_faults()
        faults.jitter = 2 * MILLISECOND
        faults.duplicate = 0.02
    attached.incoming.make_faults().corrupt = 0.005
    exchange(attached, ours, kernel, 500_000, 500_000, False)


@pytest.mark.parametrize("side", ["kernel", "ours"])
@both_versions
def test_half_close_lets_the_answer_come(attached: Attached, ours: str, kernel: str, side: str) -> None:
    """One side closes first; the other's stream, sent long after, still arrives whole."""
    listener = attached.listen(PORT, v6=":" in ours)
    if side == "kernel":
        program = attached.kernel("connect", ours, str(PORT), "send:1000", "shut", "recv")
        end = attached.accept(listener)
        assert attached.until(lambda: end.eof)
        attached.wait(300)
        end.send(500_000, True)
        result = attached.finish(program)
        assert (result["received"], result["digest"]) == (500_000, sha(500_000))
    else:
        program = attached.kernel("connect", ours, str(PORT), "recv", "sleep:300", "send:500000", "shut")
        end = attached.accept(listener)
        end.send(1000, True)
        assert attached.finish(program)["digest"] == sha(1000)
        assert attached.until(lambda: end.eof)
        assert end.digest.hexdigest() == sha(500_000)


@both_versions
def test_kernel_resets_and_we_learn(attached: Attached, ours: str, kernel: str) -> None:
    listener = attached.listen(PORT, v6=":" in ours)
    program = attached.kernel("connect", ours, str(PORT), "send:1000", "sleep:100", "reset")
    end = attached.accept(listener)
    attached.finish(program)
    assert attached.until(lambda: end.error != 0)
    assert end.error == ECONNRESET
    assert end.tcb.endpoint.state == CLOSE


@both_versions
def test_we_reset_and_the_kernel_learns(attached: Attached, ours: str, kernel: str) -> None:
    listener = attached.listen(PORT, v6=":" in ours)
    program = attached.kernel("connect", ours, str(PORT), "recv")
    end = attached.accept(listener)
    end.tcb.linger = 0
    end.tcb.close()
    attached.ends.clear()
    assert attached.finish(program)["error"] == "ConnectionResetError"


@both_versions
def test_nobody_listens_here(attached: Attached, ours: str, kernel: str) -> None:
    program = attached.kernel("connect", ours, "4999", "recv")
    assert attached.finish(program)["error"] == "ConnectionRefusedError"


@both_versions
def test_kernel_reader_stalls(attached: Attached, ours: str, kernel: str) -> None:
    """Its window closes; ours probes; all arrives when it reads again."""
    program = attached.kernel("listen", kernel, str(PORT), "rcvbuf=8192", "sleep:2500", "recv")
    end = attached.connect(kernel, PORT)
    end.send(300_000, True)
    result = attached.finish(program)
    assert (result["received"], result["digest"]) == (300_000, sha(300_000))
    assert attached.host.stack.tcp.counters.win_probe > 0


@both_versions
def test_our_reader_stalls(attached: Attached, ours: str, kernel: str) -> None:
    listener = attached.listen(PORT, v6=":" in ours)
    listener.rcvbuf = 16_384
    program = attached.kernel("connect", ours, str(PORT), "send:300000", "shut", "recv")
    end = attached.accept(listener)
    end.reading = False
    attached.wait(2500)
    assert end.tcb.rcv_wnd == 0
    assert 0 < end.tcb.received_bytes <= 16_384
    end.reading = True
    end.send(10, True)
    attached.finish(program)
    assert attached.until(lambda: end.eof)
    assert end.digest.hexdigest() == sha(300_000)


@both_versions
def test_kernel_keepalive_is_answered_and_misses_us_when_cut(
    attached: Attached, ours: str, kernel: str
) -> None:
    listener = attached.listen(PORT, v6=":" in ours)
    program = attached.kernel(
        *("connect", ours, str(PORT), "keepalive=1", "keepidle=1", "keepintvl=1", "keepcnt=2"), "recv"
    )
    end = attached.accept(listener)
    before = end.tcb.segs_in
    attached.wait(2500)
    assert not program.ended()
    assert end.tcb.segs_in >= before + 2
    attached.outgoing.make_faults().partitioned = True
    assert attached.finish(program)["error"] == "TimeoutError"


@both_versions
def test_our_keepalive_is_answered_and_misses_the_kernel_when_cut(
    attached: Attached, ours: str, kernel: str
) -> None:
    program = attached.kernel("listen", kernel, str(PORT), "recv")
    end = attached.connect(kernel, PORT)
    end.tcb.keepidle = end.tcb.keepintvl = 500 * MILLISECOND
    end.tcb.keepcnt = 2
    end.tcb.keepalive = True
    attached.wait(2200)
    assert end.tcb.endpoint.state == ESTABLISHED
    assert attached.host.stack.tcp.counters.keepalive >= 3
    attached.incoming.make_faults().partitioned = True
    assert attached.until(lambda: end.error != 0, 10 * SECOND)
    assert end.error == ETIMEDOUT
    program.kill()


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_our_syn_cookies(attached: Attached, family: str) -> None:
    attached.host.stack.sysctl.tcp_syncookies = 2
    ours, kernel = (OURS_V4, KERNEL_V4) if family == "ipv4" else (OURS_V6, KERNEL_V6)
    end, result = exchange(attached, ours, kernel, 200_000, 200_000, False)
    counters = attached.host.stack.tcp.counters
    assert counters.syncookies_sent > 0
    assert counters.syncookies_recv == 1
    # SACK and scaling were carried by the timestamp.
    assert result["info"]["options"] & 7 == 7
    assert end.tcb.snd_wscale > 0


@both_versions
def test_kernel_syn_cookies(attached: Attached, ours: str, kernel: str) -> None:
    attached.inside("sysctl", "-qw", "net.ipv4.tcp_syncookies=2")
    end, _ = exchange(attached, ours, kernel, 200_000, 200_000, True)
    assert end.tcb.options_on & OPT_SACK


@pytest.mark.parametrize("active", [True, False], ids=["we connect", "the kernel connects"])
@both_versions
def test_ecn(attached: Attached, ours: str, kernel: str, active: bool) -> None:
    """CE marks both ways: each is echoed, each sender slows down and nothing is retransmitted for it."""
    attached.inside("sysctl", "-qw", "net.ipv4.tcp_ecn=1")
    attached.host.stack.sysctl.tcp_ecn = 1
    rules = []
    for direction in (attached.outgoing, attached.incoming):
        direction.latency = MILLISECOND
        rules.append(MarkEvery(40))
        direction.make_faults().rules = [rules[-1]]
    end, result = exchange(attached, ours, kernel, 1_000_000, 1_000_000, active)
    assert end.tcb.options_on & OPT_ECN
    assert result["info"]["options"] & OPTION_ECN
    assert all(rule.marked > 5 for rule in rules)
    assert attached.host.stack.tcp.counters.ecn_ce_received == rules[1].marked
    assert end.tcb.delivered_ce > 0


def test_kernel_heeds_the_path_mtu(attached: Attached) -> None:
    """Our router tells the kernel that its packets are too big; it sends smaller ones."""
    router = attached.add(ROUTER + "/24", "10.78.0.9/24", name="router")
    far = attached.add(FAR + "/24", name="far")
    attached.fabric.connect(router, attached.switch, [], [])
    attached.fabric.connect(router, far, [], [])
    router.stack.sysctl.ip_forward = 1
    # Only the router's side: the far host would else announce a small MSS, and no ICMP be needed.
    router.stack.set_mtu(router.interfaces[1], 1200)
    far.stack.add_route(parse_ip("10.77.0.0"), 24, parse_ip("10.78.0.9"), None, 0, -1)
    attached.inside("ip", "route", "add", "10.78.0.0/24", "via", ROUTER)
    listener = attached.listen(PORT, far)
    program = attached.kernel("connect", FAR, str(PORT), "send:200000", "shut", "recv", "close")
    end = attached.accept(listener)
    assert attached.until(lambda: end.eof)
    end.send(1000, True)
    result = attached.finish(program)
    assert end.digest.hexdigest() == sha(200_000)
    assert result["info"]["snd_mss"] <= 1200 - 40
    assert router.stack.counters.ip.frag_fails > 0


def test_we_heed_the_path_mtu(attached: Attached) -> None:
    """The kernel, as a router to another namespace, tells our host that its packets are too big."""
    attached.inside("sysctl", "-qw", "net.ipv4.ip_forward=1")
    with attached.second_space() as beyond:
        attached.inside("ip", "link", "add", "near", "type", "veth", "peer", "name", "end", "netns", beyond)
        attached.inside("ip", "addr", "add", "10.79.0.1/24", "dev", "near")
        attached.inside("ip", "link", "set", "near", "mtu", "1000", "up")
        for words in ("addr add 10.79.0.7/24 dev end", "link set end up", "route add default via 10.79.0.1"):
            subprocess.run(["ip", "-n", beyond, *words.split()], check=True)
        attached.host.stack.add_route(parse_ip("10.79.0.0"), 24, parse_ip(KERNEL_V4), None, 0, -1)
        program = attached.kernel("listen", "10.79.0.7", str(PORT), "recv", space=beyond)
        end = attached.connect("10.79.0.7", PORT)
        assert end.tcb.mss == 1448
        end.send(200_000, True)
        result = attached.finish(program)
    assert (result["received"], result["digest"]) == (200_000, sha(200_000))
    assert end.tcb.path_mtu == 1000
    assert end.tcb.mss == 1000 - 52


def test_kernel_heeds_the_path_mtu_of_ipv6(attached: Attached) -> None:
    """The same by ICMPv6 packet too big, whose least is 1280."""
    router = attached.add("fd77::9/64", "fd78::9/64", name="router")
    far = attached.add("fd78::2/64", name="far")
    attached.fabric.connect(router, attached.switch, [], [])
    attached.fabric.connect(router, far, [], [])
    router.stack.sysctl.set("net.ipv6.conf.all.forwarding", "1")
    router.stack.set_mtu(router.interfaces[1], 1300)
    far.stack.add_route(parse_ip("fd77::"), 64, parse_ip("fd78::9"), None, 0, -1)
    attached.inside("ip", "-6", "route", "add", "fd78::/64", "via", "fd77::9")
    listener = attached.listen(PORT, far, True)
    program = attached.kernel("connect", "fd78::2", str(PORT), "send:200000", "shut", "recv", "close")
    end = attached.accept(listener)
    assert attached.until(lambda: end.eof)
    end.send(1000, True)
    result = attached.finish(program)
    assert end.digest.hexdigest() == sha(200_000)
    assert result["info"]["snd_mss"] == 1300 - 72


def test_we_heed_the_path_mtu_of_ipv6(attached: Attached) -> None:
    attached.inside("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    with attached.second_space() as beyond:
        attached.inside("ip", "link", "add", "near", "type", "veth", "peer", "name", "end", "netns", beyond)
        attached.inside("ip", "addr", "add", "fd79::1/64", "dev", "near", "nodad")
        attached.inside("ip", "link", "set", "near", "mtu", "1280", "up")
        for words in (
            "addr add fd79::7/64 dev end nodad",
            "link set end up",
            "-6 route add default via fd79::1",
        ):
            subprocess.run(["ip", "-n", beyond, *words.split()], check=True)
        attached.host.stack.add_route(parse_ip("fd79::"), 64, parse_ip(KERNEL_V6), None, 0, -1)
        program = attached.kernel("listen", "fd79::7", str(PORT), "recv", space=beyond)
        end = attached.connect("fd79::7", PORT)
        assert end.tcb.mss == 1428
        end.send(200_000, True)
        result = attached.finish(program)
    assert (result["received"], result["digest"]) == (200_000, sha(200_000))
    assert end.tcb.path_mtu == 1280
    assert end.tcb.mss == 1280 - 72


@both_versions
def test_resets_reach_the_other_end(attached: Attached, ours: str, kernel: str) -> None:
    """RST both ways, in each family."""
    program = attached.kernel("listen", kernel, str(PORT), "recv:10", "reset")
    end = attached.connect(kernel, PORT)
    end.send(10, False)
    attached.finish(program)
    assert attached.until(lambda: end.error != 0)
    listener = attached.listen(PORT + 1, v6=":" in ours)
    program = attached.kernel("connect", ours, str(PORT + 1), "send:10", "recv")
    end = attached.accept(listener)
    end.reading = False
    assert attached.until(lambda: end.tcb.received_bytes == 10)
    end.tcb.close()
    attached.ends.remove(end)
    assert attached.finish(program)["error"] == "ConnectionResetError"


# What Wireshark thinks of it ---------------------------------------------------------------------


# Each of these is a fault of the sender; but where data was lost on purpose, less can be told.
ALWAYS_WRONG = (
    "ACKed segment that wasn't captured",
    "Previous segment(s) not captured",
    "Bad checksum",
    "Malformed",
    "Illegal",
    "Invalid",
    "reused",
    "Unencrypted",
)
WRONG_WHEN_CLEAN = ("Out-Of-Order", "out-of-order", "fast retransmission", "TCP Zero Window segment")
SEVERITY_ERROR = 0x800000


def expert_says(file: Path, source: str) -> tuple[int, list[tuple[int, str]]]:
    """(TCP frames of ``source``, the expert's (severity, message) for each item it has on them)."""
    v6 = ":" in source
    done = subprocess.run(
        [
            *("tshark", "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"),
            *("-Y", f"tcp && {'ipv6' if v6 else 'ip'}.src == {source}", "-T", "fields", "-E", "aggregator=|"),
            *("-e", "frame.number", "-e", "tcp.checksum.status", "-e", "ip.checksum.status"),
            *("-e", "_ws.expert.severity", "-e", "_ws.expert.message"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    items = []
    lines = done.stdout.splitlines()
    for line in lines:
        number, tcp_sum, ip_sum, severities, messages = line.split("\t")
        assert tcp_sum == "1", f"frame {number}: TCP checksum status {tcp_sum}"
        assert v6 or ip_sum == "1", f"frame {number}: IP checksum status {ip_sum}"
        for severity, message in zip(severities.split("|"), messages.split("|"), strict=True):
            if severity:
                items.append((int(severity), message))
    return len(lines), items


@pytest.mark.parametrize("lossy", [False, True], ids=["clean", "lossy"])
@both_versions
def test_tshark_finds_no_fault(captured: tuple[Attached, Path], ours: str, kernel: str, lossy: bool) -> None:
    """Captured at our host's interface, so all it sends is there, and all it was sent is."""
    world, file = captured
    if lossy:
        for direction in (world.outgoing, world.incoming):
            direction.latency = 2 * MILLISECOND
            direction.make_faults().rules = [EveryNth(60, True)]
    exchange(world, ours, kernel, 400_000, 400_000, True)
    world.wait(200)
    assert world.recorder is not None
    world.recorder.flush()
    frames, items = expert_says(file, ours)
    assert frames > 50
    wrong = ALWAYS_WRONG if lossy else ALWAYS_WRONG + WRONG_WHEN_CLEAN
    for severity, message in items:
        assert severity < SEVERITY_ERROR, message
        assert not any(text in message for text in wrong), message
    if lossy:
        assert any("retransmission" in message for _, message in items)
