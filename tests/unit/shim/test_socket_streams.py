"""TCP and unix streams of simulated programs: connecting, sending, receiving, closing."""

import errno
import io
import os
import socket
import threading
import time

import pytest

from fourtuple.shim.dispatch import current_process

ADDRESS = ("127.0.0.1", 9000)


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection over the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def in_thread(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


def test_connected_pair_exchanges_data_and_names(world):
    def program():
        listener = socket.create_server(ADDRESS)
        client = socket.create_connection(ADDRESS)
        server, address = listener.accept()
        client.sendall(b"hello")
        received = server.recv(100)
        server.sendall(received.upper())
        answer = client.recv(100)
        return (
            received,
            answer,
            address == client.getsockname(),
            server.getpeername() == address,
            client.getpeername(),
            server.getsockname(),
            [one.fileno() for one in (listener, client, server)],
        )

    assert world.call(program) == (
        b"hello",
        b"HELLO",
        True,
        True,
        ADDRESS,
        ADDRESS,
        [3, 4, 5],
    )


def test_data_takes_the_time_of_the_loopback(world):
    def program():
        client, server = pair()
        begin = time.monotonic_ns()
        client.sendall(b"x")
        server.recv(1)
        return time.monotonic_ns() - begin

    # There and, before the next call looks, the acknowledgment back.
    assert world.call(program) == 20_000


def test_accepted_socket_blocks_though_its_listener_has_a_timeout(world):
    def program():
        listener = socket.create_server(ADDRESS)
        listener.settimeout(5)
        client = socket.create_connection(ADDRESS)
        server, _ = listener.accept()
        return server.gettimeout(), os.get_blocking(server.fileno()), client.gettimeout()

    assert world.call(program) == (None, True, None)


def test_refused_connection_raises_and_leaves_no_descriptor(world):
    def program():
        with pytest.raises(ConnectionRefusedError, match=r"\[Errno 111\] Connection refused"):
            socket.create_connection(ADDRESS)
        with socket.socket() as again:
            return again.fileno(), again.connect_ex(ADDRESS)

    assert world.call(program) == (3, errno.ECONNREFUSED)


def test_nonblocking_connect_is_in_progress_then_connected(world):
    def program():
        with socket.create_server(ADDRESS):
            client = socket.socket()
            client.setblocking(False)
            results = [client.connect_ex(ADDRESS)]
            results.append(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            results.append(client.connect_ex(ADDRESS))
            results.append(client.connect_ex(ADDRESS))
            return results

    # Over the loopback never EALREADY, on Linux neither.
    assert world.call(program) == [errno.EINPROGRESS, 0, 0, errno.EISCONN]


def test_timed_connect_succeeds_within_its_time(world):
    def program():
        with socket.create_server(ADDRESS):
            client = socket.create_connection(ADDRESS, timeout=3)
            return client.gettimeout(), time.monotonic() < 0.001

    assert world.call(program) == (3.0, True)


def test_blocking_connect_joins_one_begun_before(world):
    def program():
        with socket.create_server(ADDRESS):
            client = socket.socket()
            client.setblocking(False)
            assert client.connect_ex(ADDRESS) == errno.EINPROGRESS
            client.setblocking(True)
            client.connect(ADDRESS)
            return client.getpeername()

    assert world.call(program) == ADDRESS


def test_blocking_send_takes_all_and_nonblocking_what_fits(world):
    def program():
        client, server = pair()
        client.setblocking(False)
        first = fitting = client.send(bytes(10_000_000))
        # What the receiver has taken leaves room for more.
        with pytest.raises(BlockingIOError):  # noqa: PT012  the first to fail
            while True:
                fitting += client.send(bytes(10_000_000))
        client.setblocking(True)

        def drain():
            count = 0
            while data := server.recv(1 << 20):
                count += len(data)
            counts.append(count)

        counts = []
        reader = in_thread(drain)
        rest = client.send(bytes(5_000_000))
        client.close()
        reader.join()
        return 0 < first < 10_000_000, rest, counts[0] == fitting + rest

    assert world.call(program) == (True, 5_000_000, True)


def test_sendall_passes_on_every_byte_in_order(world):
    data = bytes(range(256)) * 20_000

    def program():
        client, server = pair()
        sender = in_thread(lambda: (client.sendall(memoryview(data)), client.close()))
        received = bytearray()
        while part := server.recv(100_000):
            received += part
        sender.join()
        return bytes(received)

    assert world.call(program) == data


def test_recv_with_waitall_gathers_all_and_ends_at_the_close(world):
    def program():
        client, server = pair()

        def trickle():
            for part in (b"ab", b"cd", b"ef", b"g"):
                time.sleep(0.01)
                client.sendall(part)
            client.close()

        sender = in_thread(trickle)
        first = server.recv(5, socket.MSG_WAITALL)
        when = time.monotonic()
        buffer = bytearray(10)
        count = server.recv_into(buffer, 0, socket.MSG_WAITALL)
        sender.join()
        return first, round(when, 3), count, bytes(buffer[:count])

    assert world.call(program) == (b"abcde", 0.03, 2, b"fg")


def test_recv_peeking_with_waitall_waits_and_takes_nothing(world):
    def program():
        client, server = pair()
        client.sendall(b"ab")
        sender = in_thread(lambda: (time.sleep(0.01), client.sendall(b"cd")))
        peeked = server.recv(4, socket.MSG_PEEK | socket.MSG_WAITALL)
        sender.join()
        return peeked, server.recv(10)

    assert world.call(program) == (b"abcd", b"abcd")


def test_recv_waits_for_as_much_as_rcvlowat(world):
    def program():
        client, server = pair()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 3)
        client.sendall(b"a")
        sender = in_thread(lambda: (time.sleep(0.01), client.sendall(b"bcd")))
        data = server.recv(100)
        sender.join()
        return data

    assert world.call(program) == b"abcd"


def test_recv_after_the_peers_end_gives_nothing_again_and_again(world):
    def program():
        client, server = pair()
        client.sendall(b"last")
        client.shutdown(socket.SHUT_WR)
        received = [server.recv(10), server.recv(10), server.recv(10)]
        server.sendall(b"still open")
        return received, client.recv(100)

    assert world.call(program) == ([b"last", b"", b""], b"still open")


def test_reset_is_told_once_and_then_the_pipe_is_broken(world):
    def program():
        client, server = pair()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        server.close()
        time.sleep(0.001)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        with pytest.raises(BrokenPipeError):
            client.send(b"x")
        return client.recv(1)

    assert world.call(program) == b""


def test_closing_while_another_thread_receives_leaves_that_call_alone(world):
    def program():
        client, server = pair()
        got = []
        reader = in_thread(lambda: got.append(server.recv(10)))
        time.sleep(0.01)
        server.close()
        client.sendall(b"late")
        reader.join()
        return got, server.fileno()

    assert world.call(program) == ([b"late"], -1)


def test_two_threads_in_accept_get_one_connection_each(world):
    def program():
        listener = socket.create_server(ADDRESS)
        got = []
        threads = [in_thread(lambda: got.append(listener.accept()[0].recv(1))) for _ in range(2)]
        clients = [socket.create_connection(ADDRESS) for _ in range(2)]
        for client, letter in zip(clients, (b"a", b"b"), strict=True):
            client.sendall(letter)
        for thread in threads:
            thread.join()
        return sorted(got)

    assert world.call(program) == [b"a", b"b"]


def test_accept_without_free_descriptor_leaves_the_connection_waiting(world):
    def program():
        limits = current_process().limits
        listener = socket.create_server(ADDRESS)
        client = socket.create_connection(ADDRESS)
        limits.nofile = client.fileno() + 1
        with pytest.raises(OSError, match="Too many open files"):
            listener.accept()
        limits.nofile = 1024
        return listener.accept()[1] == client.getsockname()

    assert world.call(program) is True


def test_makefile_reads_lines_and_keeps_the_connection_after_close(world):
    def program():
        client, server = pair()
        with client.makefile("rwb") as stream:
            client.close()
            server.sendall(b"one\ntwo\n")
            lines = [stream.readline(), stream.readline()]
            stream.write(b"three")
            stream.flush()
            lines.append(server.recv(10))
        return lines, server.recv(10)

    assert world.call(program) == ([b"one\n", b"two\n", b"three"], b"")


def test_sendfile_sends_a_real_file_and_an_imagined_one(world, tmp_path):
    (tmp_path / "data").write_bytes(b"0123456789" * 1000)

    def program():
        client, server = pair()
        with open(tmp_path / "data", "rb") as file:
            counts = [client.sendfile(file, offset=10, count=5000)]
        counts.append(client.sendfile(io.BytesIO(b"abc")))
        client.close()
        received = b""
        while part := server.recv(10000):
            received += part
        return counts, received == b"0123456789" * 500 + b"abc"

    assert world.call(program) == ([5000, 3], True)


def test_duplicates_share_the_connection_and_its_blocking_mode(world):
    def program():
        client, server = pair()
        copy = client.dup()
        raw = socket.socket(fileno=socket.dup(client.fileno()))
        adopted = (raw.family, raw.type, raw.proto, raw.gettimeout())
        client.close()
        copy.sendall(b"x")
        raw.settimeout(0)
        return server.recv(1), adopted, os.get_blocking(copy.fileno())

    assert world.call(program) == (
        b"x",
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, None),
        False,
    )


