import io
import shutil
import subprocess
from pathlib import Path

import pytest

from fourtuple.capture.recorder import Annotator, PcapngRecorder
from fourtuple.capture.tap import TapPoint
from fourtuple.wire.address import V4_BASE, parse_ip
from fourtuple.wire.arp import ArpPacket
from fourtuple.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, EthernetFrame
from fourtuple.wire.extension import OPTION_ROUTER_ALERT, options_header
from fourtuple.wire.icmp import IcmpMessage
from fourtuple.wire.icmpv6 import Icmpv6Message
from fourtuple.wire.ipv4 import Ipv4Packet
from fourtuple.wire.ipv6 import Ipv6Packet
from fourtuple.wire.mld import MldReport
from fourtuple.wire.multicast import CHANGE_TO_EXCLUDE, MulticastRecord
from fourtuple.wire.ndp import (
    NdOptions,
    NeighbourAdvertisement,
    NeighbourSolicitation,
    RouterAdvertisement,
    RouterSolicitation,
)
from fourtuple.wire.packet import Payload, RawPayload
from fourtuple.wire.tcp import ACK, FIN, PSH, SYN, TcpSegment
from fourtuple.wire.tcp_options import TcpOptions
from fourtuple.wire.udp import UdpDatagram

EPOCH = 1_767_225_600 * 10**9
CLIENT = TapPoint(7, "client", "eth0")
SERVER = TapPoint(3, "server", "eth0")
LOOPBACK = TapPoint(4, "server", "lo", loopback=True)
CLIENT_IP, SERVER_IP = V4_BASE | 0x0A000001, V4_BASE | 0x0A000002


class Names(Annotator):
    def comment_sent(self, point: TapPoint, frame: EthernetFrame) -> str:
        return f"from {point.node}"

    def comment_delivered(self, point: TapPoint, frame: EthernetFrame) -> str:
        return f"to {point.node}"


def frame_of(protocol: int, payload: Payload, back: bool = False) -> EthernetFrame:
    source, destination = (SERVER_IP, CLIENT_IP) if back else (CLIENT_IP, SERVER_IP)
    packet = Ipv4Packet(source, destination, protocol, payload)
    return EthernetFrame(0x020000000002, 0x020000000001, ETHERTYPE_IPV4, packet)


def udp_frame() -> EthernetFrame:
    return frame_of(17, UdpDatagram(40000, 9, b"hello"))


