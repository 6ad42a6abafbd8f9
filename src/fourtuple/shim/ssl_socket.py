"""TLS on a simulated socket: what ``_ssl._SSLSocket`` is on a real one.

OpenSSL works on memory BIOs; this moves its records between them and the socket, waits in virtual time,
and raises what ``Modules/_ssl.c`` raises. It receives as OpenSSL does, the five bytes of a record's
header, then the rest of that record and nothing beyond, so select() and pending() say what
they say on a real host.
"""

from __future__ import annotations

import ssl
import sys
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from .sockaddr_convert import buffer_bytes
from .socket_blocking import READING
from .socket_object import SimSocket

_HEADER: Final = 5
_FIRST_TYPE: Final = 20
_LAST_TYPE: Final = 24
# RFC 8446 section 5.2, RFC 5246 section 6.2.3: the plaintext's 2^14 bytes, and how much they may grow.
_MAX_RECORD: Final = (1 << 14) + 2048
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
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._inner: Any = context._wrap_bio(
            self._incoming, self._outgoing, server_side, server_hostname, owner=owner, session=session
        )
        # What OpenSSL wrote and the socket did not take yet.
        self._unsent = b""
        # Part of a record's header.
        self._header = b""
        # The rest of the record whose header OpenSSL was given.
        self._missing = 0
        # The peer has sent its last byte.
        self._ended = False
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
        try:
            self._drive(self._inner.do_handshake, deadline, "The handshake operation timed out")
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in _TIME_ERRORS:
                error.add_note("It is judged by the simulated host's clock, which follows virtual time.")
            raise
        try:
            self._flush(deadline, "The handshake operation timed out")
        except (BrokenPipeError, ConnectionResetError):
            # OpenSSL: a client that has left need not get its session tickets.
            if not self._inner.server_side:
                raise
            self._unsent = b""

    def read(self, size: int, buffer: Any = None) -> Any:
        deadline = self._begin()
        arguments = (size,) if buffer is None else (size, buffer)
        try:
            result = self._drive(
                partial(self._inner.read, *arguments), deadline, "The read operation timed out"
            )
        except ConnectionError:
            if _TELLS_ERRORS:
                raise
            failed = True
        else:
            failed = False
        if failed:
            raise _end_of_file()
        self._flush_quietly()
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
        if len(content) < self._written:
            # OpenSSL insists on getting the same data again, and gives the connection up.
            self._broken = True
            self._unsent = b""
            failure = _ssl_error(ssl.SSLError, ssl.SSL_ERROR_SSL, "[SSL: BAD_LENGTH] bad length")
            failure.reason, failure.library = "BAD_LENGTH", "SSL"
            raise failure
        self._flush(deadline, text)
        while self._written < len(content):
            part = content[self._written : self._written + _MAX_PLAIN]
            self._written += self._drive(partial(self._inner.write, part), deadline, text)
            self._flush(deadline, text)
        self._written = 0
        return len(content)

    def shutdown(self) -> object:
        deadline = self._begin()
        self._drive(self._inner.shutdown, deadline, "The read operation timed out")
        self._flush(deadline, "The write operation timed out")
        return self._socket()

    # Between OpenSSL and the socket

    def _begin(self) -> int:
        if self._socket() is None:
            raise _ssl_error(ssl.SSLError, 0, "Underlying socket connection gone")
        if self._state.fd < 0:
            raise _ssl_error(ssl.SSLError, 0, "Underlying socket has been closed.")
        return self._state.deadline()

    def _drive(self, attempt: Callable[[], T], deadline: int, timeout_text: str) -> T:
        """Make ``attempt`` until OpenSSL needs no more from the peer."""
        if self._broken:
            raise _end_of_file()
        while True:
            self._flush(deadline, timeout_text)
            try:
                return attempt()
            except ssl.SSLWantReadError:
                # Not kept: it holds this frame, and so would keep the socket from being forgotten.
                pass
            except ssl.SSLError:
                # The alert that says why.
                self._flush_quietly()
                raise
            # Outside the handler: what is raised here does not come from that error.
            self._flush(deadline, timeout_text)
            self._feed(deadline, timeout_text)

    def _feed(self, deadline: int, timeout_text: str) -> None:
        """Receive a part of a record, at most one."""
        if not self._missing:
            self._header += self._receive(_HEADER - len(self._header), deadline, timeout_text)
            if len(self._header) < _HEADER:
                if self._ended:
                    self._incoming.write_eof()
                return
            header, self._header = self._header, b""
            self._incoming.write(header)
            self._missing = _length_of_rest(header)
            if not self._missing:
                return
        data = self._receive(self._missing, deadline, timeout_text)
        if self._ended:
            self._incoming.write_eof()
            return
        self._missing -= len(data)
        self._incoming.write(data)

    def _receive(self, count: int, deadline: int, timeout_text: str) -> bytes:
        state = self._state
        file = state.file()
        try:
            data: bytes = state.call_until(
                file, READING, 0, "TLS read", lambda: file.recv(count, 0), deadline
            )
        except BlockingIOError:
            pass
        except TimeoutError as error:
            if error.errno is not None:
                raise
            raise TimeoutError(timeout_text) from None
        else:
            if not data:
                self._ended = True
            return data
        raise _ssl_error(
            ssl.SSLWantReadError, ssl.SSL_ERROR_WANT_READ, "The operation did not complete (read)"
        )

    def _flush(self, deadline: int, timeout_text: str) -> None:
        """Send what OpenSSL has written. Raises SSLWantWriteError if not all can go now."""
        state = self._state
        while True:
            if self._outgoing.pending:
                self._unsent += self._outgoing.read()
            if not self._unsent:
                return
            try:
                sent = state._send(state.file(), self._unsent, 0, "TLS write", deadline)
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
            self._unsent = self._unsent[sent:]

    def _flush_quietly(self) -> None:
        """Send what can be sent now; a result or an error that is already there counts more."""
        try:
            self._flush(self._state.deadline(), "")
        except OSError:
            pass


def _length_of_rest(header: bytes) -> int:
    """How much of a record follows its header; 0 if it is none, which OpenSSL is then to judge."""
    if len(header) < _HEADER or header[1] != 3:
        return 0
    length = int.from_bytes(header[3:5], "big")
    return length if _FIRST_TYPE <= header[0] <= _LAST_TYPE and length <= _MAX_RECORD else 0


def _ssl_error(kind: type[ssl.SSLError], number: int, text: str) -> ssl.SSLError:
    error = kind(number, f"{text} (_ssl.c)")
    error.reason = error.library = None  # type: ignore[assignment]  # as _ssl.c leaves them
    return error


def _end_of_file() -> ssl.SSLError:
    return _ssl_error(ssl.SSLEOFError, ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol")
