"""fcntl and ioctl on simulated descriptors."""

import fcntl
import os
import socket
import struct

import pytest

CASES = [
    "fcntl.ioctl(a, 0x541B, bytes(4))",
    "fcntl.ioctl(a, 0x541B, bytes(8))",
    "fcntl.ioctl(a, 0x541B, b'x')",
    "fcntl.ioctl(a, 0x541B, buffer), bytes(buffer)",
    "fcntl.ioctl(a, 0x541B, buffer, False), bytes(buffer)",
    "fcntl.ioctl(a, 0x541B)",
    "fcntl.ioctl(a, 0x5421, 1)",
    "fcntl.ioctl(a, 0x5421, b'\\1\\0\\0\\0'), os.get_blocking(a.fileno())",
    "fcntl.ioctl(a, 0x5450), os.get_inheritable(a.fileno())",
    "fcntl.ioctl(a, 0x5451), os.get_inheritable(a.fileno())",
    "fcntl.ioctl(a, 0x5413, bytes(8))",
    "fcntl.ioctl(-1, 0x541B)",
    "fcntl.fcntl(a, fcntl.F_GETFL)",
    "fcntl.fcntl(a, fcntl.F_SETFL, os.O_NONBLOCK), fcntl.fcntl(a, fcntl.F_GETFL)",
    "fcntl.fcntl(a, fcntl.F_GETFD)",
    "fcntl.fcntl(a, fcntl.F_SETFD, 0), fcntl.fcntl(a, fcntl.F_GETFD)",
    "fcntl.fcntl(a, 999)",
    "fcntl.fcntl(a, fcntl.F_DUPFD, -1)",
    "fcntl.fcntl(-1, fcntl.F_GETFL)",
    "fcntl.fcntl('x', fcntl.F_GETFL)",
    "fcntl.fcntl(500, fcntl.F_GETFL)",
    "fcntl.fcntl(a, fcntl.F_GETPIPE_SZ)",
    "fcntl.fcntl(w, fcntl.F_GETPIPE_SZ)",
    "fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 5000)",
    "fcntl.fcntl(r, fcntl.F_GETFL), fcntl.fcntl(w, fcntl.F_GETFL)",
    "fcntl.flock(500, fcntl.LOCK_EX)",
    "fcntl.lockf(500, fcntl.LOCK_EX)",
]


def outcome(text: str) -> object:
    a, b = socket.socketpair()
    r, w = os.pipe()
    with a, b:
        b.send(b"xyz")
        try:
            return eval(text, {**globals(), "a": a, "r": r, "w": w, "buffer": bytearray(6)})
        except Exception as error:
            return type(error), error.args
        finally:
            os.close(r)
            os.close(w)


@pytest.mark.parametrize("text", CASES)
def test_call_answers_as_the_real_one(world, text):
    expected = outcome(text)
    assert world.call(outcome, text) == expected


def test_duplicate_takes_the_lowest_number_asked_for(world):
    def program():
        a, b = socket.socketpair()
        number = fcntl.fcntl(a, fcntl.F_DUPFD_CLOEXEC, 10)
        os.write(number, b"x")
        return number, b.recv(1), os.get_inheritable(number)

    assert world.call(program) == (10, b"x", False)


def test_interface_address_is_found_by_ioctl(world):
    def program():
        with socket.socket() as one:
            reply = fcntl.ioctl(one, 0x8915, struct.pack("40s", b"lo"))
        return socket.inet_ntoa(reply[20:24])

    assert world.call(program) == "127.0.0.1"


def test_locks_are_for_real_files(world, tmp_path):
    def program():
        with open(tmp_path / "file", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            copy = fcntl.fcntl(file, fcntl.F_DUPFD, 0)
            os.close(copy)
        a, _b = socket.socketpair()
        with pytest.raises(OSError, match="Invalid argument"):
            fcntl.flock(a, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="Invalid argument"):
            fcntl.lockf(a, fcntl.LOCK_EX)
        return copy > 100

    assert world.call(program) is True
