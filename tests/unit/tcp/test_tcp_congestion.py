"""Window growth: slow start, Reno, CUBIC, HyStart (RFC 5681, RFC 9438)."""

from builders_tcp import MS, SECOND, Host, established

from fourtuple.stack.tcp.congestion import RENO, additive_increase, slow_start
from fourtuple.stack.tcp.cubic import Cubic, cube_root
from fourtuple.stack.tcp.hystart import LINUX, PLUS_PLUS
from fourtuple.stack.tcp.state import INFINITE_SSTHRESH
from fourtuple.stack.tcp.tcb import Tcb


def limited(host: Host) -> Tcb:
    tcb = host.tcb
    tcb.cwnd_limited = True
    return tcb


def test_slow_start_doubles_and_stops_at_ssthresh() -> None:
    tcb = established().tcb
    tcb.cwnd = 10
    tcb.ssthresh = 15
    assert slow_start(tcb, 3) == 0
    assert tcb.cwnd == 13
    assert slow_start(tcb, 5) == 3
    assert tcb.cwnd == 15


def test_reno_grows_one_segment_a_round_trip() -> None:
    """RFC 5681 §3.1."""
    tcb = established().tcb
    tcb.cwnd = 20
    for _ in range(20):
        additive_increase(tcb, tcb.cwnd, 1)
    assert tcb.cwnd == 21


def test_reno_halves() -> None:
    tcb = established().tcb
    tcb.cwnd = 20
    assert RENO.ssthresh(tcb) == 10
    tcb.cwnd = 3
    assert RENO.ssthresh(tcb) == 2


def test_cube_root_is_exact() -> None:
    for number in (0, 1, 7, 8, 9, 26, 27, 28, 10**9, 10**18 + 1, 2**90 - 1):
        root = cube_root(number)
        assert root**3 <= number < (root + 1) ** 3


def test_cubic_decrease_and_fast_convergence() -> None:
    """RFC 9438 §4.6, §4.7."""
    tcb = established().tcb
    cubic = Cubic()
    tcb.cwnd = 100
    assert cubic.ssthresh(tcb) == 70
    tcb.cwnd = 90
    assert cubic.ssthresh(tcb) == 63