def test_detached_descriptor_lives_on(world):
    def program():
        client, server = pair()
        number = client.detach()
        os.write(number, b"by number")
        received = server.recv(20)
        os.close(number)
        return received, client.fileno(), server.recv(1)

    assert world.call(program) == (b"by number", -1, b"")


def test_default_timeout_is_of_the_process_that_set_it(world):
    def setting():
        socket.setdefaulttimeout(2.5)
        timed = socket.socket()
        time.sleep(1)
        return socket.getdefaulttimeout(), timed.gettimeout(), os.get_blocking(timed.fileno())

    def other():
        time.sleep(0.5)
        return socket.getdefaulttimeout(), socket.socket().gettimeout()

    first, second = world.spawn(setting), world.spawn(other)
    world.run()
    assert first.result == (2.5, 2.5, False)
    assert second.result == (None, None)
    assert socket.getdefaulttimeout() is None


def test_unix_stream_carries_data_by_path(world, tmp_path):
    path = str(tmp_path / "socket")

    def program():
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            client = socket.socket(socket.AF_UNIX)
            client.connect(path)
            server, address = listener.accept()
            client.sendall(b"x")
            return server.recv(1), address, client.getpeername(), listener.getsockname()

    assert world.call(program) == (b"x", "", path, path)


def test_blocking_unix_connect_waits_for_a_place_in_the_queue(world):
    def program():
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0queue")
        listener.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        waiting[0].connect("\0queue")
        waiting[1].settimeout(1)
        with pytest.raises(BlockingIOError):
            waiting[1].connect("\0queue")
        waiting[1].settimeout(None)
        later = in_thread(lambda: (time.sleep(0.5), listener.accept()))
        waiting[1].connect("\0queue")
        later.join()
        return time.monotonic()

    assert world.call(program) == 0.5


def test_programs_on_two_hosts_do_not_share_their_loopback(world):
    def listening():
        with socket.create_server(ADDRESS):
            time.sleep(1)

    def calling():
        time.sleep(0.1)
        with socket.socket() as client:
            return client.connect_ex(ADDRESS)

    world.spawn(listening, host="alpha")
    there = world.spawn(calling, host="beta")
    here = world.spawn(calling, host="alpha")
    world.run()
    assert (there.result, here.result) == (errno.ECONNREFUSED, 0)
