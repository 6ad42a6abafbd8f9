"""TLS over blocking and non-blocking sockets: the same pair of programs on the real kernel, as two
threads, and on a simulated host; what both saw must be equal, exceptions included.
"""

import io
import re
import select
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import trustme
from parity_programs import on_a_simulated_host

from fourtuple import Network

Step = Callable[[socket.socket], object]
CA = trustme.CA(key_type=trustme.KeyType.ECDSA)
OTHER_CA = trustme.CA(key_type=trustme.KeyType.ECDSA)


def server_context(**settings: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.pop("ca", CA).issue_cert(*settings.pop("names", ("server.test",))).configure_cert(context)
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def client_context(**settings: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    CA.configure_trust(context)
    for name, value in settings.items():
        setattr(context, name, value)
    return context


SERVER, CLIENT = server_context(), client_context()
TLS12 = {"maximum_version": ssl.TLSVersion.TLSv1_2}


def plain(error: BaseException) -> list[Any]:
    """What of an exception must be equal: not the line of _ssl.c."""
    arguments = [
        re.sub(r"_ssl\.c(:\d+)?(: )?", "", value) if isinstance(value, str) else value for value in error.args
    ]
    detail = [getattr(error, name, None) for name in ("reason", "library", "verify_code", "verify_message")]
    return [type(error).__name__, *arguments, *detail]


def outcome(step: Step, sock: socket.socket) -> object:
    try:
        return step(sock)
    except OSError as error:
        return plain(error)
    finally:
        sock.close()


def talk(serve: Step, call: Step) -> list[object]:
    """What ``serve`` and ``call``, given the ends of a TCP connection, return or raise."""
    results: list[object] = [None, None]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def server() -> None:
            results[0] = outcome(serve, listener.accept()[0])

        thread = threading.Thread(target=server)
        thread.start()
        results[1] = outcome(call, socket.create_connection(listener.getsockname()))
        thread.join()
    return results


def both(serve: Step, call: Step) -> list[object]:
    """As :func:`talk`, on the real kernel and on a simulated host; they must not differ."""
    simulated = on_a_simulated_host(lambda: talk(serve, call))
    # On the real kernel a reset may overtake what the other end is about to do.
    real = talk(serve, call)
    for _ in range(4):
        if real == simulated:
            break
        real = talk(serve, call)
    assert simulated == real
    return real


def wrapped(sock: socket.socket, **settings: Any) -> ssl.SSLSocket:
    if settings.pop("server", False):
        return settings.pop("context", SERVER).wrap_socket(sock, server_side=True, **settings)
    settings.setdefault("server_hostname", "server.test")
    return settings.pop("context", CLIENT).wrap_socket(sock, **settings)


def echo(sock: socket.socket) -> object:
    with wrapped(sock, server=True) as tls:
        while data := tls.recv(1000):
            tls.sendall(data.upper())
        tls.unwrap()
    return "done"


@pytest.mark.parametrize("settings", [{}, TLS12], ids=["1.3", "1.2"])
def test_echo_and_what_is_known_of_the_peer(settings: dict[str, Any]) -> None:
    context = client_context(**settings)
    context.set_alpn_protocols(["x", "y"])

    def call(sock: socket.socket) -> object:
        with wrapped(sock, context=context) as tls:
            tls.sendall(b"hello" * 10_000)
            received = b""
            while len(received) < 50_000:
                received += tls.recv(70_000)
            facts = (
                tls.version(),
                tls.cipher(),
                tls.compression(),
                tls.selected_alpn_protocol(),
                tls.getpeercert(),
                len(tls.getpeercert(True) or b""),
                tls.session_reused,
                tls.server_side,
                tls.server_hostname,
                tls.pending(),
                len(tls.get_channel_binding() or b"") if settings else None,
                tls.gettimeout(),
            )
            tls.unwrap()
        return received == b"HELLO" * 10_000, facts

    server, client = both(echo, call)
    assert server == "done"
    assert isinstance(client, tuple)
    assert client[0] is True


@pytest.mark.parametrize("suppress", [True, False])
def test_end_without_close_notify(suppress: bool) -> None:
    def rude(sock: socket.socket) -> object:
        tls = wrapped(sock, server=True)
        tls.sendall(b"x")
        tls.close()
        return None

    def call(sock: socket.socket) -> object:
        with wrapped(sock, suppress_ragged_eofs=suppress) as tls:
            first = tls.recv(10)
            try:
                return first, tls.recv(10), tls.recv_into(bytearray(4))
            except ssl.SSLError as error:
                return first, plain(error)

    both(rude, call)


def test_plain_text_goes_on_after_unwrap() -> None:
    def serve(sock: socket.socket) -> object:
        tls = wrapped(sock, server=True)
        first = tls.recv(100)
        with tls.unwrap() as under:
            second = under.recv(100)
            under.sendall(b"plain again")
        return first, second

    def call(sock: socket.socket) -> object:
        tls = wrapped(sock)
        tls.sendall(b"secret")
        with tls.unwrap() as under:
            under.sendall(b"plain")
            return under is tls, under.recv(100)

    assert both(serve, call) == [(b"secret", b"plain"), (True, b"plain again")]


def test_http_sent_to_a_tls_server() -> None:
    def call(sock: socket.socket) -> object:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return sock.recv(100)

    server, _ = both(echo, call)
    assert isinstance(server, list)
    assert server[0] == "SSLError"


def test_tls_client_meets_a_server_that_speaks_something_else() -> None:
    def serve(sock: socket.socket) -> object:
        sock.recv(1 << 16)
        sock.sendall(b"220 mail ready\r\n")
        return len(sock.recv(100))

    def call(sock: socket.socket) -> object:
        wrapped(sock)
        return None

    both(serve, call)


@pytest.mark.parametrize("problem", ["unknown authority", "another name"])
def test_certificate_refused(problem: str) -> None:
    settings = {"ca": OTHER_CA} if problem == "unknown authority" else {"names": ["elsewhere.test"]}
    context = server_context(**settings)

    def serve(sock: socket.socket) -> object:
        # A server of 1.3 learns it by reading; of 1.2 in the handshake.
        with wrapped(sock, server=True, context=context) as tls:
            return tls.recv(10)

    def call(sock: socket.socket) -> object:
        wrapped(sock)
        return None

    _, client = both(serve, call)
    assert isinstance(client, list)
    assert client[0] == "SSLCertVerificationError"


def test_no_version_in_common() -> None:
    server = server_context(minimum_version=ssl.TLSVersion.TLSv1_3)
    client = client_context(**TLS12)
    both(lambda sock: wrapped(sock, server=True, context=server), lambda sock: wrapped(sock, context=client))


def test_mutual_authentication_and_its_refusal() -> None:
    context = server_context(verify_mode=ssl.CERT_REQUIRED, **TLS12)
    CA.configure_trust(context)
    known = client_context()
    CA.issue_cert("client.test").configure_cert(known)

    def serve(sock: socket.socket) -> object:
        with wrapped(sock, server=True, context=context) as tls:
            return tls.getpeercert(), tls.recv(10)

    def call(context: ssl.SSLContext) -> Step:
        def connect(sock: socket.socket) -> object:
            with wrapped(sock, context=context) as tls:
                tls.sendall(b"it is me")
            return None

        return connect

    both(serve, call(known))
    server, _ = both(serve, call(CLIENT))
    assert isinstance(server, list)
    assert server[0] == "SSLError"


def test_post_handshake_authentication() -> None:
    context = server_context(verify_mode=ssl.CERT_OPTIONAL, post_handshake_auth=True)
    CA.configure_trust(context)
    client = client_context(post_handshake_auth=True)
    CA.issue_cert("client.test").configure_cert(client)

    def serve(sock: socket.socket) -> object:
        with wrapped(sock, server=True, context=context) as tls:
            seen = [bool(tls.getpeercert()), tls.recv(10)]
            tls.verify_client_post_handshake()
            tls.sendall(b"who are you")
            return [*seen, tls.recv(10), bool(tls.getpeercert())]

    def call(sock: socket.socket) -> object:
        with wrapped(sock, context=client) as tls:
            tls.sendall(b"hello")
            answer = tls.recv(20)
            tls.sendall(b"me")
            tls.recv(1)
            return answer

    both(serve, call)


def test_handshake_timeout() -> None:
    def call(sock: socket.socket) -> object:
        sock.settimeout(0.05)
        return wrapped(sock)

    def serve(sock: socket.socket) -> object:
        sock.recv(10_000)
        return len(sock.recv(10))

    _, client = both(serve, call)
    assert client == ["TimeoutError", "The handshake operation timed out", None, None, None, None]


def test_read_timeout_leaves_the_connection_usable() -> None:
    def serve(sock: socket.socket) -> object:
        with wrapped(sock, server=True) as tls:
            tls.recv(10)
            tls.sendall(b"late")
            return tls.recv(10)

    def call(sock: socket.socket) -> object:
        with wrapped(sock) as tls:
            tls.settimeout(0.05)
            try:
                tls.recv(10)
            except TimeoutError as error:
                first = plain(error)
            tls.settimeout(None)
            tls.sendall(b"now")
            return first, tls.recv(10)

    _, client = both(serve, call)
    assert isinstance(client, tuple)
    assert client[1] == b"late"


def test_nonblocking_handshake_read_and_end() -> None:
    def call(sock: socket.socket) -> object:
        sock.setblocking(False)
        tls = wrapped(sock, do_handshake_on_connect=False)
        wants: list[str] = []

        def until_done(attempt: Callable[[], object]) -> object:
            while True:
                try:
                    return attempt()
                except ssl.SSLWantReadError as error:
                    wants.append(f"{error.errno} {error.reason} {error.library}")
                    select.select([tls], [], [])

        until_done(tls.do_handshake)
        tls.sendall(b"hello")
        answer = until_done(lambda: tls.recv(2))
        left = tls.pending()
        rest = until_done(lambda: tls.recv(10))
        until_done(tls.unwrap)
        tls.close()
        return answer, left, rest, wants[0]

    server, client = both(echo, call)
    assert server == "done"
    assert client == (b"HE", 3, b"LLO", "2 None None")


@pytest.mark.parametrize("mistake", [False, True])
def test_nonblocking_write_that_does_not_fit_is_to_be_repeated(mistake: bool) -> None:
    size = 9_000_000  # more than both buffers take

    def serve(sock: socket.socket) -> object:
        with wrapped(sock, server=True) as tls:
            tls.sendall(b"ready")
            time.sleep(0.1)
            received = 0
            while data := tls.recv(1 << 16):
                received += len(data)
            return received == size

    def call(sock: socket.socket) -> object:
        data = bytes(size)
        with wrapped(sock) as tls:
            seen: list[object] = [tls.recv(10)]
            tls.setblocking(False)
            while True:
                try:
                    sent = tls.send(data)
                except ssl.SSLWantWriteError as error:
                    want = plain(error)
                    select.select([], [tls], [])
                else:
                    break
                if mistake:
                    for step in (lambda: tls.send(b"short"), lambda: tls.send(data), lambda: tls.recv(1)):
                        try:
                            seen.append(step())
                        except OSError as error:
                            seen.append(plain(error))
                    return seen
            return [*seen, want, sent == size]

    assert both(serve, call)[0] is not mistake


def test_read_from_a_peer_that_reset() -> None:
    def serve(sock: socket.socket) -> object:
        tls = wrapped(sock, server=True)
        tls.recv(10)
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tls.close()
        return None

    def call(sock: socket.socket) -> object:
        with wrapped(sock) as tls:
            tls.sendall(b"go")
            select.select([tls], [], [])
            seen: list[object] = []
            # What later calls say depends on what OpenSSL had in its error queue.
            for step in (lambda: tls.recv(10),):
                try:
                    seen.append(step())
                except OSError as error:
                    seen.append(plain(error))
            return seen

    both(serve, call)


def test_client_gone_before_its_tickets_is_no_error_of_the_handshake() -> None:
    def serve(sock: socket.socket) -> object:
        with wrapped(sock, server=True) as tls:
            return tls.version(), tls.recv(10)

    def call(sock: socket.socket) -> object:
        with wrapped(sock) as tls:
            tls.sendall(b"bye")
        return None

    both(serve, call)


def test_server_name_callback_picks_a_context_or_an_alert() -> None:
    other = server_context(names=["other.test"])

    def choose(tls: ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> int | None:
        assert isinstance(tls, ssl.SSLSocket)
        if name == "nobody.test":
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if name == "other.test":
            tls.context = other
        return None

    front = server_context(sni_callback=choose)

    def serve(sock: socket.socket) -> object:
        with wrapped(sock, server=True, context=front) as tls:
            return tls.context is other, tls.recv(10)

    def call(name: str) -> Step:
        def connect(sock: socket.socket) -> object:
            with wrapped(sock, server_hostname=name) as tls:
                tls.sendall(b"hi")
                certificate = tls.getpeercert()
                assert certificate is not None
                return certificate["subjectAltName"]

        return connect

    for name in ("server.test", "other.test", "nobody.test"):
        both(serve, call(name))


def test_session_is_taken_up_again() -> None:
    client = client_context(**TLS12)

    def serve(sock: socket.socket) -> object:
        with wrapped(sock, server=True) as tls:
            tls.sendall(b"x")
            reused = tls.session_reused
            tls.recv(1)
            return reused

    def program() -> list[object]:
        seen: list[object] = []
        session: list[Any] = [None]

        def call(sock: socket.socket) -> object:
            with wrapped(sock, context=client, session=session[0]) as tls:
                tls.recv(1)
                session[0] = tls.session
                assert session[0] is not None
                return tls.session_reused, session[0].has_ticket, session[0].timeout > 0

        seen += talk(serve, call)
        seen += talk(serve, call)
        return seen

    real = program()
    with Network() as network:
        process = network.host("h").spawn(program)
        network.run()
        assert process.result == real == [False, (False, True, True), True, (True, True, True)]


def test_listening_socket_wrapped_and_handshake_put_off() -> None:
    def program() -> object:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            front = SERVER.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
            seen: list[object] = []

            def serve() -> None:
                sock, _ = front.accept()
                with sock:
                    seen.append((type(sock).__name__, sock.version()))
                    sock.do_handshake()
                    seen.append(sock.version())
                    sock.sendfile(io.BytesIO(b"a file"))

            thread = threading.Thread(target=serve)
            thread.start()
            with CLIENT.wrap_socket(socket.socket(), server_hostname="server.test") as tls:
                tls.connect(front.getsockname())
                buffer = bytearray(10)
                seen.append((tls.recv_into(buffer, 4), bytes(buffer), tls.read(10)))
            thread.join()
            front.close()
            return seen

    real = program()
    with Network() as network:
        process = network.host("h").spawn(program)
        network.run()
        assert process.result == real


def test_calls_on_what_is_closed_or_no_longer_tls() -> None:
    def call(sock: socket.socket) -> object:
        tls = wrapped(sock)
        tls.sendall(b"hello")
        seen: list[object] = [tls.recv(10), tls.write(b""), tls.read(0)]
        for refused in (
            lambda: tls.recv(1, socket.MSG_PEEK),
            lambda: tls.sendto(b"x", ("127.0.0.1", 1)),
            lambda: tls.recvmsg(1),
            lambda: tls.dup(),
            lambda: tls.get_channel_binding("no-such"),
        ):
            try:
                refused()
            except (ValueError, NotImplementedError) as error:
                seen.append(plain(error))
        tls.unwrap()
        try:
            tls.read(1)
        except ValueError as error:
            seen.append(plain(error))
        tls.close()
        try:
            tls.recv(1)
        except OSError as error:
            seen.append(plain(error))
        return seen

    both(echo, call)


def test_get_server_certificate_and_pem() -> None:
    def program() -> object:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                outcome(echo, listener.accept()[0])

            thread = threading.Thread(target=serve)
            thread.start()
            text = ssl.get_server_certificate(listener.getsockname())
            thread.join()
            return ssl.PEM_cert_to_DER_cert(text)

    real = program()
    with Network() as network:
        process = network.host("h").spawn(program)
        network.run()
        assert process.result == real


def test_keys_are_logged_for_wireshark() -> None:
    def call(sock: socket.socket) -> object:
        with tempfile.NamedTemporaryFile("r") as file:
            context = client_context(keylog_filename=file.name)
            with wrapped(sock, context=context) as tls:
                tls.sendall(b"hello")
                tls.recv(10)
                tls.unwrap()
            return [line.split()[0] for line in file if not line.startswith("#")]

    _, client = both(echo, call)
    assert isinstance(client, list)
    assert "CLIENT_TRAFFIC_SECRET_0" in client
