"""asyncio as its users use it: each program once on the live kernel, once on a simulated host."""

import asyncio
import concurrent.futures
import contextvars
import os
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

import pytest

from fourtuple import Network, drop
from fourtuple.wire.ipv6 import Ipv6Packet

BIG = bytes(range(256)) * 1500


async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def streams():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    writer.writelines([b"one ", b"two\n"])
    line = await reader.readline()
    writer.write(b"exactly!until;rest")
    found = [line, await reader.readexactly(8), await reader.readuntil(b";")]
    writer.write_eof()
    found += [await reader.read(), reader.at_eof()]
    try:
        await reader.readexactly(1)
    except asyncio.IncompleteReadError as error:
        found.append((error.partial, error.expected))
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    try:
        await asyncio.open_connection(host, port)
    except ConnectionRefusedError as error:
        found.append(error.args[0])
    return found


async def unix_streams(name):
    server = await asyncio.start_unix_server(echo, name)
    reader, writer = await asyncio.open_unix_connection(name)
    writer.write(b"x")
    writer.write_eof()
    found = [await reader.read(), writer.get_extra_info("peername")]
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return found


async def unix_path():
    with tempfile.TemporaryDirectory() as directory:
        found = await unix_streams(f"{directory}/s")
        found[1] = os.path.basename(found[1])
    return found


async def unix_abstract():
    return await unix_streams("\0fourtuple-parity")


class Note(asyncio.Protocol):
    def __init__(self, done):
        self.events = []
        self.done = done

    def connection_made(self, transport):
        self.transport = transport
        self.events.append("made")

    def data_received(self, data):
        self.events.append(data)

    def eof_received(self):
        self.events.append("eof")

    def connection_lost(self, error):
        self.events.append(("lost", error and type(error).__name__))
        self.done.set_result(self.events)


async def protocols():
    loop = asyncio.get_running_loop()
    ends = [loop.create_future(), loop.create_future()]
    server = await loop.create_server(lambda: Note(ends[0]), "127.0.0.1", 0)
    _, client = await loop.create_connection(lambda: Note(ends[1]), *server.sockets[0].getsockname())
    client.transport.write(b"hello")
    client.transport.write_eof()
    found = await asyncio.gather(*ends)
    server.close()
    return found


async def an_abort_is_a_reset():
    loop = asyncio.get_running_loop()
    ends = [loop.create_future(), loop.create_future()]
    server = await loop.create_server(lambda: Note(ends[0]), "127.0.0.1", 0)
    _, client = await loop.create_connection(lambda: Note(ends[1]), *server.sockets[0].getsockname())
    await asyncio.sleep(0.02)
    sock = client.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.transport.abort()
    found = await asyncio.gather(*ends)
    server.close()
    return found


class Flow(asyncio.Protocol):
    def __init__(self):
        self.calls = []

    def connection_made(self, transport):
        transport.set_write_buffer_limits(high=10_000, low=1_000)
        self.transport = transport

    def pause_writing(self):
        self.calls.append("pause")

    def resume_writing(self):
        self.calls.append("resume")


async def flow_control():
    loop = asyncio.get_running_loop()
    total = 4_000_000
    got = loop.create_future()

    async def slow(reader, writer):
        await asyncio.sleep(0.05)
        got.set_result(len(await reader.read(-1)))
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    transport, flow = await loop.create_connection(Flow, *server.sockets[0].getsockname())
    transport.write(bytes(total))
    transport.write_eof()
    size = await got
    server.close()
    transport.close()
    return size == total, flow.calls[0], flow.calls[-1], transport.get_write_buffer_limits()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self):
        self.queue = asyncio.Queue()

    def datagram_received(self, data, address):
        self.queue.put_nowait(data)

    def error_received(self, error):
        self.queue.put_nowait(type(error).__name__)


