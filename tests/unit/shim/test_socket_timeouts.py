"""Timeouts of socket calls: of the object, of the file, in virtual time."""

import os
import socket
import struct
import threading
import time

import pytest

from fourtuple.shim.socket_timeout import (
    NO_TIMEOUT,
    duration,
    socket_timeout,
    timeout_seconds,
    whole_microseconds,
    whole_milliseconds,
)

SECOND = 1_000_000_000


def now() -> int:
    return time.monotonic_ns()


def timed_out(call, *args) -> int:
    """Virtual ns until ``call`` times out."""
    begin = now()
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        call(*args)
    return now() - begin


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, NO_TIMEOUT), (0, 0), (0.0, 0), (1, SECOND), (1e-10, 1), (0.1, 100_000_000), (True, SECOND)],
)
def test_timeout_is_rounded_up_to_nanoseconds(value, expected):
    assert socket_timeout(value) == expected


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-1, ValueError),
        (-1e-300, ValueError),
        (float("nan"), ValueError),
        (1e300, OverflowError),
        (2**70, OverflowError),
        ("1", TypeError),
        (1j, TypeError),
    ],
)
def test_bad_timeout_is_refused(value, error):
    with pytest.raises(error):
        socket_timeout(value)


def test_durations_of_other_units_and_roundings():
    assert duration(1.5, 1_000_000) == 1_500_000
    assert duration(-0.1, 10) == -1
    assert whole_milliseconds(1) == 1_000_000
    assert whole_milliseconds(2_000_000) == 2_000_000
    assert whole_microseconds(1001) == 2000
    assert timeout_seconds(NO_TIMEOUT) is None
    assert timeout_seconds(1_500_000_000) == 1.5


def test_receiving_calls_time_out_after_whole_milliseconds(world):
    def program():
        a, _b = socket.socketpair()
        a.settimeout(0.0101)
        return [
            timed_out(a.recv, 1),
            timed_out(a.recv_into, bytearray(1)),
            timed_out(a.recvfrom, 1),
            timed_out(a.recvmsg, 1),
            timed_out(a.recvmsg_into, [bytearray(1)]),
        ]

    assert world.call(program) == [11_000_000] * 5


def test_accept_and_connect_time_out(world):
    def program():
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(2)
        a = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        a.settimeout(3)
        return timed_out(listener.accept), timed_out(a.recv, 1)

    assert world.call(program) == (2 * SECOND, 3 * SECOND)


def test_sendall_has_one_deadline_for_the_whole(world):
    def program():
        a, b = socket.socketpair()

        def slowly_read():
            for _ in range(10):
                time.sleep(0.3)
                b.recv(10_000)

        reader = threading.Thread(target=slowly_read)
        reader.start()
        a.settimeout(1)
        waited = timed_out(a.sendall, bytes(10_000_000))
        reader.join()
        return waited

    assert world.call(program) == SECOND


def test_timeout_zero_fails_at_once_with_eagain(world):
    def program():
        a, _b = socket.socketpair()
        a.settimeout(0)
        with pytest.raises(BlockingIOError) as error:
            a.recv(1)
        return error.value.args, now()

    assert world.call(program) == ((11, "Resource temporarily unavailable"), 0)


def test_descriptor_made_nonblocking_by_number_is_so_for_the_object(world):
    def program():
        a, _b = socket.socketpair()
        os.set_blocking(a.fileno(), False)
        with pytest.raises(BlockingIOError):
            a.recv(1)
        return a.gettimeout(), a.getblocking()

    assert world.call(program) == (None, True)


def test_msg_dontwait_fails_at_once_on_a_blocking_socket(world):
    def program():
        a, _b = socket.socketpair()
        with pytest.raises(BlockingIOError):
            a.recv(1, socket.MSG_DONTWAIT)
        return now()

    assert world.call(program) == 0


def test_receive_timeout_option_ends_a_blocking_call_with_eagain(world):
    def program():
        a, b = socket.socketpair()
        a.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 500_000))
        with pytest.raises(BlockingIOError):
            a.recv(1)
        first = now()
        b.sendall(b"ab")
        return first, a.recv(5, socket.MSG_WAITALL), now()

    assert world.call(program) == (1_500_000_000, b"ab", 3_000_000_000)


def test_send_timeout_option_ends_a_blocking_send_with_what_went(world):
    def program():
        a, _b = socket.socketpair()
        a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 2, 0))
        sent = a.send(bytes(10_000_000))
        with pytest.raises(BlockingIOError):
            a.send(b"x")
        return 0 < sent < 10_000_000, now()

    assert world.call(program) == (True, 4 * SECOND)


def test_asking_in_vain_for_ever_lets_time_pass(world):
    def program():
        a, b = socket.socketpair()
        a.setblocking(False)
        writer = threading.Thread(target=lambda: (time.sleep(0.01), b.sendall(b"x")))
        writer.start()
        while True:
            try:
                return a.recv(1), now() < 20_000_000
            except BlockingIOError:
                pass

    assert world.call(program) == (b"x", True)


def test_stuck_receiver_is_named_with_its_call(world):
    from fourtuple.runtime.scheduler import Stuck

    def program():
        a, _b = socket.socketpair()
        a.recv(1)

    world.spawn(program)
    with pytest.raises(Stuck, match=r"recv on fd 3, u_str .* at .*test_socket_timeouts.py"):
        world.run()
