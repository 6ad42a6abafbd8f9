"""Questions to name servers, asked as glibc 2.36 asks them (resolv/res_send.c, resolv/res_query.c).

The questions for A and AAAA go out together on one UDP socket of the process; who loses one answer of
the two asks again one after the other, then each from a socket of its own. A truncated answer is asked for
again by TCP. A server that refuses, fails or says nothing in time is followed by the next.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from ..clock.clock import SECOND
from ..kernel.sockaddr import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM
from ..runtime.thread import SimThread
from ..wire.address import V4_LOOPBACK, format_ip, format_mapped, is_v4
from ..wire.dns import (
    CLASS_IN,
    NOERROR,
    NOTIMP,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    DnsReply,
    build_query,
    parse_reply,
)

if TYPE_CHECKING:
    from ..kernel.host_names import HostNames
    from .socket_object import SimSocket

# h_errno of <netdb.h>.
SUCCESS: Final = 0
HOST_NOT_FOUND: Final = 1
TRY_AGAIN: Final = 2
NO_RECOVERY: Final = 3
NO_DATA: Final = 4

_PORT: Final = 53
_MAX_SERVERS: Final = 3
_UDP_ROOM: Final = 65_536
_FAILED: Final = (SERVFAIL, NOTIMP, REFUSED)
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")

# How a pair of questions is asked.
_TOGETHER: Final = 0
_ONE_BY_ONE: Final = 1
_ON_TWO_SOCKETS: Final = 2
# A thread that had to change it stays with it (RES_SNGLKUP, RES_SNGLKUPREOP).
_manners: Final[WeakKeyDictionary[SimThread, int]] = WeakKeyDictionary()

# What came of asking one server.
_ANSWERED: Final = 0
_NEXT: Final = 1
_TRUNCATED: Final = 2


class NoDescriptor(OSError):
    """The process cannot have a socket to ask with (EAI_SYSTEM)."""


class Outcome:
    """What was found: an h_errno, and the replies if it is SUCCESS."""

    __slots__ = ("herrno", "replies")

    def __init__(self, herrno: int, replies: list[DnsReply]) -> None:
        self.herrno = herrno
        self.replies = replies


def search(thread: SimThread, name: str, types: list[int]) -> Outcome:
    """Ask for ``name``, as it is and in the domains of the search list, in the order resolv.conf(5) says.

    Raises OSError if the process has no descriptor left.
    """
    names = thread.process.kernel.host_names
    if name.startswith("-") or not _NAME_CHARACTERS.issuperset(name.lower()):
        return Outcome(HOST_NOT_FOUND, [])
    dots = name.count(".")
    first = -1
    if dots >= names.ndots or name.endswith("."):
        asked = _Lookup(thread, names, name.removesuffix("."), types)
        outcome = asked.run()
        if outcome.herrno == SUCCESS or name.endswith("."):
            return outcome
        first = outcome.herrno
    no_data = failed = False
    for domain in names.search:
        asked = _Lookup(thread, names, f"{name}.{domain}", types)
        outcome = asked.run()
        if outcome.herrno == SUCCESS or asked.unreachable:
            return outcome
        no_data = no_data or outcome.herrno == NO_DATA
        if outcome.herrno == TRY_AGAIN and asked.failed:
            failed = True
        elif outcome.herrno not in (NO_DATA, HOST_NOT_FOUND):
            break
    if first < 0:
        outcome = _Lookup(thread, names, name, types).run()
        if outcome.herrno == SUCCESS:
            return outcome
        first = outcome.herrno if not (no_data or failed) else -1
    if first >= 0:
        return Outcome(first, [])
    return Outcome(NO_DATA if no_data else TRY_AGAIN, [])


def query(thread: SimThread, name: str, type: int) -> Outcome:
    """Ask for ``name`` as it is. Raises OSError as :func:`search`."""
    return _Lookup(thread, thread.process.kernel.host_names, name, [type]).run()


class _Question:
    __slots__ = ("data", "done", "ident", "name", "reply", "type")

    def __init__(self, ident: int, name: str, type: int) -> None:
        self.ident = ident
        self.name = name
        self.type = type
        self.data = build_query(ident, name, type)
        self.done = False
        self.reply: DnsReply | None = None

    def answered_by(self, reply: DnsReply) -> bool:
        return (reply.ident, reply.qtype, reply.qclass) == (self.ident, self.type, CLASS_IN) and (
            reply.name.lower() == self.name.lower()
        )


class _Lookup:
    """One name asked for with one or two types."""

    def __init__(self, thread: SimThread, names: HostNames, name: str, types: list[int]) -> None:
        self._thread = thread
        self._names = names
        self._name = name
        self._types = types
        self._questions: list[_Question] = []
        self._sock: SimSocket | None = None
        self.unreachable = True
        """Has no server been heard of or waited for?"""
        self.failed = False
        """Was the last answer SERVFAIL?"""

    def run(self) -> Outcome:
        try:
            self._questions = [
                _Question(self._thread.state.stream.below(65_536), self._name, type) for type in self._types
            ]
        except ValueError:
            return Outcome(NO_RECOVERY, [])
        if not self._ask_servers():
            return Outcome(TRY_AGAIN, [])
        replies = [question.reply for question in self._questions if question.reply is not None]
        if any(reply.rcode() == NOERROR and reply.answers for reply in replies):
            return Outcome(SUCCESS, replies)
        codes = [reply.rcode() for reply in replies]
        worst = next((code for code in codes if code != NOERROR), NOERROR)
        return Outcome({NOERROR: NO_DATA, NXDOMAIN: HOST_NOT_FOUND}.get(worst, NO_RECOVERY), [])

    def _ask_servers(self) -> bool:
        servers = self._names.nameservers[:_MAX_SERVERS] or [V4_LOOPBACK]
        for _ in range(self._names.attempts):
            for number, server in enumerate(servers):
                seconds = self._names.timeout << number
                if number:
                    seconds = max(seconds // len(servers), 1)
                outcome = self._by_datagrams(server, seconds * SECOND)
                if outcome == _TRUNCATED:
                    outcome = self._by_stream(server)
                if outcome == _ANSWERED:
                    return True
        return False

    def _restart(self) -> None:
        for question in self._questions:
            question.done = False
            question.reply = None

    def _take(self, data: bytes) -> _Question | None:
        """The question that ``data`` answers, perhaps with a failure; None if it answers none."""
        try:
            reply = parse_reply(data)
        except ValueError:
            return None
        for question in self._questions:
            if not question.done and question.answered_by(reply):
                question.done = True
                self.unreachable = False
                self.failed = reply.rcode() == SERVFAIL
                question.reply = None if reply.rcode() in _FAILED else reply
                return question
        return None

    # UDP

    def _by_datagrams(self, server: int, timeout: int) -> int:
        while True:
            self._restart()
            manner = _manners.get(self._thread, _TOGETHER)
            try:
                return self._exchange(server, self._thread.scheduler.clock.now + timeout, manner)
            except TimeoutError:
                self.unreachable = False
                if not any(question.done for question in self._questions):
                    return _NEXT
                if manner == _ON_TWO_SOCKETS:
                    return self._verdict()
                _manners[self._thread] = manner + 1
            except NoDescriptor:
                raise
            except OSError:
                # A server that is not there answers by ICMP.
                return _NEXT
            finally:
                self._close()

    def _exchange(self, server: int, end: int, manner: int) -> int:
        """Send the questions and wait for the answers until ``end``.

        Raises TimeoutError, and other OSErrors for what ICMP says.
        """
        waiting = [question.data for question in self._questions]
        sock = self._connect(server, SOCK_DGRAM)
        for data in waiting if manner == _TOGETHER else waiting[:1]:
            sock.send(data)
        while True:
            left = end - self._thread.scheduler.clock.now
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left / SECOND)
            question = self._take(sock.recv(_UDP_ROOM))
            if question is None:
                continue
            if question.reply is not None and question.reply.truncated():
                return _TRUNCATED
            if all(each.done for each in self._questions):
                return self._verdict()
            if manner != _TOGETHER and question.reply is None:
                return _NEXT
            if manner == _ON_TWO_SOCKETS:
                sock = self._connect(server, SOCK_DGRAM)
            if manner != _TOGETHER:
                sock.send(waiting[-1])

    def _verdict(self) -> int:
        return _ANSWERED if any(question.reply is not None for question in self._questions) else _NEXT

    # TCP

    def _by_stream(self, server: int) -> int:
        self._restart()
        try:
            sock = self._connect(server, SOCK_STREAM)
            sock.sendall(
                b"".join(
                    struct.pack("!H", len(question.data)) + question.data for question in self._questions
                )
            )
            while not all(question.done for question in self._questions):
                (size,) = struct.unpack("!H", _read_exactly(sock, 2))
                self._take(_read_exactly(sock, size))
        except NoDescriptor:
            raise
        except OSError:
            return _NEXT
        finally:
            self._close()
        return self._verdict()

    # The socket

    def _connect(self, server: int, type: int) -> SimSocket:
        """A socket connected to ``server``, instead of the one before. Raises OSError."""
        # Sockets turn names into addresses by the resolver, which asks by a socket: one comes late.
        from .socket_object import SimSocket

        self._close()
        family, text = (AF_INET, format_ip(server)) if is_v4(server) else (AF_INET6, format_mapped(server))
        try:
            self._sock = SimSocket.create(self._thread.process, -1, family, type, -1, None)
        except OSError as error:
            raise NoDescriptor(error.errno, error.strerror) from None
        self._sock.connect((text, _PORT))
        return self._sock

    def _close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def _read_exactly(sock: SimSocket, size: int) -> bytes:
    """``size`` bytes. Raises ConnectionError if the stream ends before."""
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError("the server closed the connection")
        data += part
    return data
