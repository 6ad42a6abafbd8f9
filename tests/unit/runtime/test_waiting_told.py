"""The report of a run that cannot go on: who waits for what, where."""

import asyncio
import os
import queue
import re
import select
import socket
import threading
import time

import pytest

from fourtuple import Network, Stuck


def report(program):
    """The lines of the report without the place's directory."""
    with Network() as network:
        network.host("h", "10.0.0.1").spawn(program)
        with pytest.raises(Stuck) as caught:
            network.run()
    return [re.sub(r" at \S*/(\w+\.py):\d+", r" at \1", line) for line in caught.value.waiting]


def line_of(lines, name):
    (line,) = [line for line in lines if f" {name}: " in line]
    return line.partition(f" {name}: ")[2]


def started(**targets):
    for name, target in targets.items():
        threading.Thread(target=target, name=name).start()


def test_what_threads_wait_for_is_named():
    def program():
        lock, condition, reentrant = threading.Lock(), threading.Condition(), threading.RLock()
        lock.acquire()
        reentrant.acquire()

        def wait():
            with condition:
                condition.wait()

        def again():
            own = threading.Lock()
            own.acquire()
            own.acquire()

        def short_lived():
            taken.acquire()

        taken = threading.Lock()
        threading.Thread(target=short_lived).start()
        time.sleep(1)
        started(
            locked=lambda: lock.acquire(),
            reentrant=lambda: reentrant.acquire(),
            condition=wait,
            again=again,
            abandoned=lambda: taken.acquire(),
            got=lambda: queue.Queue().get(),
            event=lambda: threading.Event().wait(),
            barrier=lambda: threading.Barrier(2).wait(),
        )
        last = threading.Thread(target=threading.Event().wait, name="last")
        last.start()
        last.join()

    lines = report(program)
    here = " at test_waiting_told.py in"
    assert line_of(lines, "locked") == f"Lock.acquire, taken by MainThread{here} <lambda>"
    assert line_of(lines, "reentrant") == f"Lock.acquire, taken by MainThread{here} <lambda>"
    assert line_of(lines, "condition") == f"Lock.acquire{here} wait, calling threading.Condition.wait"
    assert line_of(lines, "again") == f"Lock.acquire, taken by this thread itself{here} again"
    assert line_of(lines, "abandoned") == f"Lock.acquire, taken by a thread that has ended{here} <lambda>"
    assert line_of(lines, "got").endswith("calling queue.Queue.get")
    assert line_of(lines, "event").endswith("calling threading.Event.wait")
    assert line_of(lines, "barrier").endswith("calling threading.Barrier.wait")
    assert line_of(lines, "MainThread") == (
        f"Thread.join of last{here} program, calling threading.Thread.join"
    )
    assert not [line for line in lines if "circle" in line]


def test_threads_that_wait_for_each_other_are_told_as_a_circle():
    def program():
        locks = [threading.Lock() for _ in range(3)]

        def take(number):
            with locks[number]:
                time.sleep(1)
                with locks[(number + 1) % 3]:
                    pass

        threads = [threading.Thread(target=take, args=(n,), name=f"T{n}") for n in range(3)]
        for thread in threads:
            thread.start()
        threads[0].join()

    lines = report(program)
    assert lines[-1] == "in a circle, so that none can go on: T0 waits for T1 waits for T2 waits for T0"
    assert len([line for line in lines if "circle" in line]) == 1


def test_a_thread_that_joins_who_waits_for_its_lock_is_a_circle():
    def program():
        lock = threading.Lock()
        other = threading.Thread(target=lambda: lock.acquire(), name="other")
        with lock:
            other.start()
            other.join()

    lines = report(program)
    assert lines[-1].endswith(": MainThread waits for other waits for MainThread")


def test_sockets_are_told_with_state_and_addresses():
    def program():
        listener = socket.create_server(("10.0.0.1", 80))
        client = socket.create_connection(("10.0.0.1", 80))
        accepted, _ = listener.accept()
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("10.0.0.1", 53))
        reading, _ = os.pipe()
        epoll = select.epoll()
        epoll.register(listener)
        epoll.register(datagrams, select.EPOLLIN)
        poll = select.poll()
        poll.register(reading, select.POLLIN)
        started(
            recv=lambda: client.recv(1) or accepted,
            accept=lambda: listener.accept(),
            udp=lambda: datagrams.recvfrom(1),
            select=lambda: select.select([datagrams, reading], [], []),
            epoll=lambda: epoll.poll(),
            poll=lambda: poll.poll(),
        )

    lines = report(program)
    assert re.match(r"recv on fd 4, tcp ESTAB 10\.0\.0\.1:\d+ 10\.0\.0\.1:80 at ", line_of(lines, "recv"))
    assert line_of(lines, "accept").startswith("accept on fd 3, tcp LISTEN 10.0.0.1:80 0.0.0.0:* at ")
    assert "fd 6 udp UNCONN 10.0.0.1:53" in line_of(lines, "select")
    assert "fd 7 a pipe that can be written by program[2] as fd 8" in line_of(lines, "select")
    assert "fd 3 tcp LISTEN 10.0.0.1:80 0.0.0.0:*; fd 6 udp UNCONN" in line_of(lines, "epoll")
    assert "a pipe that can be written by program[2] as fd 8" in line_of(lines, "poll")


def test_tasks_of_asyncio_are_told_with_what_they_await():
    async def program():
        lock = asyncio.Lock()
        await lock.acquire()
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(lambda reader, writer: None, "10.0.0.1", 80)
        listener = socket.create_server(("10.0.0.1", 81))
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, listener.getsockname())

        async def read():
            await loop.sock_recv(sock, 1)

        async def locked():
            async with lock:
                pass

        async def threaded():
            await asyncio.to_thread(threading.Event().wait)

        async with asyncio.TaskGroup() as group:
            for work in (read, locked, threaded, asyncio.Queue().get, server.serve_forever):
                group.create_task(work(), name=work.__name__)

    lines = [line.strip() for line in report(program)]
    here = "waits at test_waiting_told.py in"
    assert f"task read: {here} read, calling asyncio.selector_events.BaseSelectorEventLoop.sock_recv" in lines
    assert any(line.startswith(f"task locked: {here} locked, calling asyncio.locks.") for line in lines)
    assert f"task threaded: {here} threaded, calling asyncio.threads.to_thread" in lines
    assert "task get: waits at queues.py in get" in lines
    assert "fd 6 tcp LISTEN 10.0.0.1:80" in lines[0]
    assert "u_str" not in lines[0]


def test_tasks_of_trio_are_told_though_its_loop_wakes_daily():
    trio = pytest.importorskip("trio")

    def program():
        async def waiting():
            await trio.Event().wait()

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(waiting, name="first")
                nursery.start_soon(trio.sleep, 100_000)

        trio.run(main)

    lines = [line.strip() for line in report(program)]
    here = "waits at test_waiting_told.py in"
    assert lines[1].endswith(f"main: {here} main, calling trio._core._run.NurseryManager.__aexit__")
    assert lines[2] == f"task first: {here} waiting, calling trio._sync.Event.wait"
    assert len(lines) == 3
