"""``resource`` in a simulated process: its own limits, not those of the interpreter it runs in."""

import errno
import os
import resource
import socket
from collections.abc import Callable

import pytest

from fourtuple import Network


def inside(program: Callable[[], object], uid: int = 0) -> object:
    with Network(seed=1) as net:
        process = net.host("a", address="10.0.0.1").spawn(program, uid=uid)
        net.run()
        assert process.exitcode == 0, process.stderr
        return process.result


def test_lowered_descriptor_limit_gives_emfile_and_leaves_the_real_one() -> None:
    real = resource.getrlimit(resource.RLIMIT_NOFILE)

    def program() -> tuple[int, int]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))
        held = [socket.socket() for _ in range(3)]
        with pytest.raises(OSError, match="Too many open files") as refused:
            socket.socket()
        return refused.value.errno, held[-1].fileno()

    assert inside(program) == (errno.EMFILE, 5)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == real


def test_raised_descriptor_limit_lets_a_process_hold_more() -> None:
    def program() -> int:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3000, 3000))
        return [socket.socket() for _ in range(2000)][-1].fileno()

    assert inside(program) == 2002


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ((10, 5), "current limit exceeds maximum"),
        ((10, 600_000), "not allowed to raise"),
        ((1,), "tuple of 2"),
    ],
)
def test_bad_limits_are_refused_as_by_python(limits: tuple[int, ...], text: str) -> None:
    def program() -> None:
        with pytest.raises(ValueError, match=text):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    inside(program, uid=1000)


def test_prlimit_answers_the_old_limits_of_another_process() -> None:
    def program() -> object:
        with pytest.raises(ProcessLookupError):
            resource.prlimit(99, resource.RLIMIT_NOFILE)
        before = resource.prlimit(0, resource.RLIMIT_NOFILE, (5, 9))
        return before, resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE)

    assert inside(program) == ((1024, 524288), (5, 9))


def test_usage_is_none_and_does_not_tell_of_the_real_machine() -> None:
    assert inside(lambda: resource.getrusage(resource.RUSAGE_SELF).ru_utime) == 0.0