def grow(host: Host, cubic: Cubic, seconds: float, rtt: int) -> list[int]:
    """The window after each round trip of ``rtt`` ns with every segment acknowledged."""
    tcb = limited(host)
    windows = []
    end = host.clock.now + int(seconds * SECOND)
    while host.clock.now < end:
        flight = tcb.cwnd
        for _ in range(flight):
            host.run(rtt // flight)
            cubic.avoid(tcb, 1)
        windows.append(tcb.cwnd)
    return windows


def test_cubic_is_concave_then_convex() -> None:
    """RFC 9438 §4.2: quickly back, flat around W_max, then faster and faster."""
    host = established()
    cubic = Cubic()
    host.tcb.cwnd = 200
    host.tcb.ssthresh = cubic.ssthresh(host.tcb)
    host.tcb.cwnd = host.tcb.ssthresh
    for _ in range(20):
        cubic.sampled(host.tcb, 100_000)
    windows = grow(host, cubic, 12, 100 * MS)
    # K = cubic_root(60 / 0.4) = 5.3 s.
    at_k = windows[53]
    assert 190 <= at_k <= 202
    early = windows[9] - 140
    middle = windows[57] - windows[47]
    late = windows[100] - windows[90]
    assert early > 3 * middle
    assert late > 3 * max(middle, 1)


def test_cubic_is_not_slower_than_reno_on_short_paths() -> None:
    """RFC 9438 §4.3: the Reno-friendly region."""
    host = established()
    cubic = Cubic()
    host.tcb.cwnd = 20
    host.tcb.ssthresh = cubic.ssthresh(host.tcb)
    host.tcb.cwnd = host.tcb.ssthresh
    cubic.sampled(host.tcb, 5_000)
    windows = grow(host, cubic, 0.5, 5 * MS)
    # 100 round trips at 8/15 of a segment each.
    assert windows[-1] >= 14 + 45


def watched(hystart: int, cwnd: int) -> tuple[Host, Cubic]:
    """A connection in slow start, ended as ``tcp_cubic.hystart`` says."""
    host = established()
    host.tcb.layer.sysctl.set("tcp_cubic.hystart", hystart)
    tcb = limited(host)
    tcb.cwnd = cwnd
    cubic = Cubic()
    cubic.begin(tcb)
    return host, cubic


def test_linux_hystart_leaves_slow_start_when_the_round_trip_grows() -> None:
    host, cubic = watched(LINUX, 40)
    tcb = host.tcb
    for number in range(60):
        tcb.snd_una += 1000
        tcb.snd_nxt = tcb.snd_una + 40_000
        host.run(3 * MS)
        cubic.sampled(tcb, 50_000 if number < 20 else 70_000)
    assert tcb.ssthresh == 40
    counters = tcb.layer.counters
    assert (counters.hystart_delay_detect, counters.hystart_delay_cwnd) == (1, 40)
    assert counters.hystart_train_detect == 0


def test_linux_hystart_lets_a_small_window_grow() -> None:
    host, cubic = watched(LINUX, 15)
    tcb = host.tcb
    for number in range(60):
        tcb.snd_una += 1000
        host.run(3 * MS)
        cubic.sampled(tcb, 50_000 + number * 1000)
    assert tcb.ssthresh > 1000


def rounds(host: Host, cubic: Cubic, trips: list[int]) -> list[int]:
    """Ten ACKs of a segment each in every round, round trips as given in us; cwnd after each round."""
    tcb = host.tcb
    windows = []
    for trip in trips:
        tcb.snd_nxt = tcb.snd_una + 10_000
        for _ in range(10):
            tcb.snd_una += 1000
            cubic.sampled(tcb, trip)
            cubic.avoid(tcb, 1)
        windows.append(tcb.cwnd)
    return windows


def test_hystart_plus_plus_slows_down_for_five_rounds() -> None:
    """RFC 9406 §4.2: a quarter after the eighth ACK of the second round, then congestion avoidance."""
    host, cubic = watched(PLUS_PLUS, 100)
    windows = rounds(host, cubic, [50_000, 60_000, 60_000, 60_000, 60_000])
    assert windows == [110, 118, 121, 123, 126]
    assert host.tcb.ssthresh == INFINITE_SSTHRESH
    rounds(host, cubic, [60_000])
    # The last ACK of the fifth round lets the window grow, and then ends it.
    assert host.tcb.ssthresh == 128
    assert host.tcb.layer.counters.hystart_delay_detect == 1


def test_hystart_plus_plus_goes_on_when_round_trips_shrink() -> None:
    host, cubic = watched(PLUS_PLUS, 100)
    windows = rounds(host, cubic, [50_000, 60_000, 60_000, 51_000, 51_000])
    assert windows[3:] == [125, 135]
    assert host.tcb.ssthresh == INFINITE_SSTHRESH


def test_hystart_plus_plus_may_slow_down_again() -> None:
    host, cubic = watched(PLUS_PLUS, 100)
    rounds(host, cubic, [50_000, 60_000, 51_000, 51_000])
    before = host.tcb.cwnd
    assert rounds(host, cubic, [60_000, 60_000]) == [before + 8, before + 11]
    assert host.tcb.layer.counters.hystart_delay_detect == 2


def test_hystart_plus_plus_watches_the_first_slow_start_only() -> None:
    """RFC 9406 §4.3: with a threshold found by loss slow start is the standard one."""
    host, cubic = watched(PLUS_PLUS, 100)
    host.tcb.ssthresh = 1000
    assert rounds(host, cubic, [50_000, 60_000, 70_000]) == [110, 120, 130]
    assert host.tcb.ssthresh == 1000


def test_hystart_plus_plus_round_of_one_ack() -> None:
    """An ACK of all that is in flight ends one round, not two."""
    host, cubic = watched(PLUS_PLUS, 100)
    tcb = host.tcb
    rounds(host, cubic, [50_000, 60_000])
    for _ in range(3):
        tcb.snd_nxt += 10_000
        tcb.snd_una = tcb.snd_nxt
        cubic.sampled(tcb, 60_000)
    assert tcb.ssthresh == INFINITE_SSTHRESH
    tcb.snd_nxt += 10_000
    tcb.snd_una = tcb.snd_nxt
    cubic.sampled(tcb, 60_000)
    cubic.avoid(tcb, 4)
    assert tcb.ssthresh == tcb.cwnd == 119


def test_hystart_plus_plus_ends_though_its_last_ack_finds_the_window_not_used() -> None:
    host, cubic = watched(PLUS_PLUS, 100)
    tcb = host.tcb
    rounds(host, cubic, [50_000, 60_000, 60_000, 60_000, 60_000])
    assert tcb.cwnd == 126
    tcb.snd_nxt += 10_000
    tcb.snd_una = tcb.snd_nxt
    cubic.sampled(tcb, 60_000)
    assert tcb.ssthresh == INFINITE_SSTHRESH
    tcb.snd_nxt += 10_000
    tcb.snd_una = tcb.snd_nxt
    cubic.sampled(tcb, 40_000)
    cubic.avoid(tcb, 8)
    assert tcb.ssthresh == 126


def test_cubic_module_parameters() -> None:
    host, cubic = watched(LINUX, 100)
    sysctl = host.tcb.layer.sysctl
    sysctl.set("tcp_cubic.beta", 512)
    assert cubic.ssthresh(host.tcb) == 50
    host.tcb.cwnd = 90
    sysctl.set("tcp_cubic.fast_convergence", 0)
    cubic.ssthresh(host.tcb)
    host.tcb.cwnd = 45
    host.tcb.ssthresh = 45
    # Without fast convergence W_max is 90, not 67.
    assert grow(host, cubic, 6, 100 * MS)[-1] > 80
    sysctl.set("tcp_cubic.initial_ssthresh", 70)
    sysctl.set("tcp_cubic.hystart", 0)
    Cubic().begin(host.tcb)
    assert host.tcb.ssthresh == 70


def test_congestion_control_is_the_hosts_or_the_sockets() -> None:
    host = Host(tcp_congestion_control="reno").connect()
    assert host.tcb.congestion == "reno"
    assert host.tcb.cc is RENO
    host.tcb.set_congestion_control("cubic")
    assert host.tcb.cc.name() == "cubic"


def test_accepted_connections_have_a_control_of_their_own() -> None:
    host = Host()
    host.tcb.set_congestion_control("cubic")
    host.accept_one()
    assert host.tcb.congestion == "cubic"
    assert host.listener is not None
    assert host.tcb.cc is not host.listener.cc
