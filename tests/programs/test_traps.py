"""Traps met in real programs, each reduced to the few lines that fall into it."""

import _thread
import asyncio
import errno
import faulthandler
import gc
import inspect
import os
import select
import socket
import ssl
import struct
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import pytest
import trustme
from catalogue import need

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


def test_a_killed_process_says_nothing_when_its_loop_is_finalised(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # What other tests left is none of this one's.
    gc.collect()
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
        threading.Thread(target=leaves_a_task).start()

    def leaves_a_task() -> None:
        loop = asyncio.new_event_loop()
        left = [loop.create_task(forever())]
        loop.run_until_complete(asyncio.sleep(0.1))
        threading.Event().wait()
        left.clear()

    with Network(seed=1) as net:
        killed = net.host("host").spawn(in_two_threads)
        net.at("1s", lambda: killed.send_signal(15))
        net.run()
        assert killed.exitcode == -15
    tasks.clear()
    gc.collect()
    assert told == []
    assert [record.message for record in caplog.records] == []


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


ADAPTED = """
import sys
from zope.interface import Interface, implementer
from twisted.python.components import registerAdapter

word = sys.argv[1]

class Named(Interface):
    pass

@implementer(Named)
class Name:
    def __init__(self, text):
        self.told = word + " adapted " + text

registerAdapter(Name, str, Named)
print(Named("it").told)
"""


def test_adapters_of_one_process_are_not_found_by_another() -> None:
    """zope.interface takes interfaces of one name for one interface: treq's second process got the
    first one's Twisted. Scripts of one name have modules of one name."""
    need("twisted", "zope.interface")
    with Network(seed=1) as net:
        host = net.host("host")
        processes = [host.spawn(["python", "-c", ADAPTED, word]) for word in ("first", "second")]
        net.run()
        assert [(one.stdout, one.stderr) for one in processes] == [
            ("first adapted it\n", ""),
            ("second adapted it\n", ""),
        ]


THREADED = """
import asyncio
from asgiref.sync import sync_to_async

async def main():
    print(await asyncio.wait_for(sync_to_async(lambda: "done")(), 20))

asyncio.run(main())
"""


def test_the_executor_of_a_library_does_not_end_with_the_first_process() -> None:
    """asgiref keeps a ThreadPoolExecutor in a class: its thread ended with the process that began it."""
    need("asgiref")
    with Network(seed=1) as net:
        host = net.host("host")
        processes = [host.spawn(["python", "-c", THREADED]) for _ in range(2)]
        net.run(until="60s")
        assert [(one.stdout, one.stderr) for one in processes] == [("done\n", "")] * 2


def run(program, **options):
    with Network(seed=1) as net:
        host = net.host("host", ["10.0.0.1", "fd00::1"])
        process = host.spawn(program, **options)
        net.run()
        assert process.exitcode == 0, process.stderr
        return process


def test_select_on_pipes_and_sockets_together():
    """waitress' trigger, Twisted's waker: a pipe beside the sockets wakes the loop from a thread."""

    def program():
        reading, writing = os.pipe()
        listener = socket.create_server(("", 80))
        threading.Timer(1, os.write, (writing, b"x")).start()
        before = select.select([reading, listener], [], [], 0.5)
        woken = select.select([reading, listener], [], [])[0]
        client = socket.create_connection(("localhost", 80))
        both = select.select([listener, reading], [client, writing], [client], 0)
        kept = os.read(reading, 10)
        return before, woken == [reading], both == ([listener, reading], [client, writing], []), kept

    assert run(program).result == (([], [], []), True, True, b"x")


def test_sendfile_is_there_and_used_by_default():
    """pyftpdlib sends files by os.sendfile, socket.sendfile and shutil choose it by themselves."""
    content = bytes(range(256)) * 400

    def program():
        one, two = socket.socketpair()
        received = []
        reader = threading.Thread(target=lambda: received.append(two.makefile("rb").read()))
        reader.start()
        with tempfile.TemporaryFile() as file:
            file.write(content)
            sent = os.sendfile(one.fileno(), file.fileno(), 3, 1000)
            sent += one.sendfile(file, 1003)
        one.shutdown(socket.SHUT_WR)
        reader.join()
        return sent, received[0] == content[3:]

    assert run(program).result == (len(content) - 3, True)


def test_threads_begun_below_threading_are_counted_and_gone_when_joined():
    def program():
        done = _thread.allocate_lock()
        done.acquire()

        def work():
            time.sleep(1)
            done.release()

        counts = [_thread._count()]
        _thread.start_new_thread(work, ())
        counts.append(_thread._count())
        done.acquire()
        counts.append(_thread._count())
        thread = threading.Thread(target=time.sleep, args=(1,))
        thread.start()
        dangling = len(threading._dangling)
        counts.append(_thread._count())
        thread.join()
        counts.append(_thread._count())
        del thread
        return [count - counts[0] for count in counts], len(threading._dangling) - dangling

    assert run(program).result == ([0, 1, 0, 1, 0], -1)


def test_interfaces_are_listed_as_those_of_the_host():
    ifaddr = pytest.importorskip("ifaddr")
    psutil = pytest.importorskip("psutil")

    def program():
        adapters = {each.name: [ip.ip for ip in each.ips] for each in ifaddr.get_adapters()}
        listed = {
            name: [each.address for each in addresses if each.family == socket.AF_INET]
            for name, addresses in psutil.net_if_addrs().items()
        }
        return adapters, listed, sorted(name for _, name in socket.if_nameindex())

    adapters, listed, names = run(program).result
    assert names == ["eth0", "lo"]
    assert "10.0.0.1" in adapters["eth0"]
    assert "127.0.0.1" in adapters["lo"]
    assert listed == {"lo": ["127.0.0.1"], "eth0": ["10.0.0.1"]}


def test_who_was_asked_and_what_failed_come_with_the_message():
    """aiocoap: PKTINFO for the address a question came to, the error queue for those that were lost."""

    def program():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, 25, 1)  # IPV6_RECVERR
        sock.bind(("::", 5683))
        asker = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        asker.sendto(b"question", ("fd00::1", 5683))
        data, ((level, kind, info),), _, _ = sock.recvmsg(100, 100)
        asked = socket.inet_ntop(socket.AF_INET6, info[:16]), struct.unpack("i", info[16:])[0]
        sock.sendto(b"lost", ("::1", 9))
        poll = select.poll()
        poll.register(sock, 0)
        ready = poll.poll(1000)
        lost, control, flags, peer = sock.recvmsg(100, 512, socket.MSG_ERRQUEUE)
        found = [struct.unpack("IBBBBII", each[:16])[:3] for _, kind, each in control if kind == 25]
        return (
            (data, level, kind, *asked),
            (ready[0][1], lost, bool(flags & socket.MSG_ERRQUEUE), peer[:2], found),
        )

    came, failed = run(program).result
    assert came == (b"question", socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, "fd00::1", 2)
    assert failed == (select.POLLERR, b"lost", True, ("::1", 9), [(errno.ECONNREFUSED, 3, 1)])