async def datagrams():
    loop = asyncio.get_running_loop()
    one, first = await loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", 0))
    two, second = await loop.create_datagram_endpoint(
        Datagrams, remote_addr=one.get_extra_info("sockname"), family=socket.AF_INET
    )
    two.sendto(b"ping")
    found = [await first.queue.get()]
    one.sendto(b"pong", two.get_extra_info("sockname"))
    found.append(await second.queue.get())
    one.close()
    await asyncio.sleep(0.01)
    two.sendto(b"nobody")
    found.append(await second.queue.get())
    two.close()
    return found


async def reuse_port():
    loop = asyncio.get_running_loop()
    one, _ = await loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", 0), reuse_port=True)
    address = one.get_extra_info("sockname")
    two, _ = await loop.create_datagram_endpoint(Datagrams, address, reuse_port=True)
    try:
        await loop.create_datagram_endpoint(Datagrams, address)
    except OSError as error:
        found = error.errno
    servers = [await asyncio.start_server(echo, "127.0.0.1", 0, reuse_port=True)]
    port = servers[0].sockets[0].getsockname()[1]
    servers.append(await asyncio.start_server(echo, "127.0.0.1", port, reuse_port=True))
    for each in (one, two, *servers):
        each.close()
    return found


async def multicast():
    loop = asyncio.get_running_loop()

    def receiver():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("224.0.0.199", 20_199))
        member = socket.inet_aton("224.0.0.199") + socket.inet_aton("127.0.0.1")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        return sock

    ends = [await loop.create_datagram_endpoint(Datagrams, sock=receiver()) for _ in range(2)]
    sender, _ = await loop.create_datagram_endpoint(Datagrams, ("127.0.0.1", 0))
    sock = sender.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    sender.sendto(b"to all", ("224.0.0.199", 20_199))
    found = [await protocol.queue.get() for _, protocol in ends]
    for transport, _ in ends:
        transport.close()
    sender.close()
    return found


async def sock_calls():
    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)

    async def serve():
        sock, _ = await loop.sock_accept(listener)
        with sock, tempfile.TemporaryFile() as file:
            buffer = bytearray(100)
            count = await loop.sock_recv_into(sock, buffer)
            await loop.sock_sendall(sock, bytes(buffer[:count]) * 3)
            file.write(BIG)
            file.seek(0)
            return await loop.sock_sendfile(sock, file, 100, 50_000)

    task = asyncio.create_task(serve())
    with listener, socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, listener.getsockname())
        await loop.sock_sendall(sock, b"abc")
        data = b""
        while part := await loop.sock_recv(sock, 10_000):
            data += part
        return data == b"abcabcabc" + BIG[100:50_100], await task


async def sock_datagrams():
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        await loop.sock_sendto(one, b"first", two.getsockname())
        data, address = await loop.sock_recvfrom(two, 100)
        await loop.sock_sendto(one, b"second", two.getsockname())
        buffer = bytearray(3)
        count, again = await loop.sock_recvfrom_into(two, buffer)
        try:
            async with asyncio.timeout(0.01):
                await loop.sock_recv(two, 10)
        except TimeoutError:
            return data, address == again == one.getsockname(), count, bytes(buffer)


async def sendfile():
    loop = asyncio.get_running_loop()
    sent = loop.create_future()

    async def serve(reader, writer):
        with tempfile.TemporaryFile() as file:
            file.write(BIG)
            sent.set_result(await loop.sendfile(writer.transport, file, 5))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    data = await reader.read()
    writer.close()
    server.close()
    return data == BIG[5:], await sent


async def readers_and_writers():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    one, two = socket.socketpair()
    done = loop.create_future()
    seen = []

    def readable(fd):
        seen.append(os.read(fd, 10))
        if len(seen) == 2:
            done.set_result(None)

    loop.add_reader(reading, readable, reading)
    loop.add_reader(two, readable, two.fileno())

    def writable():
        seen_removed = loop.remove_writer(one)
        one.send(b"by the socket" if seen_removed else b"")

    loop.add_writer(one, writable)
    loop.call_later(0.01, os.write, writing, b"by a pipe")
    await done
    found = sorted(seen), loop.remove_reader(reading), loop.remove_reader(two), loop.remove_reader(two)
    for each in (one, two):
        each.close()
    os.close(reading)
    os.close(writing)
    return found


