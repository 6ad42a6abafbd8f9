"""Traps met in real programs, each reduced to the few lines that fall into it."""

import asyncio
import gc
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest
import trustme

from fourtuple import Network
from fourtuple.runtime.own_packages import dependants


def test_an_asynchronous_generator_is_finalized_by_the_loop_it_ran_in() -> None:
    """asyncio's hooks are a thread's own; here all threads are one of the OS."""
    kept = []
    closed: list[str] = []

    async def left_open(name: str, seconds: float) -> None:
        async def forever():
            try:
                while True:
                    yield
            finally:
                closed.append(name)

        await asyncio.sleep(seconds)
        generator = forever()
        kept.append(generator)
        await anext(generator)
        await asyncio.sleep(1)

    with Network(seed=1) as net:
        host = net.host("host")
        first = host.spawn(left_open, "first", 0.5)
        second = host.spawn(left_open, "second", 0.2, start="100ms")
        net.run()
        assert (first.stderr, second.stderr) == ("", "")
        assert closed == ["second", "first"]


def test_a_tls_socket_that_is_dropped_is_closed_at_once() -> None:
    """socketserver closes the socket it accepted, and leaves its TLS to the reference count."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("server").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    def answer(connection: socket.socket) -> None:
        tls = context.wrap_socket(connection, server_side=True)
        tls.sendall(tls.recv(100).upper())

    def server() -> None:
        gc.disable()
        with socket.create_server(("", 443)) as listener:
            answer(listener.accept()[0])
            threading.Event().wait()

    def client() -> list[bytes]:
        plain = socket.create_connection(("server", 443), timeout=10)
        with trusting.wrap_socket(plain, server_hostname="server") as tls:
            tls.sendall(b"word")
            return [tls.recv(100), tls.recv(100)]

    with Network(seed=1) as net:
        net.link(net.host("server"), net.host("client"), latency="5ms")
        net.hosts["server"].spawn(server, daemon=True)
        asking = net.hosts["client"].spawn(client, start="1ms")
        net.run()
        assert asking.result == [b"WORD", b""], asking.stderr


def test_a_killed_process_says_nothing_when_its_loop_is_finalised(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    tasks: list[asyncio.Task[None]] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    async def forever() -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await asyncio.Event().wait()

    def in_two_threads() -> None:
        threading.Thread(target=asyncio.new_event_loop().run_forever).start()
        threading.Thread(target=asyncio.run, args=(forever(),)).start()

    with Network(seed=1) as net:
        killed = net.host("host").spawn(in_two_threads)
        net.at("1s", lambda: killed.send_signal(15))
        net.run()
        assert killed.exitcode == -15
    # What makes a task complain that it was destroyed.
    assert [task._log_destroy_pending for task in tasks] == [False]
    tasks.clear()
    gc.collect()
    assert told == []


def distribution(place: Path, name: str, package: str, *needs: str) -> None:
    folder = place / f"{name}-1.0.dist-info"
    folder.mkdir()
    fields = [f"Name: {name}", *(f"Requires-Dist: {need}" for need in needs)]
    (folder / "METADATA").write_text("\n".join(fields) + "\n\nA description.\n")
    (folder / "RECORD").write_text(f"{package}/__init__.py,,\n{package}/inner/__init__.py,,\n../bin/x,,\n")


def test_packages_that_need_one_of_a_process_own_are_its_own(tmp_path: Path) -> None:
    """Scrapy keeps the reactor of whichever Twisted it met first."""
    distribution(tmp_path, "Twisted", "twisted", "attrs>=22")
    distribution(tmp_path, "crawler", "crawl", "twisted[tls]>=21; python_version > '3'")
    distribution(tmp_path, "crawler_more", "crawl_more", "crawler")
    distribution(tmp_path, "other", "other", "attrs", 'Twisted; extra == "twisted"')
    assert dependants([str(tmp_path), str(tmp_path / "nowhere")]) == {"crawl", "crawl_more"}
    (tmp_path / "Twisted-1.0.dist-info" / "METADATA").unlink()
    (tmp_path / "Twisted-1.0.dist-info" / "RECORD").unlink()
    (tmp_path / "Twisted-1.0.dist-info").rmdir()
    assert dependants([str(tmp_path)]) == set()
