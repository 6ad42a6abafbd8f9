"""``OpenSSL.SSL.Connection`` on a simulated socket: what pyOpenSSL does with a real descriptor.

pyOpenSSL gives the descriptor to OpenSSL (``SSL_set_fd``). Here the connection works on memory BIOs, and
``tls_records`` moves its records. As with a descriptor, O_NONBLOCK and SO_RCVTIMEO decide whether a call
waits, not the object's timeout (which sets O_NONBLOCK); what would block is WantReadError or WantWriteError,
an error of the socket SysCallError. The object does not own the descriptor, which may be closed under it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from errno import errorcode
from types import ModuleType
from typing import Any, Final, TypeVar

from ..runtime.descriptors import given
from ..runtime.thread import SimThread, current_thread
from .refusal import refuse
from .socket_object import SimSocket
from .tls_records import TlsRecords

_CHUNK: Final = 1 << 16
_DTLS: Final = 0xFE
_NEVER: Final = -1

T = TypeVar("T")


class _Transport:
    """Beneath one Connection: its descriptor and its memory BIOs."""

    def __init__(self, connection: Any, module: Any, thread: SimThread, fd: int) -> None:
        self._module = module
        lib, ffi = module._lib, module._ffi
        into, out_of = connection._into_ssl, connection._from_ssl
        buffer = ffi.new("char[]", _CHUNK)

        def give(data: bytes) -> None:
            lib.BIO_write(into, data, len(data))

        def end() -> None:
            lib.BIO_set_mem_eof_return(into, 0)

        def take() -> bytes:
            parts = []
            while (count := lib.BIO_read(out_of, buffer, _CHUNK)) > 0:
                parts.append(bytes(ffi.buffer(buffer, count)))
            return b"".join(parts)

        state = SimSocket(thread.process)
        state.fd = given(thread.process, fd) if fd >= 0 else fd
        self.records = TlsRecords(state, give, end, take)
        self.written = 0
        """What a send() that was told to come again has put into records."""
        self.alert = False
        """shutdown() was told to come again: its alert is not all sent."""
        self.accepts = False
        self._broken = False

    def drive(self, attempt: Callable[[], T], flush: Callable[[int], object]) -> T:
        """Make ``attempt`` until OpenSSL needs no more from the peer."""
        while True:
            self.send(flush)
            try:
                return attempt()
            except self._module.WantReadError:
                # Not kept, nor the context of what is raised below.
                pass
            except Exception:
                self.send_quietly(flush)
                raise
            self.send(flush)
            self._feed()

    def _feed(self) -> None:
        try:
            self.records.feed(_NEVER)
        except BlockingIOError:
            pass
        except OSError as error:
            self._broken = True
            raise self.told(error) from None
        else:
            return
        raise self._module.WantReadError

    def send(self, step: Callable[[int], object]) -> None:
        """Do ``step``, which sends. Raises WantWriteError, SysCallError."""
        if self._broken:
            # OpenSSL has given a connection up whose socket failed it.
            raise self._module.Error([])
        try:
            step(_NEVER)
        except BlockingIOError:
            raise self._module.WantWriteError from None
        except OSError as error:
            self._broken = True
            raise self.told(error) from None

    def send_quietly(self, step: Callable[[int], object]) -> None:
        """What can be sent now; a result or an error that is already there counts more."""
        try:
            step(_NEVER)
        except OSError:
            pass

    def flush_if_possible(self, deadline: int) -> None:
        """What a send() is to send again does not hinder the one who reads."""
        self.send_quietly(self.records.flush_between)

    def told(self, error: OSError) -> Exception:
        number = error.errno or 0
        told: Exception = self._module.SysCallError(number, errorcode.get(number))
        return told


def _transport(connection: Any) -> _Transport | None:
    found: _Transport | None = connection.__dict__.get("_simulated")
    return found


def _replace(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Have ``owner.name`` be the decorated function on a simulated socket, which is given the real one."""
    real = getattr(owner, name)

    def decorate(inside: Callable[..., Any]) -> None:
        @functools.wraps(real)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            transport = _transport(self)
            if transport is None:
                return real(self, *args, **kwargs)
            return inside(transport, functools.partial(real, self), *args, **kwargs)

        setattr(owner, name, call)

    return decorate


