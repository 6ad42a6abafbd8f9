"""Links on a clock: when frames arrive, in what order, and which do not."""

from fourtuple.capture.tap import Tap, TapPoint
from fourtuple.clock.clock import MILLISECOND, Clock, Event
from fourtuple.clock.streams import Stream
from fourtuple.network.link import Direction
from fourtuple.network.rules import (
    PASS,
    FunctionRule,
    Rule,
    Verdict,
    alter,
    deliver_after,
    drop,
    duplicate,
)
from fourtuple.stack.base import FrameSink
from fourtuple.wire.address import parse_ip
from fourtuple.wire.ethernet import ETHERTYPE_IPV4, EthernetFrame, RawFramePayload
from fourtuple.wire.ip import PROTOCOL_UDP
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.udp import UdpDatagram

MAC_A, MAC_B = 0x020000000100, 0x020000000200


def frame_of(size: int, mark: int = 0) -> EthernetFrame:
    """A frame whose wire length is ``size`` and whose first byte of payload is ``mark``."""
    return EthernetFrame(MAC_B, MAC_A, 0x1234, RawFramePayload(bytes([mark]) + bytes(size - 15)))


def udp_frame() -> EthernetFrame:
    source, destination = parse_ip("10.0.0.1"), parse_ip("10.0.0.2")
    packet = Ipv4Packet(source, destination, PROTOCOL_UDP, UdpDatagram(1000, 2000, b"hello"))
    return EthernetFrame(MAC_B, MAC_A, ETHERTYPE_IPV4, packet)