def test_sockets_nobody_closed_are_told_as_cpython_tells_it():
    def program():
        def leak():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("10.0.0.1", 53))

        leak()
        kept = socket.socket()
        assert kept

    script = textwrap.dedent(inspect.getsource(program)).replace("def program", "import socket\ndef program")
    process = run([sys.executable, "-W", "always", "-c", f"{script}\nprogram()"])
    leak = "unclosed <socket.socket fd=3, family=2, type=2, proto=0, laddr=('10.0.0.1', 53)>"
    assert process.stderr.splitlines()[0] == f"<string>:7: ResourceWarning: {leak}"
    assert process.stderr.count("ResourceWarning: unclosed <socket.socket ") == 2
    # From a function of the outside there is no line of the program that lets go.
    with_function = run(program, env={"PYTHONWARNINGS": "always"})
    assert "fourtuple" not in with_function.stderr


def test_sockets_on_descriptors_that_are_already_there():
    def program():
        first = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        fd = first.detach()
        again = socket.socket(fileno=fd)
        copy = again.dup()
        shared = socket.socket(fileno=os.dup(fd))
        facts = [(each.family, each.type, each.proto) for each in (again, copy, shared)]
        copy.bind(("::1", 5000))
        names = [each.getsockname()[:2] for each in (again, shared)]
        inherited = copy.get_inheritable()
        closed = first.fileno(), repr(first)
        for each in (again, copy, shared):
            each.close()
        try:
            socket.socket(fileno=fd)
        except OSError as error:
            return facts, names, inherited, closed, error.errno

    facts, names, inherited, closed, number = run(program).result
    assert facts == [(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_UDP)] * 3
    assert names == [("::1", 5000)] * 2
    assert not inherited
    assert closed == (-1, "<socket.socket [closed] fd=-1, family=10, type=2, proto=0>")
    assert number == errno.EBADF


def test_frames_traces_and_dumps_of_simulated_threads():
    def program():
        traced = []

        def tracer(frame, event, argument):
            if frame.f_code.co_name == "work" and event == "call":
                traced.append((threading.current_thread().name, event))

        def work():
            time.sleep(1)

        threading.setprofile(tracer)
        worker = threading.Thread(target=work, name="worker")
        worker.start()
        threading.setprofile(None)
        time.sleep(0.5)
        frames = sys._current_frames()
        functions = {frames[thread.ident].f_code.co_name for thread in threading.enumerate()}
        with tempfile.TemporaryFile("w+") as file:
            faulthandler.dump_traceback(file, all_threads=False)
            file.seek(0)
            dump = file.read()
        worker.join()
        return traced, functions, "in program" in dump

    assert run(program).result == ([("worker", "call")], {"work", "program"}, True)


def test_gunicorn_is_refused_with_what_to_use_instead(tmp_path: Path) -> None:
    (tmp_path / "gunicorn").mkdir()
    (tmp_path / "gunicorn" / "__init__.py").touch()
    (tmp_path / "gunicorn" / "arbiter.py").touch()
    with Network(seed=1) as net:
        process = net.host("host").spawn(["python", "-c", "import gunicorn.arbiter"], cwd=tmp_path)
        net.run()
    assert process.exitcode == 1
    assert "gunicorn.arbiter cannot run in a simulated process: it forks" in process.stderr


def test_openssl_is_not_given_the_number_of_a_simulated_descriptor() -> None:
    SSL = pytest.importorskip("OpenSSL.SSL", reason="not installed: pyopenssl")  # noqa: N806

    def program() -> str:
        with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(OSError, match="DTLS") as refused:
            SSL.Connection(SSL.Context(SSL.DTLS_METHOD), sock)
        return str(refused.value)

    with Network(seed=1) as net:
        process = net.host("host").spawn(program)
        net.run()
        assert "bio_read" in process.result, process.stderr


def stamp_of_a_record() -> int:
    from aiokafka.record.default_records import DefaultRecordBatchBuilder

    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1000)
    return batch.append(0, None, b"key", b"value", []).timestamp


def test_an_extension_that_reads_the_time_in_c_reads_the_hosts() -> None:
    need("aiokafka")
    with Network(seed=1) as net:
        process = net.host("a").spawn(stamp_of_a_record, start="5s")
        net.run()
    assert process.result == 1_767_225_605_000
    assert stamp_of_a_record() > process.result
