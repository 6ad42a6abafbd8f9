"""pyOpenSSL's Connection over a socket: the same pair of programs on the real kernel and on a simulated
host; what both saw must be equal, exceptions included.
"""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import trustme
from parity_programs import on_both

SSL = pytest.importorskip("OpenSSL.SSL", reason="not installed: pyopenssl")

Step = Callable[[socket.socket], object]
CA = trustme.CA(key_type=trustme.KeyType.ECDSA)
CHAIN = CA.issue_cert("server.test", key_type=trustme.KeyType.ECDSA)


def server_context() -> Any:
    context = SSL.Context(SSL.TLS_METHOD)
    CHAIN.configure_cert(context)
    return context


def client_context(highest: int = 0) -> Any:
    context = SSL.Context(SSL.TLS_METHOD)
    CA.configure_trust(context)
    context.set_verify(SSL.VERIFY_PEER)
    if highest:
        context.set_max_proto_version(highest)
    return context


def accepted(sock: socket.socket) -> Any:
    connection = SSL.Connection(server_context(), sock)
    connection.set_accept_state()
    return connection


def connected(sock: socket.socket, highest: int = 0) -> Any:
    connection = SSL.Connection(client_context(highest), sock)
    connection.set_tlsext_host_name(b"server.test")
    connection.set_connect_state()
    return connection


def plain(error: BaseException) -> list[Any]:
    return [type(error).__name__, *error.args]


def said(call: Callable[..., object], *arguments: object) -> object:
    try:
        return call(*arguments)
    except (SSL.Error, OSError, TypeError) as error:
        return plain(error)


def talk(serve: Step, call: Step) -> list[object]:
    """What ``serve`` and ``call``, given the ends of a TCP connection, return or raise."""
    results: list[object] = [None, None]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def server() -> None:
            with listener.accept()[0] as sock:
                results[0] = said(serve, sock)

        thread = threading.Thread(target=server)
        thread.start()
        with socket.create_connection(listener.getsockname()) as sock:
            results[1] = said(call, sock)
        thread.join()
    return results


def both(serve: Step, call: Step) -> list[object]:
    """As :func:`talk`, on the real kernel and on a simulated host; they must not differ."""
    found: tuple[list[object], list[object]] = on_both(lambda: talk(serve, call))
    simulated, real = found
    assert simulated == real
    return real


def echo(sock: socket.socket) -> object:
    connection = accepted(sock)
    connection.do_handshake()
    try:
        while True:
            connection.sendall(connection.recv(1000).upper())
    except SSL.ZeroReturnError:
        return connection.get_shutdown(), connection.shutdown(), connection.get_shutdown()


@pytest.mark.parametrize("highest", [SSL.TLS1_3_VERSION, SSL.TLS1_2_VERSION], ids=["1.3", "1.2"])
def test_echo_with_blocking_sockets(highest: int) -> None:
    def call(sock: socket.socket) -> object:
        connection = connected(sock, highest)
        connection.do_handshake()
        counts = connection.sendall(b"hello" * 100), connection.send(b"x" * 50_000)
        received = bytearray(60_000)
        count = 0
        view = memoryview(received)
        while count < 500 + counts[1]:
            count += connection.recv_into(view[count:])
        peeked = connection.send(b"abc"), connection.recv(2, socket.MSG_PEEK), connection.recv(1)
        facts = (
            connection.pending(),
            connection.recv(10),
            connection.get_protocol_version_name(),
            connection.get_cipher_name(),
            connection.fileno() == sock.fileno(),
            connection.getpeername() == sock.getpeername(),
            connection.want_read(),
            connection.want_write(),
            connection.total_renegotiations(),
            connection.renegotiate_pending(),
            said(connection.bio_read, 10),
            said(connection.bio_write, b"x"),
        )
        ends = connection.get_shutdown(), connection.shutdown(), connection.get_shutdown()
        return counts, count, bytes(received[:510]), peeked, facts, ends, connection.shutdown()

    server, client = both(echo, call)
    assert isinstance(client, tuple)
    assert client[1] == 500 + 16384
    assert server == (SSL.RECEIVED_SHUTDOWN, True, SSL.RECEIVED_SHUTDOWN | SSL.SENT_SHUTDOWN)


def until(sock: socket.socket, call: Callable[[], Any], log: list[str]) -> Any:
    """``call()`` of a non-blocking connection, with select between its tries."""
    while True:
        try:
            return call()
        except SSL.WantReadError as error:
            log.append(type(error).__name__)
            select.select([sock], [], [], 10)
        except SSL.WantWriteError as error:
            log.append(type(error).__name__)
            select.select([], [sock], [], 10)


def test_non_blocking_calls_ask_to_come_again() -> None:
    def call(sock: socket.socket) -> object:
        sock.setblocking(False)
        log: list[str] = []
        connection = connected(sock)
        first = said(connection.do_handshake), connection.want_read()
        until(sock, connection.do_handshake, log)
        nothing = said(connection.recv, 10)
        sent = until(sock, lambda: connection.send(b"abc"), log)
        got = b""
        while len(got) < 3:
            got += until(sock, lambda: connection.recv(10), log)
        shut = connection.shutdown()
        return first, nothing, sent, got, shut, until(sock, connection.shutdown, log), set(log)

    def late(sock: socket.socket) -> object:
        # The first call must come before the answer.
        time.sleep(0.3)
        return echo(sock)

    both(late, call)


