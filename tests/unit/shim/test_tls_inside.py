"""TLS in simulated processes: asyncio, the stdlib's clients, certificates by the virtual clock, and
OpenSSL's randomness and time, which are the machine's own again outside.
"""

import asyncio
import ctypes
import datetime
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme

from fourtuple import Network
from fourtuple.runtime import openssl

CA = trustme.CA()
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CA.issue_cert("server").configure_cert(SERVER)
CLIENT = ssl.create_default_context()
CA.configure_trust(CLIENT)


def two_hosts(network: Network) -> None:
    network.link(network.host("server"), network.host("client"), latency="5ms")


def result_of(server, client, **options):
    """What ``client`` returns while ``server`` runs as a daemon on the other host."""
    with Network(seed=options.pop("seed", 0)) as network:
        two_hosts(network)
        network.hosts["server"].spawn(server, daemon=True)
        process = network.hosts["client"].spawn(client, start="1ms", **options)
        network.run(until="60s")
        assert process.exitcode == 0, process.stderr
        return process.result


def serve_blocking(context=SERVER):
    with socket.create_server(("", 443)) as listener:
        while True:
            sock, _ = listener.accept()
            try:
                with context.wrap_socket(sock, server_side=True) as tls:
                    tls.sendall(tls.recv(100))
            except ssl.SSLError:
                sock.close()


# asyncio