async def pipes():
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
    )
    sender, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(writing, "wb", 0))
    sender.write(b"through")
    sender.close()
    data = await reader.read()
    transport.close()
    return data


async def servers_end():
    closed = []

    async def hold(reader, writer):
        closed.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        address = server.sockets[0].getsockname()
        task = asyncio.create_task(server.serve_forever())
        reader, writer = await asyncio.open_connection(*address)
        await asyncio.sleep(0.02)
        serving = server.is_serving()
        if sys.version_info >= (3, 13):
            server.close_clients()
            closed.append(await reader.read())
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            closed.append("cancelled")
        writer.close()
    return serving, server.is_serving(), closed


async def signals():
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        loop.add_signal_handler(number, queue.put_nowait, number.name)
    loop.call_later(0.01, os.kill, os.getpid(), signal.SIGUSR1)
    loop.call_later(0.02, os.kill, os.getpid(), signal.SIGUSR2)
    found = [await queue.get(), await queue.get()]
    return found, [loop.remove_signal_handler(each) for each in (signal.SIGUSR1, signal.SIGUSR1)]


async def groups_and_timeouts():
    found = []

    async def fail(after):
        await asyncio.sleep(after)
        raise ValueError(after)

    async def wait():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            found.append("cancelled")
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(0.01))
            group.create_task(wait())
    except* ValueError as errors:
        found.append([error.args for error in errors.exceptions])
    try:
        async with asyncio.timeout(0.01) as limit:
            await wait()
    except TimeoutError:
        found.append(limit.expired())
    try:
        await asyncio.wait_for(wait(), 0.01)
    except TimeoutError:
        found.append("wait_for")
    done, pending = await asyncio.wait(
        [asyncio.ensure_future(asyncio.sleep(0.01, 1)), asyncio.ensure_future(asyncio.sleep(0.5, 2))],
        return_when=asyncio.FIRST_COMPLETED,
    )
    found.append(([each.result() for each in done], len(pending)))
    for each in pending:
        each.cancel()
    return found


async def threads():
    loop = asyncio.get_running_loop()
    name = contextvars.ContextVar("name", default="unset")
    name.set("mine")
    future = loop.create_future()

    def outside():
        time.sleep(0.01)
        loop.call_soon_threadsafe(future.set_result, threading.current_thread() is threading.main_thread())

    threading.Thread(target=outside).start()

    def back():
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01, "back"), loop).result()

    found = [await future, await asyncio.to_thread(name.get), await loop.run_in_executor(None, back)]
    with concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="mine") as pool:
        found += await asyncio.gather(
            *[loop.run_in_executor(pool, lambda: threading.current_thread().name[:4]) for _ in range(4)]
        )
    try:
        await loop.run_in_executor(None, int, "x")
    except ValueError as error:
        found.append(str(error))
    return found


async def children():
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; data = sys.stdin.read(); print(data.upper()); print('no', file=sys.stderr); sys.exit(3)",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    found = [await child.communicate(b"in"), child.returncode]
    forever = "import time\nprint(1, flush=True)\nwhile 1: time.sleep(100)"
    for end in ("kill", "terminate"):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", forever, stdout=asyncio.subprocess.PIPE
        )
        line = await child.stdout.readline()
        try:
            await asyncio.wait_for(child.wait(), 0.01)
        except TimeoutError:
            getattr(child, end)()
        found.append((line, await child.wait()))
    return found


