"""TLS on a simulated socket: what ``_ssl._SSLSocket`` is on a real one.

OpenSSL works on memory BIOs; ``tls_records`` moves its records between them and the socket; this waits in
virtual time and raises what ``Modules/_ssl.c`` raises.
"""

from __future__ import annotations

import ssl
import sys
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from .sockaddr_convert import buffer_bytes
from .socket_object import SimSocket
from .tls_records import TlsRecords, Turn

_MAX_PLAIN: Final = 1 << 14
# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_TIME_ERRORS: Final = (9, 10)
# Before (gh-115627) an error of the socket in read() and write() was told as the end of the stream.
_TELLS_ERRORS: Final = sys.version_info >= (3, 12, 3) or (3, 12) > sys.version_info >= (3, 11, 9)

T = TypeVar("T")


class TlsConnection:
    """One TLS connection over ``state``, the simulated side of ``sock``.

    Whatever asks no I/O is answered by the real ``_ssl`` object on the memory BIOs.
    """

    def __init__(
        self,
        context: Any,
        state: SimSocket,
        sock: object,
        server_side: bool,
        server_hostname: Any,
        owner: object,
        session: object,
    ) -> None:
        self._state = state
        self._socket = weakref.ref(sock)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner: Any = context._wrap_bio(
            incoming, outgoing, server_side, server_hostname, owner=owner, session=session
        )
        self._records = TlsRecords(state, incoming.write, incoming.write_eof, outgoing.read)
        self._broken = False
        # How much of the data of a write() under way is in records.
        self._written = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def context(self) -> Any:
        return self._inner.context

    @context.setter
    def context(self, context: Any) -> None:
        self._inner.context = context

    @property
    def session(self) -> Any:
        return self._inner.session

    @session.setter
    def session(self, session: Any) -> None:
        self._inner.session = session

    @property
    def owner(self) -> Any:
        return self._inner.owner

    @owner.setter
    def owner(self, owner: Any) -> None:
        self._inner.owner = owner

    # The calls that may wait

    def do_handshake(self) -> None:
        deadline = self._begin()
        text = "The handshake operation timed out"
        with self._sending(deadline, text):
            try:
                self._drive(self._inner.do_handshake, deadline, text, self._records.flush)
            except ssl.SSLCertVerificationError as error:
                if error.verify_code in _TIME_ERRORS:
                    error.add_note("It is judged by the simulated host's clock, which follows virtual time.")
                raise
            try:
                self._flush(deadline, text)
            except (BrokenPipeError, ConnectionResetError):
                # OpenSSL: a client that has left need not get its session tickets.
                if not self._inner.server_side:
                    raise
                self._records.unsent = b""

    def read(self, size: int, buffer: Any = None) -> Any:
        deadline = self._begin()
        arguments = (size,) if buffer is None else (size, buffer)
        flush = self._records.flush_between
        try:
            result = self._drive(
                partial(self._inner.read, *arguments), deadline, "The read operation timed out", flush
            )
        except ConnectionError:
            if _TELLS_ERRORS:
                raise
            failed = True
        else:
            failed = False
        if failed:
            raise _end_of_file()
        self._flush_quietly(flush)
        return result

    def write(self, data: Any) -> int:
        try:
            return self._write(data)
        except ConnectionError:
            if _TELLS_ERRORS:
                raise
        raise _end_of_file()

    def _write(self, data: Any) -> int:
        content = buffer_bytes(data)
        deadline = self._begin()
        text = "The write operation timed out"
        with self._sending(deadline, text):
            if len(content) < self._written:
                # OpenSSL insists on getting the same data again, and gives the connection up.
                self._broken = True
                self._records.unsent = b""
                failure = _ssl_error(ssl.SSLError, ssl.SSL_ERROR_SSL, "[SSL: BAD_LENGTH] bad length")
                failure.reason, failure.library = "BAD_LENGTH", "SSL"
                raise failure
            self._flush(deadline, text)
            while self._written < len(content):
                part = content[self._written : self._written + _MAX_PLAIN]
                write = partial(self._inner.write, part)
                self._written += self._drive(write, deadline, text, self._records.flush)
                self._flush(deadline, text)
            self._written = 0
            return len(content)

    def shutdown(self) -> object:
        deadline = self._begin()
        text = "The write operation timed out"
        with self._sending(deadline, text):
            self._drive(self._inner.shutdown, deadline, "The read operation timed out", self._records.flush)
            self._flush(deadline, text)
        return self._socket()

    # Between OpenSSL and the socket

    def _begin(self) -> int:
        if self._socket() is None:
            raise _ssl_error(ssl.SSLError, 0, "Underlying socket connection gone")
        if self._state.fd < 0:
            raise _ssl_error(ssl.SSLError, 0, "Underlying socket has been closed.")
        return self._state.deadline()

    def _sending(self, deadline: int, timeout_text: str) -> Turn:
        """The turn to send, taken; to be left by ``with``."""
        turn = self._records.sending
        self._send(turn.take, deadline, timeout_text)
        return turn

    def _drive(
        self, attempt: Callable[[], T], deadline: int, timeout_text: str, flush: Callable[[int], object]
    ) -> T:
        """Make ``attempt`` until OpenSSL needs no more from the peer."""
        if self._broken:
            raise _end_of_file()
        while True:
            self._send(flush, deadline, timeout_text)
            try:
                return attempt()
            except ssl.SSLWantReadError:
                # Not kept: it holds this frame, and so would keep the socket from being forgotten.
                pass
            except ssl.SSLError:
                # The alert that says why.
                self._flush_quietly(flush)
                raise
            # Outside the handler: what is raised here does not come from that error.
            self._send(flush, deadline, timeout_text)
            self._feed(deadline, timeout_text)

    def _feed(self, deadline: int, timeout_text: str) -> None:
        """Receive a part of a record, at most one."""
        try:
            self._records.feed(deadline)
        except BlockingIOError:
            pass
        except TimeoutError as error:
            if error.errno is not None:
                raise
            raise TimeoutError(timeout_text) from None
        else:
            return
        raise _ssl_error(
            ssl.SSLWantReadError, ssl.SSL_ERROR_WANT_READ, "The operation did not complete (read)"
        )

    def _flush(self, deadline: int, timeout_text: str) -> None:
        """Send what OpenSSL has written. Raises SSLWantWriteError if not all can go now."""
        self._send(self._records.flush, deadline, timeout_text)

    def _send(self, step: Callable[[int], object], deadline: int, timeout_text: str) -> None:
        try:
            step(deadline)
        except BlockingIOError:
            raise _ssl_error(
                ssl.SSLWantWriteError,
                ssl.SSL_ERROR_WANT_WRITE,
                "The operation did not complete (write)",
            ) from None
        except TimeoutError as error:
            if error.errno is not None:
                raise
            raise TimeoutError(timeout_text) from None

    def _flush_quietly(self, flush: Callable[[int], object]) -> None:
        """Send what can be sent now; a result or an error that is already there counts more."""
        try:
            self._send(flush, self._state.deadline(), "")
        except OSError:
            pass


def _ssl_error(kind: type[ssl.SSLError], number: int, text: str) -> ssl.SSLError:
    error = kind(number, f"{text} (_ssl.c)")
    error.reason = error.library = None  # type: ignore[assignment]  # as _ssl.c leaves them
    return error


def _end_of_file() -> ssl.SSLError:
    return _ssl_error(ssl.SSLEOFError, ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol")