def test_asyncio_streams_speak_tls():
    async def answer(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def serve():
        server = await asyncio.start_server(answer, port=443, ssl=SERVER)
        await server.serve_forever()

    async def call():
        reader, writer = await asyncio.open_connection("server", 443, ssl=CLIENT)
        version = writer.get_extra_info("ssl_object").version()
        writer.write(b"hello\n")
        line = await reader.readline()
        end = await reader.read()
        writer.close()
        await writer.wait_closed()
        return version, line, end

    assert result_of(serve, call) == ("TLSv1.3", b"HELLO\n", b"")


def test_asyncio_starts_tls_on_a_plain_connection():
    async def answer(reader, writer):
        if await reader.readline() == b"STARTTLS\n":
            writer.write(b"go ahead\n")
            await writer.drain()
            await writer.start_tls(SERVER)
            writer.write((await reader.readline()).upper())
            await writer.drain()
        writer.close()

    async def serve():
        server = await asyncio.start_server(answer, port=80)
        await server.serve_forever()

    async def call():
        reader, writer = await asyncio.open_connection("server", 80)
        writer.write(b"STARTTLS\n")
        first = await reader.readline()
        await writer.start_tls(CLIENT, server_hostname="server")
        writer.write(b"secret\n")
        second = await reader.readline()
        writer.close()
        return first, second

    assert result_of(serve, call) == (b"go ahead\n", b"SECRET\n")


def test_asyncio_handshake_timeout_is_virtual():
    def serve():
        with socket.create_server(("", 443)) as listener:
            sock, _ = listener.accept()
            time.sleep(100)
            sock.close()

    async def call():
        try:
            await asyncio.open_connection("server", 443, ssl=CLIENT, ssl_handshake_timeout=30)
        except ConnectionAbortedError as error:
            return str(error)[:29], round(time.monotonic())
        return None

    assert result_of(serve, call) == ("SSL handshake is taking longe", 30)


# Certificates and the virtual clock


def issued(not_before, not_after):
    """A context whose certificate is valid between two dates."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("server")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, private


@pytest.mark.parametrize(
    ("days", "outcome"), [((-1, 1), "ok"), ((-2, -1), "certificate has expired"), ((1, 2), "not yet valid")]
)
def test_certificates_are_judged_by_the_hosts_clock(tmp_path: Path, days, outcome):
    virtual = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    pem, private = issued(*(virtual + datetime.timedelta(days=number) for number in days))
    file = tmp_path / "both.pem"
    file.write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)

    def call():
        context = ssl.create_default_context(cadata=pem.decode())
        with socket.create_connection(("server", 443)) as sock:
            try:
                with context.wrap_socket(sock, server_hostname="server") as tls:
                    tls.sendall(b"x")
                    return "ok"
            except ssl.SSLCertVerificationError as error:
                return error.verify_message, error.__notes__

    seen = result_of(lambda: serve_blocking(server), call)
    if outcome == "ok":
        assert seen == "ok"
    else:
        assert outcome in seen[0]
        assert "virtual time" in seen[1][0]


def test_default_context_takes_its_authorities_from_the_processs_environment(tmp_path: Path):
    authority = tmp_path / "ca.pem"
    CA.cert_pem.write_to_path(authority)

    def call():
        context = ssl.create_default_context()
        sock = socket.create_connection(("server", 443))
        with context.wrap_socket(sock, server_hostname="server") as tls:
            tls.sendall(b"trusted")
            return tls.recv(10)

    assert result_of(serve_blocking, call, env={"SSL_CERT_FILE": str(authority)}) == b"trusted"


# Randomness and time


def test_openssls_randomness_follows_the_seed_and_the_process():
    def draw():
        return ssl.RAND_bytes(16), ssl.RAND_status()

    def drawn(seed):
        with Network(seed) as network:
            host = network.host("h")
            processes = [host.spawn(draw) for _ in range(2)]
            network.run()
            return [process.result for process in processes]

    first = drawn(1)
    assert first == drawn(1)
    assert first[0] != first[1]
    assert drawn(2)[0] != first[0]
    assert first[0][1] is True


def test_openssls_randomness_is_the_machines_own_again_outside():
    library = openssl.library()
    assert openssl.missing() == []
    before = library.get_method()
    with Network(1) as network:
        process = network.host("h").spawn(lambda: (library.get_method(), ssl.RAND_bytes(8)))
        network.run()
        during, inside = process.result
    assert during != before == library.get_method()
    with Network(1) as network:
        process = network.host("h").spawn(lambda: (None, ssl.RAND_bytes(8)))
        network.run()
        assert process.result[1] == inside
    assert len({ssl.RAND_bytes(8) for _ in range(3)} | {inside}) == 4


def test_imports_of_openssl_are_restored():
    places = openssl.library().imports
    assert len(places) >= 2
    real = [place._slot.value for place in places]
    assert real == [place._real for place in places]
    with Network() as network:
        process = network.host("h").spawn(lambda: [place._slot.value for place in places])
        network.run()
        assert all(mine != theirs for mine, theirs in zip(process.result, real, strict=True))
    assert [place._slot.value for place in places] == real


def test_another_thread_of_the_os_keeps_real_randomness_during_a_run():
    drawn = []
    start, done = threading.Event(), threading.Event()

    def outside():
        start.wait()
        drawn.append(ssl.RAND_bytes(8))
        done.set()

    thread = threading.Thread(target=outside)
    thread.start()
    with Network(1) as network:
        process = network.host("h").spawn(lambda: ssl.RAND_bytes(8))

        def in_the_middle():
            start.set()
            done.wait(10)

        network.at("1ms", in_the_middle)
        network.host("g").spawn(time.sleep, 1)
        network.run()
    thread.join()
    with Network(1) as network:
        again = network.host("h").spawn(lambda: [ssl.RAND_bytes(8) for _ in range(3)])
        network.run()
    assert process.result == again.result[0]
    assert drawn[0] not in again.result


def test_ticket_keys_of_a_context_are_its_own_again_after_a_run():
    library = openssl.library()

    def keys():
        buffer = ctypes.create_string_buffer(80)
        assert library.control(openssl._context_pointer(SERVER), openssl._GET_TICKET_KEYS, 80, buffer) == 1
        return buffer.raw

    before = keys()

    def call():
        sock = socket.create_connection(("server", 443))
        with CLIENT.wrap_socket(sock, server_hostname="server") as tls:
            tls.sendall(b"x")
            tls.recv(1)
        return keys()

    during = result_of(serve_blocking, call, seed=3)
    assert during != before == keys()
    assert result_of(serve_blocking, call, seed=3) == during


def test_callback_that_blocks_keeps_the_errors_openssl_has_found():
    """Simulated threads share OpenSSL's queue of errors: what one has found is not told to another."""

    def slow(conn, direction, version, content_type, message_type, data):
        if direction == "write" and content_type.name == "ALERT":
            time.sleep(1)

    def server():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        CA.issue_cert("server").configure_cert(context)
        context.verify_mode = ssl.CERT_REQUIRED
        CA.configure_trust(context)
        context._msg_callback = slow
        assert context._msg_callback is slow
        with socket.create_server(("", 443)) as listener:
            sock, _ = listener.accept()
            with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
                context.wrap_socket(sock, server_side=True)
            # What it found while the client's calls went on.
            sock.close()
            time.sleep(60)

    def client():
        with (
            socket.create_connection(("server", 443)) as sock,
            CLIENT.wrap_socket(sock, server_hostname="server") as tls,
        ):
            tls.settimeout(0.5)
            with pytest.raises(TimeoutError):
                tls.recv(1)
            tls.settimeout(None)
            with pytest.raises(ssl.SSLError, match="certificate required"):
                tls.recv(1)
            return time.monotonic() > 1

    assert result_of(server, client)