class Wire(Tap):
    """One direction with its receiver: what arrived and what was lost, each with its time."""

    def __init__(self, bytes_on_wire: bool = False, seed: int = 0) -> None:
        self.clock = Clock()
        self.arrived: list[tuple[int, EthernetFrame]] = []
        self.lost: list[tuple[int, str]] = []
        self.seen: list[str] = []
        ends = TapPoint(0, "a", "eth0"), TapPoint(1, "b", "eth0")
        stream = Stream(seed, "link/a-b/a")
        self.direction = Direction(self.clock, stream, self, *ends, Sink(self), bytes_on_wire)
        self.direction.latency = 10 * MILLISECOND

    def sent(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        self.seen.append(f"sent {point.node}")

    def delivered(self, point: TapPoint, now: int, frame: EthernetFrame) -> None:
        self.seen.append(f"delivered {point.node}")

    def dropped(self, point: TapPoint, now: int, frame: EthernetFrame, reason: str) -> None:
        self.seen.append(f"dropped {point.node}")
        self.lost.append((now, reason))

    def send(self, *frames: EthernetFrame) -> None:
        for frame in frames:
            self.direction.send(frame)

    def run(self) -> None:
        self.clock.run(-1, 100_000)

    def times(self) -> list[float]:
        return [when / MILLISECOND for when, _ in self.arrived]

    def marks(self) -> list[int]:
        return [frame.serialize()[14] for _, frame in self.arrived]


class Sink(FrameSink):
    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def receive(self, frame: EthernetFrame) -> None:
        self.wire.arrived.append((self.wire.clock.now, frame))


class Later(Event):
    """Calls a function at a time."""

    def __init__(self, call: object) -> None:
        self.call = call

    def fire(self) -> None:
        self.call()  # type: ignore[operator]


def test_idle_link_delivers_after_its_latency() -> None:
    wire = Wire()
    wire.send(frame_of(100))
    wire.run()
    assert wire.times() == [10.0]
    assert wire.seen == ["sent a", "delivered b"]


def test_busy_link_has_one_entry_in_the_heap() -> None:
    wire = Wire()
    wire.send(*[frame_of(100, mark) for mark in range(50)])
    assert wire.clock.pending() == 1
    wire.run()
    assert wire.marks() == list(range(50))


def test_sending_from_within_a_delivery_keeps_one_entry() -> None:
    wire = Wire()

    class Again(FrameSink):
        def receive(self, frame: EthernetFrame) -> None:
            wire.arrived.append((wire.clock.now, frame))
            if len(wire.arrived) < 3:
                wire.send(frame)

    wire.direction.sink = Again()
    wire.send(frame_of(100))
    wire.clock.run(-1, 1)
    assert wire.clock.pending() == 1
    wire.run()
    assert wire.times() == [10.0, 20.0, 30.0]


def test_bandwidth_limit_adds_serialisation_delay_frame_after_frame() -> None:
    wire = Wire()
    wire.direction.bandwidth = 1_000_000
    wire.send(frame_of(125), frame_of(250))  # 1 ms and 2 ms at 1 Mbit/s
    wire.run()
    assert wire.times() == [11.0, 13.0]


def test_transmitter_idle_again_starts_at_once() -> None:
    wire = Wire()
    wire.direction.bandwidth = 1_000_000
    wire.send(frame_of(125))
    wire.clock.at(5 * MILLISECOND, Later(lambda: wire.send(frame_of(125))))
    wire.run()
    assert wire.times() == [11.0, 16.0]


def test_full_packet_queue_drops_the_tail() -> None:
    wire = Wire()
    wire.direction.bandwidth = 1_000_000
    wire.direction.queue_packets = 2
    wire.send(*[frame_of(125, mark) for mark in range(5)])  # one leaves, two wait
    wire.run()
    assert wire.marks() == [0, 1, 2]
    assert wire.lost == [(0, "queue full"), (0, "queue full")]


def test_full_byte_queue_drops_what_does_not_fit_but_takes_what_does() -> None:
    wire = Wire()
    wire.direction.bandwidth = 1_000_000
    wire.direction.queue_bytes = 300
    wire.send(frame_of(1000, 0), frame_of(200, 1), frame_of(200, 2), frame_of(100, 3))
    wire.run()
    assert wire.marks() == [0, 1, 3]


def test_empty_queue_never_drops_while_idle() -> None:
    wire = Wire()
    wire.direction.bandwidth = 1_000_000
    wire.direction.queue_packets = 0
    wire.send(frame_of(125, 0), frame_of(125, 1))
    wire.clock.at(5 * MILLISECOND, Later(lambda: wire.send(frame_of(125, 2))))
    wire.run()
    assert wire.marks() == [0, 2]


def test_latency_lowered_lets_later_frames_overtake() -> None:
    wire = Wire()
    wire.send(frame_of(100, 0))
    wire.direction.latency = MILLISECOND
    wire.send(frame_of(100, 1))
    wire.run()
    assert wire.marks() == [1, 0]
    assert wire.times() == [1.0, 10.0]


def test_jitter_reorders_within_its_bounds() -> None:
    wire = Wire()
    wire.direction.make_faults().jitter = 2 * MILLISECOND
    for at in range(100):
        wire.clock.at(at * 100_000, Later(lambda mark=at: wire.send(frame_of(100, mark))))
    wire.run()
    delays = {frame.serialize()[14]: when for when, frame in wire.arrived}
    assert all(8 * MILLISECOND <= when - mark * 100_000 <= 12 * MILLISECOND for mark, when in delays.items())
    assert wire.marks() != sorted(wire.marks())
    assert wire.times() == sorted(wire.times())


def test_jitter_in_order_never_reorders() -> None:
    wire = Wire()
    faults = wire.direction.make_faults()
    faults.jitter, faults.in_order = 2 * MILLISECOND, True
    for at in range(100):
        wire.clock.at(at * 100_000, Later(lambda mark=at: wire.send(frame_of(100, mark))))
    wire.run()
    assert wire.marks() == list(range(100))


def test_loss_takes_its_share_and_follows_the_seed() -> None:
    def survivors(seed: int) -> list[int]:
        wire = Wire(seed=seed)
        wire.direction.make_faults().loss = 0.2
        wire.send(*[frame_of(100, mark) for mark in range(200)])
        wire.run()
        assert len(wire.arrived) + len(wire.lost) == 200
        return wire.marks()

    assert survivors(1) == survivors(1) != survivors(2)
    assert 130 < len(survivors(1)) < 185


def test_duplicate_arrives_twice() -> None:
    wire = Wire()
    wire.direction.make_faults().duplicate = 1.0
    wire.send(frame_of(100, 7))
    wire.run()
    assert wire.marks() == [7, 7]


def test_corrupted_packet_is_dropped_where_it_would_have_arrived() -> None:
    wire = Wire()
    wire.direction.make_faults().corrupt = 1.0
    wire.send(udp_frame())
    wire.run()
    assert wire.arrived == []
    assert wire.lost == [(10 * MILLISECOND, "corrupted")]


def test_corrupted_frame_without_checksum_arrives_one_bit_off() -> None:
    wire = Wire()
    wire.direction.make_faults().corrupt = 1.0
    original = frame_of(100)
    wire.send(original)
    wire.run()
    before, after = original.serialize(), wire.arrived[0][1].serialize()
    assert sum((x ^ y).bit_count() for x, y in zip(before, after, strict=True)) == 1


def test_frame_above_the_mtu_is_lost() -> None:
    wire = Wire()
    wire.direction.make_faults().mtu = 576
    wire.send(frame_of(14 + 576, 1), frame_of(14 + 577, 2))
    wire.run()
    assert wire.marks() == [1]
    assert "MTU of 576" in wire.lost[0][1]


def test_partition_loses_what_is_sent_but_not_what_is_on_the_way() -> None:
    wire = Wire()
    wire.send(frame_of(100, 1))
    faults = wire.direction.make_faults()
    faults.partitioned = True
    wire.send(frame_of(100, 2))
    faults.partitioned = False
    wire.send(frame_of(100, 3))
    wire.run()
    assert wire.marks() == [1, 3]
    assert wire.lost == [(0, "partition")]


def test_held_frames_go_on_when_released() -> None:
    wire = Wire()
    wire.direction.hold()
    wire.send(frame_of(100, 1), frame_of(100, 2))
    wire.clock.at(50 * MILLISECOND, Later(wire.direction.release))
    wire.run()
    assert wire.marks() == [1, 2]
    assert wire.times() == [60.0, 60.0]


def test_release_without_hold_does_nothing() -> None:
    wire = Wire()
    wire.direction.release()
    wire.direction.hold()
    wire.direction.release()
    wire.direction.release()
    wire.run()
    assert wire.arrived == []


class NthRule(Rule):
    """Gives ``verdict`` to the nth frame."""

    def __init__(self, nth: int, verdict: Verdict) -> None:
        self.nth = nth
        self.verdict = verdict
        self.count = 0

    def judge(self, frame: EthernetFrame, now: int) -> Verdict:
        self.count += 1
        return self.verdict if self.count == self.nth else PASS


def run_with(*rules: Rule) -> Wire:
    wire = Wire()
    wire.direction.make_faults().rules.extend(rules)
    wire.send(frame_of(100, 1), frame_of(100, 2), frame_of(100, 3))
    wire.run()
    return wire


def test_rule_drop_names_its_reason() -> None:
    wire = run_with(NthRule(2, drop("the second")))
    assert wire.marks() == [1, 3]
    assert wire.lost == [(0, "the second")]


def test_rule_deliver_after_delays_one_frame_only() -> None:
    wire = run_with(NthRule(2, deliver_after(5 * MILLISECOND)))
    assert wire.marks() == [1, 3, 2]
    assert wire.times() == [10.0, 10.0, 15.0]


def test_rule_duplicate_multiplies() -> None:
    assert run_with(NthRule(2, duplicate(3))).marks() == [1, 2, 2, 2, 3]


def test_rule_alter_sends_another_frame() -> None:
    assert run_with(NthRule(2, alter(frame_of(50, 9)))).marks() == [1, 9, 3]


def test_first_rule_that_does_not_pass_decides() -> None:
    first, second = NthRule(1, drop("first")), NthRule(1, drop("second"))
    wire = run_with(first, second)
    assert [reason for _, reason in wire.lost] == ["first", "second"]
    assert (first.count, second.count) == (3, 2)


def test_frame_decided_by_a_rule_is_not_lost_by_chance() -> None:
    wire = Wire()
    faults = wire.direction.make_faults()
    faults.loss = 1.0
    faults.rules.append(NthRule(2, deliver_after(0)))
    wire.send(frame_of(100, 1), frame_of(100, 2), frame_of(100, 3))
    wire.run()
    assert wire.marks() == [2]


def test_function_rule_passes_on_none() -> None:
    wire = run_with(FunctionRule(lambda frame, now: drop() if frame.serialize()[14] == 3 else None))
    assert wire.marks() == [1, 2]


def test_bytes_on_wire_delivers_an_equal_frame_at_the_same_time() -> None:
    plain, parsed = Wire(), Wire(bytes_on_wire=True)
    frame = udp_frame()
    plain.send(frame)
    parsed.send(frame)
    plain.run()
    parsed.run()
    assert plain.arrived[0][1] is frame
    assert parsed.arrived[0][1] is not frame
    assert parsed.arrived[0][1].serialize() == frame.serialize()
    assert plain.times() == parsed.times()
