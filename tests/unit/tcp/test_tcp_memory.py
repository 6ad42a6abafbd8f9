"""Receive memory: what segments are charged with, and what gives way when it is used up."""

from __future__ import annotations

from tests.unit.tcp.builders_tcp import MS, SECOND, Host, established

from fourtuple.stack.truesize import linear_room, linear_truesize, received_truesize, room_left


def test_truesize_of_received_packets_is_what_linux_charges() -> None:
    """Payload and charge as measured on 6.18, packets injected through tun."""
    measured = {
        1: 832,
        152: 832,
        153: 1280,
        600: 1280,
        601: 2304,
        1460: 2304,
        1600: 2304,
        1684: 4352,
        2920: 4352,
        3993: 8448,
        5000: 8448,
        8000: 12544,
        12000: 16640,
        20000: 20736,
        65000: 65792,
    }
    assert {length: received_truesize(length + 40) for length in measured} == measured


def test_room_left_is_within_the_buffer() -> None:
    for length in range(1, 4000):
        assert linear_room(length) >= 0
        assert linear_truesize(length + linear_room(length)) == linear_truesize(length)
    assert room_left(5040) == 0


def fill(host: Host, size: int, count: int) -> None:
    for _ in range(count):
        host.inject(".", host.tcb.rcv_nxt - host.tcb.irs, 1, b"x" * size)
        host.ip.sent.clear()


def test_reading_gives_memory_back_buffer_by_buffer() -> None:
    host = established()
    fill(host, 1460, 4)
    assert host.tcb.rmem == 4 * 2304
    host.tcb.recv(1459, False)
    assert host.tcb.rmem == 4 * 2304
    host.tcb.recv(1, False)
    assert host.tcb.rmem == 3 * 2304
    host.tcb.recv(10_000, False)
    assert host.tcb.rmem == 0
    host.tcb.close()
    assert host.tcp.layer.memory_pages == host.tcp.layer.memory_users == 0


def test_a_locked_buffer_over_its_limit_is_copied_together() -> None:
    host = established()
    fill(host, 153, 60)
    before = host.tcb.rmem
    host.tcb.rcvbuf = 4608
    fill(host, 1460, 2)
    counters = host.tcp.counters
    assert counters.rcv_collapsed > 10
    assert host.tcb.rmem < before
    assert host.tcb.recv(100_000, False) == b"x" * host.tcb.bytes_received


def test_out_of_order_data_gives_way_to_what_comes_before_it() -> None:
    host = established()
    host.tcb.rcvbuf = 16384
    for number in range(24):
        host.inject(".", 1001 + 500 * number, 1, b"y" * 300)
    counters = host.tcp.counters
    assert counters.ofo_drop > 0
    kept = len(host.tcb.ooo)
    host.inject(".", 701, 1, b"z" * 200)
    assert counters.ofo_pruned == 1
    assert len(host.tcb.ooo) < kept
    assert host.tcb.ooo[0].data == b"z" * 200
    assert host.tcb.rmem == sum(piece.cost for piece in host.tcb.ooo)


def test_automatic_buffers_grow_before_anything_is_dropped() -> None:
    host = Host(tcp_rmem=(4096, 8192, 65536)).connect(delay=10 * MS)
    for number in range(40):
        host.inject(".", 3 + 2 * number, 1, b"x")
    assert 8192 < host.tcb.rcvbuf_bytes <= 65536
    assert host.tcp.counters.ofo_pruned == host.tcp.counters.ofo_drop == 0


def test_pressure_holds_windows_down_until_it_is_over() -> None:
    host = Host(tcp_mem=(4, 8, 1000)).connect(delay=10 * MS)
    layer = host.tcp.layer
    fill(host, 1460, 40)
    assert layer.memory_pressure
    assert host.tcp.counters.memory_pressures == 1
    assert host.tcb.rcv_ssthresh <= 4 * host.tcb.advmss
    host.tcb.recv(100_000, False)
    assert not layer.memory_pressure
    assert layer.memory_pages == 0


def test_without_any_memory_left_the_window_is_closed_at_once() -> None:
    host = Host(tcp_mem=(1, 1, 2), tcp_rmem=(2304, 131072, 131072)).connect(delay=10 * MS)
    fill(host, 1460, 3)
    host.inject(".", host.tcb.rcv_nxt - host.tcb.irs, 1, b"x" * 1460)
    assert host.tcp.counters.rcvq_drop > 0
    assert host.segments()[-1].window == 0
    host.tcb.recv(100_000, False)
    fill(host, 1460, 1)
    assert host.tcb.received_bytes == 1460


def test_an_orphan_without_memory_is_reset() -> None:
    host = Host(tcp_mem=(1, 1, 2)).connect(delay=10 * MS)
    host.tcb.send(b"x" * 20_000, 0)
    assert host.tcp.layer.memory_pages > 2
    host.packets()
    host.tcb.close()
    assert host.sent()[-1].startswith("R.")
    assert host.tcp.counters.abort_on_memory == 1
    host.run(SECOND)
    assert host.tcp.layer.memory_pages == 0
