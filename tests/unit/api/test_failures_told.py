"""What is said of programs that fail or wait for ever: host, process, time, and asyncio's tasks."""

import asyncio
import threading
import time

import pytest

from fourtuple import Network
from fourtuple.runtime.stuck import Stuck

PLACE = "It ended a fail[2] at 1.500000000 s of virtual time."


def fail():
    time.sleep(1.5)
    raise ValueError("no")


def test_the_exception_a_result_raises_names_host_process_and_virtual_time():
    with Network() as network:
        process = network.host("a").spawn(fail)
        network.run()
    for _ in range(2):
        with pytest.raises(ValueError, match="no") as caught:
            _ = process.result
        assert caught.value.__notes__ == [PLACE]


def test_what_a_program_prints_of_it_is_pythons_alone():
    with Network() as network:
        process = network.host("a").spawn(fail)
        network.run()
    lines = process.stderr.splitlines()
    assert (lines[0], lines[-1]) == ("Traceback (most recent call last):", "ValueError: no")
    assert not any("fourtuple/" in line for line in lines)


def test_a_live_run_shows_it_after_the_traceback(capsys):
    with Network(live=True) as network:
        network.host("a").spawn(fail)
        network.run()
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == ["a | ValueError: no", f"a | ValueError: {PLACE}"]


def test_leaving_on_purpose_is_no_failure():
    with Network() as network:
        process = network.host("a").spawn(exit, 3)
        network.run()
    assert (process.exitcode, process.stderr) == (3, "")


def test_a_loop_that_waits_for_ever_names_its_tasks_and_where_they_wait():
    async def inner():
        await asyncio.Event().wait()

    async def outer():
        task = asyncio.create_task(inner(), name="helper")
        await task

    with Network() as network:
        network.host("a").spawn(outer)
        with pytest.raises(Stuck) as caught:
            network.run()
    first, *tasks = caught.value.waiting
    assert first.startswith("a outer[2] MainThread: ")
    # Tasks are counted for the whole interpreter.
    assert tasks[0].startswith("    task Task-")
    assert tasks[1].startswith("    task helper:")
    assert tasks[0].endswith(" in outer")
    assert tasks[1].endswith(" in inner, calling asyncio.locks.Event.wait")
    assert all(__file__ in line for line in tasks)


def test_threads_of_the_os_that_begin_or_end_during_a_run_are_counted_outside():
    release = threading.Event()
    early = threading.Thread(target=release.wait, name="early")
    early.start()
    late = threading.Thread(target=lambda: None, name="late")

    def in_a_process():
        # While this process is switched in, threads of the OS begin and end.
        outside.append(threading.active_count())
        _busy_wait(0.3)
        return [thread.name for thread in threading.enumerate()]

    outside: list[int] = []

    def conduct():
        while not outside:
            time.sleep(0.001)
        release.set()
        late.start()
        late.join()

    conductor = threading.Thread(target=conduct, name="conductor")
    before = threading.active_count()
    with Network() as network:
        process = network.host("a").spawn(in_a_process)
        conductor.start()
        network.run()
    for thread in (conductor, early):
        thread.join()
    assert process.result == ["MainThread"]
    assert threading.active_count() == before - 1
    assert not {thread.name for thread in threading.enumerate()} & {"early", "late", "conductor"}


def _busy_wait(seconds: float) -> None:
    """Keeps the process switched in for a while of real time."""
    for _ in range(int(seconds * 2_000_000)):
        pass