def patch(module: ModuleType) -> None:
    """Let ``Connection`` work on simulated sockets."""
    owner = vars(module)["Connection"]
    _patch_beginning(module, owner)
    _patch_reading(owner)
    _patch_writing(module, owner)


def _patch_beginning(module: Any, owner: Any) -> None:
    real = owner.__init__

    @functools.wraps(real)
    def begin(self: Any, context: Any, socket: Any = None) -> None:
        thread = current_thread()
        if socket is None or thread is None:
            real(self, context, socket)
            return
        fd = module._asFileDescriptor(socket)
        real(self, context)
        if module._lib.SSL_version(self._ssl) >> 8 == _DTLS:
            refuse(
                "DTLS on an OpenSSL.SSL.Connection with a socket",
                "use a Connection without a socket, bio_read and bio_write",
            )
        self._simulated = _Transport(self, module, thread, fd)
        # As with a descriptor: there is nothing for bio_read() and bio_write().
        self._into_ssl = self._from_ssl = None
        self._socket = socket

    owner.__init__ = begin


def _patch_reading(owner: Any) -> None:
    def read(transport: _Transport, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        flush = transport.flush_if_possible if transport.written else transport.records.flush_between
        result = transport.drive(functools.partial(real, *args, **kwargs), flush)
        transport.send_quietly(transport.records.flush_between)
        return result

    _replace(owner, "recv")(read)
    owner.read = owner.recv
    _replace(owner, "recv_into")(read)


def _patch_writing(module: Any, owner: Any) -> None:
    def send(transport: _Transport, real: Callable[..., int], buf: Any, flags: int = 0) -> int:
        records = transport.records
        transport.send(records.sending.take)
        with records.sending:
            if transport.written:
                if len(buf) < transport.written:
                    raise module.Error([("SSL routines", "", "bad length")])
                transport.send(records.flush)
                written, transport.written = transport.written, 0
                return written
            written = transport.drive(functools.partial(real, buf, flags), records.flush)
            transport.written = written
            transport.send(records.flush)
            transport.written = 0
            return written

    def sendall(transport: _Transport, real: Callable[..., int], buf: Any, flags: int = 0) -> int:
        connection = real.args[0]  # type: ignore[attr-defined]  # the partial that _replace made
        buf = module._text_to_bytes_and_warn("buf", buf)
        left = memoryview(buf).cast("B")
        total = 0
        while total < len(left):
            total += connection.send(left[total:])
        return total

    def do_handshake(transport: _Transport, real: Callable[..., None]) -> None:
        records = transport.records
        transport.send(records.sending.take)
        with records.sending:
            transport.drive(real, records.flush)
            try:
                records.flush(_NEVER)
            except (BrokenPipeError, ConnectionResetError) as error:
                # OpenSSL: a client that has left need not get its session tickets.
                if not transport.accepts:
                    raise transport.told(error) from None
                records.unsent = b""
            except BlockingIOError:
                raise module.WantWriteError from None
            except OSError as error:
                raise transport.told(error) from None

    def set_accept_state(transport: _Transport, real: Callable[..., None]) -> None:
        transport.accepts = True
        real()

    def set_connect_state(transport: _Transport, real: Callable[..., None]) -> None:
        transport.accepts = False
        real()

    def shutdown(transport: _Transport, real: Callable[..., bool]) -> bool:
        records = transport.records
        transport.send(records.sending.take)
        with records.sending:
            if transport.alert:
                transport.send(records.flush)
                transport.alert = False
                return False
            done = transport.drive(real, records.flush)
            transport.alert = True
            transport.send(records.flush)
            transport.alert = False
            return done

    def want_write(transport: _Transport, real: Callable[..., bool]) -> bool:
        return bool(transport.records.unsent) or real()

    _replace(owner, "send")(send)
    owner.write = owner.send
    for inside in (sendall, do_handshake, set_accept_state, set_connect_state, shutdown, want_write):
        _replace(owner, inside.__name__)(inside)
