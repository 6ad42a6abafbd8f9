"""eventfd, timerfd, consoles, /dev/null, poll and select."""

import struct

from builders_kernel import OurHost, outcome

from fourtuple.clock.clock import MILLISECOND, SECOND
from fourtuple.kernel.file import O_RDONLY, O_RDWR, O_WRONLY
from fourtuple.kernel.poll import poll_descriptors, poll_files, select_files
from fourtuple.kernel.sockaddr import SOCK_STREAM
from fourtuple.kernel.stdio import ConsoleSink
from fourtuple.kernel.timerfd import CLOCK_MONOTONIC, CLOCK_REALTIME, TFD_TIMER_ABSTIME
from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT

BIG = (1 << 64) - 2


def test_eventfd_counts(either):
    e = either.eventfd(3, 0)
    assert e.poll() & (POLLIN | POLLOUT) == POLLIN | POLLOUT
    e.write((4).to_bytes(8, "little"))
    assert e.read(8) == (7).to_bytes(8, "little")
    assert outcome(lambda: e.read(8)) == "EAGAIN"
    assert e.poll() & (POLLIN | POLLOUT) == POLLOUT
    assert outcome(lambda: e.read(7)) == "EINVAL"
    assert outcome(lambda: e.write(b"short")) == "EINVAL"
    assert outcome(lambda: e.write(b"\xff" * 8)) == "EINVAL"


def test_eventfd_full_would_block(either):
    e = either.eventfd(0, 0)
    assert e.write(BIG.to_bytes(8, "little")) == 8
    assert e.poll() & (POLLIN | POLLOUT) == POLLIN
    assert outcome(lambda: e.write((1).to_bytes(8, "little"))) == "EAGAIN"
    assert e.read(8) == BIG.to_bytes(8, "little")


def test_eventfd_semaphore_gives_ones(either):
    e = either.eventfd(2, 1)
    assert [e.read(8), e.read(8)] == [(1).to_bytes(8, "little")] * 2
    assert outcome(lambda: e.read(8)) == "EAGAIN"


def test_eventfd_unknown_flag_is_refused(host):
    assert outcome(lambda: host.kernel.eventfd(0, 64)) == "EINVAL"


def ticks(timer) -> int | None:
    data = timer.read(8)
    return None if data is None else int.from_bytes(data, "little")


def run(host: OurHost, until: int) -> None:
    host.clock.run(until, 1000)
    host.clock.advance_to(until)


def test_timerfd_fires_once(host):
    timer = host.kernel.timerfd(CLOCK_MONOTONIC, 0)
    woken: list[int] = []
    host.watch(timer, woken)
    assert timer.set(0, 10 * MILLISECOND, 0) == (0, 0)
    assert timer.get() == (10 * MILLISECOND, 0)
    assert ticks(timer) is None
    assert timer.poll() == 0
    run(host, 10 * MILLISECOND)
    assert woken == [POLLIN]
    assert timer.poll() == POLLIN
    assert ticks(timer) == 1
    assert ticks(timer) is None
    assert timer.get() == (0, 0)


def test_timerfd_interval_counts_what_went_by(host):
    timer = host.kernel.timerfd(CLOCK_MONOTONIC, 0)
    timer.set(0, 10, 7)
    run(host, 25)
    assert timer.get() == (6, 7)
    assert ticks(timer) == 3
    run(host, 31)
    assert ticks(timer) == 1
    assert timer.set(0, 0, 0) == (7, 7)
    run(host, 100)
    assert ticks(timer) is None


def test_timerfd_absolute_wall_clock(host):
    timer = host.kernel.timerfd(CLOCK_REALTIME, 0)
    timer.set(TFD_TIMER_ABSTIME, host.kernel.epoch_ns + SECOND, 0)
    run(host, SECOND)
    assert ticks(timer) == 1


