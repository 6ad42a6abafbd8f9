"""The standard library's TLS clients, unmodified, against servers on another host over a link that loses."""

import ftplib
import http.server
import imaplib
import poplib
import smtplib
import socket
import socketserver
import ssl
import urllib.request
from collections.abc import Callable

import pytest
import trustme

from fourtuple import Network

CA = trustme.CA()
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CA.issue_cert("server").configure_cert(SERVER)
CLIENT = ssl.create_default_context()
CA.configure_trust(CLIENT)


class LineServer(socketserver.ThreadingTCPServer):
    """Speaks lines of some mail protocol; ``STARTTLS`` and its like in ``answers`` begin TLS."""

    allow_reuse_address = True
    daemon_threads = True
    answers: dict[bytes, bytes] = {}
    greeting = b""
    tls_from_start = False


class Lines(socketserver.StreamRequestHandler):
    server: LineServer

    def handle(self) -> None:
        if self.server.tls_from_start:
            self.begin_tls()
        self.wfile.write(self.server.greeting)
        for line in self.rfile:
            for word, answer in self.server.answers.items():
                if word in line.upper():
                    tag = line.split()[0]
                    self.wfile.write(answer.replace(b"TAG", tag))
                    if word in (b"STARTTLS", b"STLS"):
                        self.begin_tls()
                        return self.handle_rest()
                    break
            if b"QUIT" in line.upper() or b"LOGOUT" in line.upper():
                break
        return None

    def handle_rest(self) -> None:
        for line in self.rfile:
            for word, answer in self.server.answers.items():
                if word in line.upper():
                    self.wfile.write(answer.replace(b"TAG", line.split()[0]))
                    break
            if b"QUIT" in line.upper() or b"LOGOUT" in line.upper():
                break

    def begin_tls(self) -> None:
        self.request = SERVER.wrap_socket(self.request, server_side=True)
        self.connection = self.request
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb", buffering=0)

    def finish(self) -> None:
        self.rfile.close()
        self.wfile.close()
        self.request.close()


def line_server(port: int, greeting: bytes, answers: dict[bytes, bytes], tls: bool) -> Callable[[], None]:
    def serve() -> None:
        with LineServer(("", port), Lines) as server:
            server.greeting, server.answers, server.tls_from_start = greeting, answers, tls
            server.serve_forever()

    return serve


def serve_https() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"hello " * 5000
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("", 443), Handler) as server:
        server.socket = SERVER.wrap_socket(server.socket, server_side=True)
        server.serve_forever()


def fetch() -> object:
    with urllib.request.urlopen("https://server/", context=CLIENT, timeout=30) as answer:
        return answer.status, len(answer.read())


SMTP = {
    b"EHLO": b"250-server\r\n250 STARTTLS\r\n",
    b"STARTTLS": b"220 go ahead\r\n",
    b"NOOP": b"250 fine\r\n",
    b"QUIT": b"221 bye\r\n",
}


def send_mail() -> object:
    with smtplib.SMTP("server", 25, timeout=30) as client:
        client.starttls(context=CLIENT)
        assert isinstance(client.sock, ssl.SSLSocket)
        return client.noop()


def send_mail_by_smtps() -> object:
    with smtplib.SMTP_SSL("server", 465, context=CLIENT, timeout=30) as client:
        return client.noop()


POP = {
    b"CAPA": b"+OK\r\nSTLS\r\n.\r\n",
    b"STLS": b"+OK begin\r\n",
    b"STAT": b"+OK 2 320\r\n",
    b"QUIT": b"+OK bye\r\n",
}


def pop() -> object:
    client = poplib.POP3("server", 110, timeout=30)
    client.stls(context=CLIENT)
    counts = client.stat()
    client.quit()
    return counts


def pop_by_tls() -> object:
    client = poplib.POP3_SSL("server", 995, context=CLIENT, timeout=30)
    counts = client.stat()
    client.quit()
    return counts


IMAP = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS\r\nTAG OK done\r\n",
    b"STARTTLS": b"TAG OK begin\r\n",
    b"NOOP": b"TAG OK nothing\r\n",
    b"LOGOUT": b"* BYE\r\nTAG OK bye\r\n",
}


def imap() -> object:
    with imaplib.IMAP4("server", 143, timeout=30) as client:
        client.starttls(CLIENT)
        return client.noop()


def imap_by_tls() -> object:
    with imaplib.IMAP4_SSL("server", 993, ssl_context=CLIENT, timeout=30) as client:
        return client.noop()


def serve_ftp() -> None:
    """Control connection alone: AUTH TLS, then a listing over a protected data connection."""
    with socket.create_server(("", 21)) as listener:
        plain, _ = listener.accept()
        plain.sendall(b"220 ready\r\n")
        assert plain.recv(100) == b"AUTH TLS\r\n"
        plain.sendall(b"234 go ahead\r\n")
        with SERVER.wrap_socket(plain, server_side=True) as control, control.makefile("rb") as lines:
            data = socket.create_server(("", 5000))
            for line in lines:
                word = line.split()[0]
                if word == b"EPSV" or word == b"PASV":
                    address = control.getsockname()[0].replace(".", ",")
                    control.sendall(f"227 Entering ({address},19,136)\r\n".encode())
                elif word == b"NLST":
                    control.sendall(b"150 here it comes\r\n")
                    with SERVER.wrap_socket(data.accept()[0], server_side=True) as protected:
                        protected.sendall(b"a.txt\r\nb.txt\r\n")
                        protected.unwrap()
                    control.sendall(b"226 done\r\n")
                else:
                    control.sendall(b"200 yes\r\n" if word != b"QUIT" else b"221 bye\r\n")
                    if word == b"QUIT":
                        break
            data.close()


def list_files() -> object:
    with ftplib.FTP_TLS(context=CLIENT, timeout=30) as client:
        client.connect("server")
        client.auth()
        client.prot_p()
        return client.nlst()


PAIRS = [
    pytest.param(serve_https, fetch, (200, 30_000), id="https"),
    pytest.param(line_server(25, b"220 hi\r\n", SMTP, False), send_mail, (250, b"fine"), id="smtp+starttls"),
    pytest.param(line_server(465, b"220 hi\r\n", SMTP, True), send_mail_by_smtps, (250, b"fine"), id="smtps"),
    pytest.param(line_server(110, b"+OK hi\r\n", POP, False), pop, (2, 320), id="pop3+stls"),
    pytest.param(line_server(995, b"+OK hi\r\n", POP, True), pop_by_tls, (2, 320), id="pop3s"),
    pytest.param(
        line_server(143, b"* OK hi\r\n", IMAP, False), imap, ("OK", [b"nothing"]), id="imap+starttls"
    ),
    pytest.param(line_server(993, b"* OK hi\r\n", IMAP, True), imap_by_tls, ("OK", [b"nothing"]), id="imaps"),
    pytest.param(serve_ftp, list_files, ["a.txt", "b.txt"], id="ftp+tls"),
]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("serve", "call", "answer"), PAIRS)
def test_client_and_server_over_a_link_that_loses(serve, call, answer, seed):
    with Network(seed) as network:
        server, client = network.host("server"), network.host("client")
        network.link(server, client, latency="20ms", loss=0.02)
        server.spawn(serve, daemon=True)
        process = client.spawn(call, start="100ms")
        network.run(until="120s")
        assert process.exitcode == 0, process.stderr
        assert process.result == answer
