"""TLS records between OpenSSL's memory BIOs and a simulated socket.

It receives as OpenSSL does from a descriptor: the five bytes of a record's header, then the rest of that
record and nothing beyond, so select() and pending() say what they say on a real host. One thread at a time
sends, and one receives: a program may read in one thread what it is sent while another writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..kernel.wait import WaitQueue
from ..stack.poll_bits import POLLIN
from .socket_blocking import READING, waiting_thread, would_block
from .socket_object import SimSocket

_HEADER: Final = 5
_FIRST_TYPE: Final = 20
_LAST_TYPE: Final = 24
# RFC 8446 section 5.2, RFC 5246 section 6.2.3: the plaintext's 2^14 bytes, and how much they may grow.
_MAX_RECORD: Final = (1 << 14) + 2048


class Turn:
    """What one thread does at a time, since it may wait in the middle of it."""

    def __init__(self, state: SimSocket, what: str) -> None:
        self.taken = False
        self._state = state
        self._what = what
        self._queue: WaitQueue | None = None

    def take(self, deadline: int) -> None:
        """Wait until nobody has it. ``deadline`` in virtual ns, negative for none.

        Raises TimeoutError, BlockingIOError.
        """
        while self.taken:
            thread = waiting_thread()
            if self._state.timeout <= 0 and self._state.file().nonblocking():
                thread.scheduler.polled(thread)
                raise would_block()
            if self._queue is None:
                self._queue = WaitQueue(f"{self._what} of another thread on fd {self._state.fd}")
            if not thread.scheduler.wait([(self._queue, POLLIN)], deadline, self._queue.name, deadline < 0):
                raise TimeoutError("timed out")
        self.taken = True

    def leave(self) -> None:
        self.taken = False
        if self._queue is not None:
            self._queue.wake(POLLIN)

    def __enter__(self) -> None:
        """It was taken before, with a deadline."""

    def __exit__(self, *error: object) -> None:
        self.leave()


class TlsRecords:
    """The records of one connection over ``state``.

    ``give`` and ``end`` write to OpenSSL's incoming BIO what was received, and that no more will come;
    ``take`` reads what it has put into its outgoing one.
    """

    def __init__(
        self,
        state: SimSocket,
        give: Callable[[bytes], object],
        end: Callable[[], object],
        take: Callable[[], bytes],
    ) -> None:
        self._state = state
        self._give = give
        self._end = end
        self._take = take
        self.sending = Turn(state, "TLS write")
        self._receiving = Turn(state, "TLS read")
        self.unsent = b""
        """What OpenSSL wrote and the socket did not take yet."""
        # Part of a record's header.
        self._header = b""
        # The rest of the record whose header OpenSSL was given.
        self._missing = 0
        self.ended = False
        """The peer has sent its last byte."""

    def feed(self, deadline: int) -> None:
        """Receive a part of a record, at most one. Raises OSError, BlockingIOError, TimeoutError."""
        if self._receiving.taken:
            # What the other thread has received may be all that is needed.
            self._receiving.take(deadline)
            self._receiving.leave()
            return
        self._receiving.taken = True
        try:
            self._feed(deadline)
        finally:
            self._receiving.leave()

    def _feed(self, deadline: int) -> None:
        if not self._missing:
            self._header += self._receive(_HEADER - len(self._header), deadline)
            if len(self._header) < _HEADER:
                return
            header, self._header = self._header, b""
            self._give(header)
            self._missing = _length_of_rest(header)
            if not self._missing:
                return
        data = self._receive(self._missing, deadline)
        if data:
            self._missing -= len(data)
            self._give(data)

    def _receive(self, count: int, deadline: int) -> bytes:
        state = self._state
        file = state.file()
        data: bytes = state.call_until(file, READING, 0, "TLS read", lambda: file.recv(count, 0), deadline)
        if not data:
            self.ended = True
            self._end()
        return data

    def flush(self, deadline: int) -> None:
        """Send what OpenSSL has written. Whoever calls has the turn to send.

        Raises OSError, BlockingIOError, TimeoutError if not all can go.
        """
        state = self._state
        while True:
            self.unsent += self._take()
            if not self.unsent:
                return
            sent = state._send(state.file(), self.unsent, 0, "TLS write", deadline)
            self.unsent = self.unsent[sent:]

    def flush_between(self, deadline: int) -> None:
        """As :meth:`flush`, for a call that receives: where another thread is sending, it sends that too."""
        if self.sending.taken:
            return
        self.sending.taken = True
        try:
            self.flush(deadline)
        finally:
            self.sending.leave()


def _length_of_rest(header: bytes) -> int:
    """How much of a record follows its header; 0 if it is none, which OpenSSL is then to judge."""
    if header[1] != 3:
        return 0
    length = int.from_bytes(header[3:5], "big")
    return length if _FIRST_TYPE <= header[0] <= _LAST_TYPE and length <= _MAX_RECORD else 0