async def eager_tasks():
    if sys.version_info < (3, 12):
        return None
    order = []

    async def work(number):
        order.append(number)
        await asyncio.sleep(0)
        order.append(-number)

    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    tasks = [asyncio.create_task(work(number)) for number in (1, 2)]
    order.append("made")
    await asyncio.gather(*tasks)
    return order


async def exceptions_nobody_took():
    loop = asyncio.get_running_loop()
    told = []
    loop.set_exception_handler(lambda loop, context: told.append(context["message"]))

    async def fail():
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0.001)
    del task
    loop.call_soon(int, "x")
    await asyncio.sleep(0.001)
    return [text.partition("(")[0] for text in told]


PROGRAMS = [
    streams,
    unix_path,
    unix_abstract,
    protocols,
    an_abort_is_a_reset,
    flow_control,
    datagrams,
    reuse_port,
    multicast,
    sock_calls,
    sock_datagrams,
    sendfile,
    readers_and_writers,
    pipes,
    servers_end,
    signals,
    groups_and_timeouts,
    threads,
    children,
    eager_tasks,
    exceptions_nobody_took,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_sees_the_same_on_both(program):
    def run():
        return asyncio.run(asyncio.wait_for(program(), 20))

    with Network() as network:
        process = network.host("h").spawn(run)
        network.run()
        assert (process.exitcode, process.stderr) == (0, "")
    assert process.result == run()
    for thread in threading.enumerate():
        # On 3.11 those that wait for children.
        if thread is not threading.main_thread():
            thread.join(5)


def test_ctrl_c_ends_asyncio_run_after_its_cleanup():
    async def main():
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(1)
            print("cleaned up", time.monotonic())

    def program():
        threading.Timer(1, signal.raise_signal, (signal.SIGINT,)).start()
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")

    with Network() as network:
        process = network.host("h").spawn(program)
        network.run()
    assert process.stdout == "cleaned up 2.0\ninterrupted\n"


def test_slow_callbacks_are_told_in_virtual_time():
    async def main():
        asyncio.get_running_loop().call_soon(time.sleep, 0.5)
        await asyncio.sleep(1)

    with Network() as network:
        process = network.host("h").spawn(lambda: asyncio.run(main(), debug=True))
        network.run()
    assert process.stderr.startswith("Executing <Handle sleep(0.5) ")
    assert process.stderr.endswith(" took 0.500 seconds\n")


def test_a_runner_keeps_its_loop_and_context():
    name = contextvars.ContextVar("name", default=0)

    async def add():
        name.set(name.get() + 1)
        return name.get(), asyncio.get_running_loop()

    def program():
        with asyncio.Runner() as runner:
            (one, first), (two, second) = runner.run(add()), runner.run(add())
            return one, two, first is second

    with Network() as network:
        process = network.host("h").spawn(program)
        network.run()
    assert process.result == (1, 2, True)


@pytest.mark.parametrize(("delay", "seconds"), [(None, 3), (0.25, 0.25), (2, 2)])
def test_happy_eyeballs_pass_over_an_ipv6_that_is_silent(delay, seconds):
    """IPv6 packets get lost, those of neighbour discovery too, which gives up after three seconds."""

    async def main():
        before = time.monotonic()
        _, writer = await asyncio.open_connection("server", 80, happy_eyeballs_delay=delay)
        found = writer.get_extra_info("peername")
        writer.close()
        return found, time.monotonic() - before

    async def serve():
        async with await asyncio.start_server(echo, None, 80) as server:
            await server.serve_forever()

    with Network() as network:
        server = network.host("server", ["10.0.0.1", "fd00::1"])
        client = network.host("client", ["10.0.0.2", "fd00::2"])
        link = network.link(server, client, latency="10ms")
        link.add_rule(lambda frame, now: drop() if isinstance(frame.payload, Ipv6Packet) else None)
        server.spawn(serve, daemon=True)
        process = client.spawn(main, start="1s")
        network.run()
        assert process.result[0] == ("10.0.0.1", 80)
        assert process.result[1] == pytest.approx(seconds, abs=1)