def tshark(file: Path, *arguments: str) -> str:
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed")
    # Port 9 is discard's: no dissector of an application takes part.
    checks = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
    ]
    done = subprocess.run(
        [program, "-n", "-r", str(file), *checks, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def fields(file: Path, *names: str) -> list[list[str]]:
    arguments = [part for name in names for part in ("-e", name)]
    text = tshark(file, "-T", "fields", "-E", "aggregator=|", *arguments)
    return [line.split("\t") for line in text.splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.pcapng"


def recorder_to(path: Path, **options: object) -> PcapngRecorder:
    return PcapngRecorder(path.open("wb"), EPOCH, Names(), **options)  # type: ignore[arg-type]


def test_node_sees_what_it_sends_and_gets_with_names_times_and_comments(path: Path) -> None:
    recorder = recorder_to(path)
    recorder.sent(CLIENT, 1, udp_frame())
    recorder.delivered(SERVER, 10_000_001, udp_frame())
    recorder.close()
    names = ["frame.time_epoch", "frame.interface_name", "frame.interface_description", "frame.comment"]
    assert fields(path, *names, "frame.packet_flags_direction") == [
        ["1767225600.000000001", "client/eth0", "eth0 of client", "from client", "0x00000002"],
        ["1767225600.010000001", "server/eth0", "eth0 of server", "to server", "0x00000001"],
    ]
    assert recorder.packets == 2


def test_loopback_has_each_frame_once_with_both_comments(path: Path) -> None:
    recorder = recorder_to(path, arrivals=False)
    recorder.sent(LOOPBACK, 1, udp_frame())
    recorder.delivered(LOOPBACK, 2, udp_frame())
    recorder.close()
    assert fields(path, "frame.interface_name", "frame.comment") == [["server/lo", "from server|to server"]]


def test_lost_frame_is_shown_on_an_interface_of_its_own(path: Path) -> None:
    recorder = recorder_to(path)
    recorder.sent(CLIENT, 1, udp_frame())
    recorder.dropped(CLIENT, 1, udp_frame(), "random loss")
    recorder.dropped(CLIENT, 2, udp_frame(), "queue full")
    recorder.close()
    assert fields(path, "frame.interface_name", "frame.comment") == [
        ["client/eth0", "from client"],
        ["client/eth0 lost", "lost: random loss|from client"],
        ["client/eth0 lost", "lost: queue full|from client"],
    ]


def test_only_wanted_points_are_recorded(path: Path) -> None:
    recorder = recorder_to(path, wanted=lambda point: point.node == "server")
    for point in (CLIENT, SERVER):
        recorder.add_point(point)
        recorder.sent(point, 1, udp_frame())
        recorder.delivered(point, 2, udp_frame())
        recorder.dropped(point, 3, udp_frame(), "loss")
    recorder.close()
    rows = fields(path, "frame.interface_name")
    assert rows == [["server/eth0"], ["server/eth0"], ["server/eth0 lost"]]


def test_without_arrivals_each_frame_is_there_once(path: Path) -> None:
    recorder = recorder_to(path, arrivals=False)
    recorder.sent(CLIENT, 1, udp_frame())
    recorder.delivered(SERVER, 2, udp_frame())
    recorder.close()
    assert fields(path, "frame.interface_name") == [["client/eth0"]]


def test_flush_makes_everything_so_far_readable(path: Path) -> None:
    recorder = recorder_to(path)
    for now in range(3):
        recorder.sent(CLIENT, now, udp_frame())
    recorder.flush()
    size = path.stat().st_size
    recorder.close()
    assert path.stat().st_size == size
    assert len(fields(path, "frame.number")) == 3


def test_closed_recorder_records_nothing_more() -> None:
    file = io.BytesIO()
    recorder = PcapngRecorder(file, EPOCH, Annotator())
    recorder.sent(CLIENT, 1, udp_frame())
    recorder.close()
    recorder.sent(CLIENT, 1, udp_frame())
    recorder.delivered(SERVER, 1, udp_frame())
    recorder.dropped(CLIENT, 1, udp_frame(), "loss")
    recorder.flush()
    recorder.close()
    assert recorder.packets == 1
    assert file.closed


def test_annotator_without_knowledge_writes_no_comment(path: Path) -> None:
    recorder = PcapngRecorder(path.open("wb"), EPOCH, Annotator())
    recorder.sent(CLIENT, 1, udp_frame())
    recorder.delivered(SERVER, 1, udp_frame())
    recorder.close()
    assert fields(path, "frame.comment") == [[""], [""]]


def test_ipv6_exchange_has_no_complaint_of_tshark(path: Path) -> None:
    one, two = 0xFE80 << 112 | 1, 0xFE80 << 112 | 2
    group = parse_ip("ff02::1:ff00:2")

    def frame(protocol: int, payload: Payload, ttl: int = 64, destination: int = two) -> EthernetFrame:
        packet = Ipv6Packet(one, destination, protocol, payload)
        packet.ttl = ttl
        return EthernetFrame(0x020000000002, 0x020000000001, ETHERTYPE_IPV6, packet)

    source, target = NdOptions(), NdOptions()
    source.source_link = target.target_link = 0x020000000001
    report = frame(58, MldReport([MulticastRecord(CHANGE_TO_EXCLUDE, group, [])]), 1, parse_ip("ff02::16"))
    alert = options_header(0, [(OPTION_ROUTER_ALERT, b"\0\0")])
    assert isinstance(report.payload, Ipv6Packet)
    report.payload.extensions = [alert]
    datagram = UdpDatagram(40000, 9, bytes(1000)).serialize(one, two)
    pieces = [frame(17, RawPayload(datagram[:800])), frame(17, RawPayload(datagram[800:]))]
    for piece, offset in zip(pieces, (0, 800), strict=True):
        assert isinstance(piece.payload, Ipv6Packet)
        piece.payload.ident, piece.payload.fragment_offset = 77, offset
        piece.payload.more_fragments = offset == 0
    exchange = [
        report,
        frame(58, NeighbourSolicitation(two, source), 255, group),
        frame(58, NeighbourAdvertisement(one, False, True, True, target), 255),
        frame(58, RouterSolicitation(source), 255, parse_ip("ff02::2")),
        frame(58, RouterAdvertisement(1800, source), 255, parse_ip("ff02::1")),
        frame(58, Icmpv6Message(128, 0, 0x10001, b"ping")),
        frame(6, TcpSegment(40000, 9, 99, 0, SYN, 64240, b"", None)),
        *pieces,
    ]
    recorder = PcapngRecorder(path.open("wb"), EPOCH, Annotator())
    for now, each in enumerate(exchange):
        recorder.sent(CLIENT, now, each)
    recorder.close()
    summary = tshark(path, "-z", "expert,warn", "-q")
    assert "Errors" not in summary
    assert "Warns" not in summary
    assert "Malformed" not in tshark(path, "-V")
    names = ["icmpv6.checksum.status", "tcp.checksum.status", "udp.checksum.status", "udp.length"]
    assert [[cell for cell in row if cell] for row in fields(path, *names)] == [
        *[["1"]] * 7,
        [],
        ["1", "1008"],
    ]


def test_whole_exchange_has_no_complaint_of_tshark(path: Path) -> None:
    syn = TcpOptions()
    syn.mss, syn.sack_permitted, syn.timestamps, syn.ts_val, syn.wscale = 1460, True, True, 1, 7
    syn_ack = TcpOptions()
    syn_ack.mss, syn_ack.sack_permitted, syn_ack.timestamps, syn_ack.wscale = 1460, True, True, 7
    syn_ack.ts_val, syn_ack.ts_ecr = 9, 1
    stamp = TcpOptions()
    stamp.timestamps, stamp.ts_val, stamp.ts_ecr = True, 10, 10
    exchange = [
        EthernetFrame(0xFFFFFFFFFFFF, 1, ETHERTYPE_ARP, ArpPacket(1, 1, CLIENT_IP, 0, SERVER_IP)),
        EthernetFrame(1, 2, ETHERTYPE_ARP, ArpPacket(2, 2, SERVER_IP, 1, CLIENT_IP)),
        frame_of(6, TcpSegment(40000, 9, 99, 0, SYN, 64240, b"", syn)),
        frame_of(6, TcpSegment(9, 40000, 499, 100, SYN | ACK, 65160, b"", syn_ack), back=True),
        frame_of(6, TcpSegment(40000, 9, 100, 500, ACK, 502, b"", stamp)),
        frame_of(6, TcpSegment(40000, 9, 100, 500, ACK | PSH, 502, bytes(1448), stamp)),
        frame_of(6, TcpSegment(9, 40000, 500, 1548, ACK, 501, b"", stamp), back=True),
        frame_of(6, TcpSegment(40000, 9, 1548, 500, ACK | FIN, 502, b"", stamp)),
        frame_of(6, TcpSegment(9, 40000, 500, 1549, ACK | FIN, 501, b"", stamp), back=True),
        frame_of(6, TcpSegment(40000, 9, 1549, 501, ACK, 502, b"", stamp)),
        udp_frame(),
        frame_of(1, IcmpMessage(3, 3, 0, udp_frame().payload.serialize()), back=True),
        frame_of(1, IcmpMessage(8, 0, 0x10001, b"ping" * 14)),
        frame_of(1, IcmpMessage(0, 0, 0x10001, b"ping" * 14), back=True),
    ]
    recorder = PcapngRecorder(path.open("wb"), EPOCH, Annotator())
    for now, frame in enumerate(exchange):
        recorder.sent(CLIENT, now * 1_000_000, frame)
    recorder.close()
    summary = tshark(path, "-z", "expert,warn", "-q")
    assert "Errors" not in summary
    assert "Warns" not in summary
    names = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status"]
    statuses = {
        status for row in fields(path, *names) for cell in row for status in cell.split("|") if status
    }
    assert statuses == {"1"}
    assert "Malformed" not in tshark(path, "-V")
    assert [row[0] for row in fields(path, "tcp.len") if row[0]] == [
        "0",
        "0",
        "0",
        "1448",
        "0",
        "0",
        "0",
        "0",
    ]
