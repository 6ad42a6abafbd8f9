"""Threads that share one TLS connection: one reads what it is sent while others write."""

import socket
import ssl
import threading

import pytest
import trustme

from fourtuple import Network

CA = trustme.CA()
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CA.issue_cert("server").configure_cert(SERVER)
CLIENT = ssl.create_default_context()
CA.configure_trust(CLIENT)

LINE = b"%06d\n"
SIZE = 7
LINES = 30_000


def serve() -> socket.socket:
    with socket.create_server(("", 443)) as listener:
        return SERVER.wrap_socket(listener.accept()[0], server_side=True)


def connect() -> socket.socket:
    return CLIENT.wrap_socket(socket.create_connection(("server", 443)), server_hostname="server")


def run(serving, asking, seed=1):
    with Network(seed) as network:
        server, client = network.host("server"), network.host("client")
        network.link(server, client, latency="5ms", bandwidth="100mbit", loss=0.005)
        processes = server.spawn(serving), client.spawn(asking, start="10ms")
        network.run(until="60s")
        assert [process.exitcode for process in processes] == [0, 0], [each.stderr for each in processes]
        return [process.result for process in processes]


@pytest.mark.parametrize("seed", [1, 2])
def test_one_thread_reads_while_another_writes_more_than_the_buffers_hold(seed):
    content = b"".join(LINE % number for number in range(LINES))

    def exchange(connection):
        got = bytearray()

        def read():
            while len(got) < len(content) and (part := connection.recv(65536)):
                got.extend(part)

        with connection:
            reader = threading.Thread(target=read)
            reader.start()
            connection.sendall(content)
            reader.join()
        return bytes(got) == content

    assert run(lambda: exchange(serve()), lambda: exchange(connect()), seed) == [True, True]


def test_several_threads_write_and_no_record_is_torn():
    def take():
        with serve() as connection, connection.makefile("rb") as lines:
            got = sorted(int(lines.readline()) for _ in range(4 * LINES // 20))
            connection.sendall(b"thanks")
            return got == list(range(4 * LINES // 20))

    def give():
        with connect() as connection:

            def write(first):
                for number in range(first, first + LINES // 20):
                    connection.sendall(LINE % number)

            threads = [threading.Thread(target=write, args=(each * LINES // 20,)) for each in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            connection.recv(6)

    assert run(take, give)[0] is True


def test_a_writer_that_waits_for_another_has_its_timeout():
    def hold():
        with serve() as connection:
            # Nothing is read, so the other side's buffers fill.
            threading.Event().wait(5)
            connection.close()

    def write_twice():
        outcomes = []
        with connect() as connection:

            def write():
                try:
                    connection.sendall(bytes(20_000_000))
                except OSError as error:
                    outcomes.append(str(error))

            connection.settimeout(1)
            threads = [threading.Thread(target=write) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return outcomes

    assert run(hold, write_twice)[1] == ["The write operation timed out"] * 2
