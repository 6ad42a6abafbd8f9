"""Timers as descriptors (``os.timerfd_create``, Python 3.13), and descriptors that are mapped."""

import asyncio
import mmap
import os
import select
import time

import pytest

needs_timerfd = pytest.mark.skipif(not hasattr(os, "timerfd_create"), reason="os has it since Python 3.13")


@needs_timerfd
def test_timer_fires_in_virtual_time(world):
    def program():
        fd = os.timerfd_create(time.CLOCK_MONOTONIC)
        before = os.timerfd_settime(fd, initial=2.5, interval=1.0)
        first = int.from_bytes(os.read(fd, 8), "little"), time.monotonic()
        time.sleep(3.25)
        missed = int.from_bytes(os.read(fd, 8), "little")
        left = os.timerfd_gettime_ns(fd)
        return before, first, missed, left, os.get_inheritable(fd)

    before, (count, at), missed, (left, interval), inheritable = world.call(program)
    assert (before, count, missed, interval, inheritable) == ((0.0, 0.0), 1, 3, 10**9, False)
    assert at == pytest.approx(2.5, abs=1e-4)
    assert left == pytest.approx(75 * 10**7, abs=10**5)


@needs_timerfd
def test_timer_is_waited_for_as_any_descriptor(world):
    def program():
        fd = os.timerfd_create(time.CLOCK_REALTIME, flags=os.TFD_NONBLOCK)
        os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=time.time_ns() + 2 * 10**9)
        with pytest.raises(BlockingIOError):
            os.read(fd, 8)
        ready = select.select([fd], [], [], 9)[0] == [fd], round(time.monotonic(), 2)

        async def wait():
            os.timerfd_settime(fd, initial=1.0)
            fired = asyncio.Event()
            asyncio.get_running_loop().add_reader(fd, fired.set)
            await fired.wait()
            return round(time.monotonic(), 2)

        return ready, asyncio.run(wait())

    assert world.call(program) == ((True, 2.0), 3.0)


@needs_timerfd
@pytest.mark.parametrize(
    ("call", "number"),
    [
        (lambda: os.timerfd_create(99), "Invalid argument"),
        (lambda: os.timerfd_gettime(0), "Invalid argument"),
        (lambda: os.timerfd_gettime(99), "Bad file descriptor"),
        (lambda: os.timerfd_settime(os.timerfd_create(1), initial=-1.0), "Invalid argument"),
    ],
)
def test_timer_errors(world, call, number):
    def program():
        with pytest.raises(OSError, match=number):
            call()
        return True

    assert world.call(program)


def test_a_mapped_descriptor_is_the_processes(world, tmp_path):
    file = tmp_path / "data"
    file.write_bytes(b"mapped file")

    def program():
        found = []
        fd = os.open(file, os.O_RDONLY)
        os.dup2(fd, 7)
        for number in (fd, 7):
            with mmap.mmap(number, 0, access=mmap.ACCESS_READ) as mapping:
                found.append((mapping[:6], type(mapping) is mmap.mmap))
        for number in (0, 99):
            with pytest.raises(OSError, match=r"No such device|Bad file") as raised:
                mmap.mmap(number, 10)
            found.append(raised.value.strerror)
        return found

    outside = mmap.mmap(-1, 10)
    assert world.call(program) == [(b"mapped", True)] * 2 + ["No such device", "Bad file descriptor"]
    assert isinstance(outside, mmap.mmap)
    outside.close()