def test_timerfd_refusals(host):
    assert outcome(lambda: host.kernel.timerfd(99, 0)) == "EINVAL"
    timer = host.kernel.timerfd(CLOCK_MONOTONIC, 0)
    assert outcome(lambda: timer.read(4)) == "EINVAL"
    assert outcome(lambda: timer.set(8, 1, 0)) == "EINVAL"
    assert outcome(lambda: timer.set(0, -1, 0)) == "EINVAL"
    timer.set(0, 5, 0)
    timer.discard()
    assert not timer.timer.is_armed()


class Sink(ConsoleSink):
    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def written(self, data: bytes) -> None:
        self.writes.append(data)


def test_console_passes_on_and_waits_for_input(host):
    sink = Sink()
    console = host.kernel.console(O_RDWR, "console", sink)
    woken: list[int] = []
    host.watch(console, woken)
    assert console.write(b"out") == 3
    assert sink.writes == [b"out"]
    assert console.read(5) is None
    assert console.poll() & POLLIN == 0
    console.feed(b"line\nmore")
    assert woken[0] & POLLIN
    assert console.ioctl(0x541B, 0) == 9
    assert console.read(5) == b"line\n"
    assert console.read(9) == b"more"
    console.feed_eof()
    assert console.read(9) == b""
    assert console.poll() & POLLIN
    assert not console.isatty()
    assert outcome(lambda: console.ioctl(0x5401, 0)) == "ENOTTY"


def test_console_of_one_direction(host):
    assert outcome(lambda: host.kernel.console(O_RDONLY, "in", None).write(b"x")) == "EBADF"
    assert outcome(lambda: host.kernel.console(O_WRONLY, "out", None).read(1)) == "EBADF"


def test_null_device_takes_all_and_gives_nothing(host):
    null = host.kernel.null()
    assert null.read(5) == b""
    assert null.write(b"abc") == 3
    assert null.seek(5, 0) == 0


def test_poll_reports_errors_unasked(host):
    a, b = host.socketpair(SOCK_STREAM)
    reader, writer = host.pipe()
    b.close()
    reader.close()
    assert poll_files([(a.file, POLLIN), (writer.file, 0)]) == [POLLIN | POLLHUP, POLLERR]
    wanted = [(a.fd, POLLOUT), (-1, POLLIN), (b.fd, POLLIN)]
    assert poll_descriptors(host.process.fds, wanted) == [POLLOUT | POLLHUP, 0, POLLNVAL]


def test_select_takes_hang_up_for_readable(host):
    reader, writer = host.pipe()
    empty, _ = host.pipe()
    writer.close()
    result = select_files([reader.file, empty.file], [reader.file], [reader.file])
    assert result == ([True, False], [False], [False])


def test_interface_ioctls_fill_struct_ifreq(host):
    eth = host.stack.add_interface("eth0", 0x020000000007, 1400, None)
    host.stack.add_address(eth, 0xFFFF_0A000105, 24)
    s = host.socket(2, 2).socket

    def ask(request: int, name: bytes = b"eth0") -> bytes:
        return s.ioctl_buffer(request, name.ljust(40, b"\0"))[16:]

    assert ask(0x8915)[4:8] == bytes((10, 0, 1, 5))
    assert ask(0x891B)[4:8] == bytes((255, 255, 255, 0))
    assert ask(0x8919)[4:8] == bytes((10, 0, 1, 255))
    assert struct.unpack_from("<i", ask(0x8921))[0] == 1400
    assert struct.unpack_from("<i", ask(0x8933))[0] == 2
    assert ask(0x8927)[:8] == bytes((1, 0, 2, 0, 0, 0, 0, 7))
    assert struct.unpack_from("<H", ask(0x8913))[0] == 0x1043
    assert struct.unpack_from("<H", ask(0x8913, b"lo"))[0] == 0x49
    request = bytes(16) + (2).to_bytes(4, "little") + bytes(20)
    assert s.ioctl_buffer(0x8910, request)[:5] == b"eth0\0"
    assert outcome(lambda: ask(0x8915, b"eth7")) == "ENODEV"
    assert outcome(lambda: ask(0x1234)) == "ENOTTY"
    assert outcome(lambda: s.ioctl_buffer(0x8915, b"eth0")) == "EINVAL"