def test_a_full_send_buffer_wants_to_write_and_takes_the_same_data_again() -> None:
    def serve(sock: socket.socket) -> object:
        connection = accepted(sock)
        connection.do_handshake()
        assert connection.recv(5) == b"begin"
        time.sleep(0.3)
        total = 0
        try:
            while True:
                total += len(connection.recv(65536))
        except SSL.ZeroReturnError:
            return total % 16384, total > 16384

    def call(sock: socket.socket) -> object:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
        connection = connected(sock)
        connection.do_handshake()
        connection.send(b"begin")
        sock.settimeout(5)
        block = b"y" * 16384
        sizes = set()
        while True:
            try:
                sizes.add(connection.send(block))
            except SSL.WantWriteError:
                break
        again = said(connection.recv, 5)
        while True:
            select.select([], [sock], [], 10)
            sent = said(connection.send, block)
            if sent != ["WantWriteError"]:
                break
        sock.settimeout(None)
        return sizes, again, sent, connection.shutdown()

    server, _client = both(serve, call)
    assert server == (0, True)


def test_other_data_than_before_is_refused() -> None:
    def serve(sock: socket.socket) -> object:
        connection = accepted(sock)
        connection.do_handshake()
        return connection.recv(5), sock.recv(1, socket.MSG_PEEK) != b""

    def call(sock: socket.socket) -> object:
        connection = connected(sock)
        connection.do_handshake()
        connection.send(b"begin")
        sock.setblocking(False)
        while True:
            try:
                connection.send(b"y" * 16384)
            except SSL.WantWriteError:
                break
        short = said(connection.send, b"short")
        return (
            short,
            [said(call, 5) for call in (connection.recv, connection.recv)],
            said(connection.shutdown),
        )

    both(serve, call)


def test_the_end_without_a_close_alert_and_a_reset() -> None:
    def serve(sock: socket.socket) -> object:
        connection = accepted(sock)
        connection.do_handshake()
        connection.sendall(b"a")
        ended = connection.recv(1), said(connection.recv, 1), said(connection.recv, 1)
        return ended, said(connection.send, b"c"), said(connection.shutdown)

    def close(sock: socket.socket) -> object:
        connection = connected(sock)
        connection.do_handshake()
        connection.send(b"b")
        return connection.recv(10), sock.close()

    both(serve, close)

    def reset(sock: socket.socket) -> object:
        connection = connected(sock)
        connection.do_handshake()
        connection.send(b"b")
        got = connection.recv(10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return got, sock.close()

    both(serve, reset)

    def send_to_nobody(sock: socket.socket) -> object:
        connection = accepted(sock)
        connection.do_handshake()
        connection.sendall(b"a")
        got = connection.recv(1)
        select.select([sock], [], [], 10)
        # What a later one has to tell is what the first left in OpenSSL's queue of errors.
        sent = said(connection.send, b"c"), *[type(said(connection.send, b"c")) for _ in range(2)]
        return got, sent, said(connection.recv, 1), said(connection.shutdown)

    both(send_to_nobody, reset)


def test_who_does_not_speak_tls_and_whose_certificate_is_not_trusted() -> None:
    def refuse(sock: socket.socket) -> object:
        connection = accepted(sock)
        return said(connection.do_handshake)

    def speak(sock: socket.socket) -> object:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return sock.recv(100)

    both(refuse, speak)

    def distrust(sock: socket.socket) -> object:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER)
        connection = SSL.Connection(context, sock)
        connection.set_connect_state()
        return said(connection.do_handshake)

    both(refuse, distrust)


def test_a_descriptor_that_is_closed_or_no_socket() -> None:
    def call(sock: socket.socket) -> object:
        other = socket.socket()
        connection = SSL.Connection(client_context(), other)
        connection.set_connect_state()
        other.close()
        return said(connection.do_handshake), said(SSL.Connection, client_context(), "no socket")

    both(lambda sock: sock.recv(1), call)


def test_connect_and_accept_of_the_connection_itself() -> None:
    def call(sock: socket.socket) -> object:
        listener = SSL.Connection(server_context(), socket.create_server(("127.0.0.1", 0)))
        caller = SSL.Connection(client_context(), socket.socket())
        caller.set_tlsext_host_name(b"server.test")
        caller.connect(listener.getsockname())
        thread = threading.Thread(target=caller.do_handshake)
        thread.start()
        connection, address = listener.accept()
        connection.do_handshake()
        thread.join()
        caller.send(b"to you")
        facts = connection.recv(10), address == caller.getsockname(), connection.get_servername()
        for each in (caller, connection, listener):
            each.close()
        return facts

    both(lambda sock: sock.recv(1), call)
