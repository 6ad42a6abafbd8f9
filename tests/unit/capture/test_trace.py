import pytest

from fourtuple.capture.tap import TapPoint
from fourtuple.capture.trace import DELIVERED, DROPPED, SENT, Trace
from fourtuple.wire.address import V4_BASE
from fourtuple.wire.arp import ArpPacket
from fourtuple.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, EthernetFrame, parse_frame
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.tcp import ACK, TcpSegment
from fourtuple.wire.tcp_options import TcpOptions
from fourtuple.wire.udp import UdpDatagram

A = TapPoint(1, "a", "eth0")
B = TapPoint(2, "b", "eth0")


def tcp_frame(seq: int = 1, payload: bytes = b"hello") -> EthernetFrame:
    options = TcpOptions()
    options.timestamps = True
    options.ts_val = 7
    segment = TcpSegment(1000, 80, seq, 2, ACK, 500, payload, options)
    return EthernetFrame(1, 2, ETHERTYPE_IPV4, Ipv4Packet(V4_BASE | 1, V4_BASE | 2, 6, segment))


def udp_frame(payload: bytes = b"hello") -> EthernetFrame:
    packet = Ipv4Packet(V4_BASE | 1, V4_BASE | 2, 17, UdpDatagram(1000, 53, payload))
    return EthernetFrame(1, 2, ETHERTYPE_IPV4, packet)


def arp_frame(target: int = V4_BASE | 2) -> EthernetFrame:
    return EthernetFrame(1, 2, ETHERTYPE_ARP, ArpPacket(1, 2, V4_BASE | 1, 0, target))


def digest_of(*events: tuple[object, ...]) -> str:
    trace = Trace()
    for verb, *rest in events:
        getattr(trace, str(verb))(*rest)
    return trace.digest()


def test_same_events_have_the_same_digest() -> None:
    def run() -> str:
        return digest_of(
            ("sent", A, 0, tcp_frame()),
            ("delivered", B, 5, tcp_frame()),
            ("dropped", A, 6, udp_frame(), "loss"),
        )

    assert run() == run()
    assert len(run()) == 32


def test_frames_re_parsed_from_bytes_have_the_same_digest() -> None:
    frames = [tcp_frame(), udp_frame(), arp_frame()]
    frames[0].payload.payload.origin = object()
    trace, parsed = Trace(), Trace()
    for now, frame in enumerate(frames):
        trace.sent(A, now, frame)
        trace.delivered(B, now + 9, frame)
        parsed.sent(A, now, frame)
        parsed.delivered(B, now + 9, parse_frame(frame.serialize()))
    assert trace.digest() == parsed.digest()


@pytest.mark.parametrize(
    "other",
    [
        ("sent", A, 1, tcp_frame()),
        ("sent", B, 0, tcp_frame()),
        ("delivered", A, 0, tcp_frame()),
        ("dropped", A, 0, tcp_frame(), ""),
        ("sent", A, 0, tcp_frame(seq=2)),
        ("sent", A, 0, tcp_frame(payload=b"hellO")),
        ("sent", A, 0, udp_frame()),
        ("sent", A, 0, udp_frame(b"hellO")),
        ("sent", A, 0, arp_frame()),
        ("sent", A, 0, arp_frame(V4_BASE | 3)),
    ],
)
def test_event_that_differs_in_one_thing_has_another_digest(other: tuple[object, ...]) -> None:
    assert digest_of(other) != digest_of(("sent", A, 0, tcp_frame()))
    assert digest_of(other) == digest_of(other)


def test_reason_of_a_drop_counts() -> None:
    assert digest_of(("dropped", A, 0, tcp_frame(), "loss")) != digest_of(
        ("dropped", A, 0, tcp_frame(), "queue")
    )


def test_order_counts() -> None:
    one, two = ("sent", A, 0, tcp_frame(1)), ("sent", A, 0, tcp_frame(2))
    assert digest_of(one, two) != digest_of(two, one)


def test_digest_read_on_the_way_changes_nothing() -> None:
    trace, asked = Trace(), Trace()
    for now in range(2000):
        verb = ("sent", "delivered", "dropped")[now // 600 % 3]
        reason = ("loss",) if verb == "dropped" else ()
        getattr(trace, verb)(A, now, tcp_frame(now), *reason)
        getattr(asked, verb)(A, now, tcp_frame(now), *reason)
        if now % 700 == 0:
            asked.digest()
    assert trace.digest() == asked.digest()
    assert trace.digest() == trace.digest()


def test_events_are_kept_only_when_asked() -> None:
    frame = tcp_frame()
    trace, forgetful = Trace(keep=True), Trace()
    for tap in (trace, forgetful):
        tap.sent(A, 1, frame)
        tap.delivered(B, 2, frame)
        tap.dropped(A, 3, frame, "loss")
    assert forgetful.events == []
    assert [(e.time, e.point, e.verb, e.frame, e.reason) for e in trace.events] == [
        (1, A, SENT, frame, ""),
        (2, B, DELIVERED, frame, ""),
        (3, A, DROPPED, frame, "loss"),
    ]
    assert forgetful.digest() == trace.digest()


def test_event_prints_where_when_and_what() -> None:
    trace = Trace(keep=True)
    trace.dropped(A, 3, udp_frame(), "loss")
    assert repr(trace.events[0]).startswith("3 a/eth0 dropped (loss) EthernetFrame(")
    assert repr(A) == "TapPoint(1, a/eth0)"
