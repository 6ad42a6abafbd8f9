"""DNS messages (RFC 1035, with EDNS of RFC 6891): questions, records, and both as bytes.

Names are text without the final dot, "" for the root; they compare without case, as RFC 4343 says.
"""

from __future__ import annotations

from typing import Final

TYPE_A: Final = 1
TYPE_NS: Final = 2
TYPE_CNAME: Final = 5
TYPE_SOA: Final = 6
TYPE_PTR: Final = 12
TYPE_MX: Final = 15
TYPE_TXT: Final = 16
TYPE_AAAA: Final = 28
TYPE_SRV: Final = 33
TYPE_OPT: Final = 41
TYPE_ANY: Final = 255
CLASS_IN: Final = 1
CLASS_ANY: Final = 255

NOERROR: Final = 0
FORMERR: Final = 1
SERVFAIL: Final = 2
NXDOMAIN: Final = 3
NOTIMP: Final = 4
REFUSED: Final = 5
BADVERS: Final = 16

FLAG_QR: Final = 0x8000
FLAG_AA: Final = 0x0400
FLAG_TC: Final = 0x0200
FLAG_RD: Final = 0x0100
FLAG_RA: Final = 0x0080
_OPCODE: Final = 0x7800

PLAIN_SIZE: Final = 512
"""What a UDP answer may hold if the question says nothing."""
_HEADER: Final = 12
_MAX_POINTERS: Final = 64


class DnsError(ValueError):
    """Bytes that are no DNS message, or a name that cannot be in one."""


class DnsRecord:
    """A resource record. ``data`` is its RDATA as bytes, with names in it written out."""

    __slots__ = ("data", "name", "ttl", "type")

    def __init__(self, name: str, type: int, ttl: int, data: bytes) -> None:
        self.name: str = name
        self.type: int = type
        self.ttl: int = ttl
        self.data: bytes = data


class DnsQuery:
    """What a server needs of a question: its one entry, the flags, and what EDNS adds."""

    __slots__ = ("edns", "edns_version", "flags", "ident", "name", "qclass", "qtype", "size")

    def __init__(self, ident: int, flags: int, name: str, qtype: int, qclass: int) -> None:
        self.ident: int = ident
        self.flags: int = flags
        self.name: str = name
        self.qtype: int = qtype
        self.qclass: int = qclass
        self.edns: bool = False
        self.edns_version: int = 0
        self.size: int = PLAIN_SIZE
        """Bytes of an answer by UDP the asker takes."""

    def opcode(self) -> int:
        return (self.flags & _OPCODE) >> 11


def encode_name(name: str) -> bytes:
    """``name`` as labels. Raises DnsError if a label is empty or beyond 63 bytes, or all beyond 255."""
    out = b""
    if name:
        for label in name.split("."):
            data = label.encode("ascii") if label.isascii() else label.encode("idna")
            if not 0 < len(data) <= 63:
                raise DnsError(f"{name!r} is not a domain name")
            out += bytes([len(data)]) + data
    out += b"\0"
    if len(out) > 255:
        raise DnsError(f"{name!r} is too long for a domain name")
    return out


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    """The name at ``at``, and where what follows it begins."""
    labels: list[str] = []
    after = -1
    pointers = 0
    while True:
        if at >= len(data):
            raise DnsError("a name reaches beyond the message")
        length = data[at]
        if length >= 0xC0:
            if at + 1 >= len(data) or pointers >= _MAX_POINTERS:
                raise DnsError("a name has a bad pointer")
            if after < 0:
                after = at + 2
            at = (length & 0x3F) << 8 | data[at + 1]
            pointers += 1
            continue
        if length > 63:
            raise DnsError("a label of an unknown kind")
        at += 1
        if length == 0:
            break
        if at + length > len(data):
            raise DnsError("a label reaches beyond the message")
        labels.append(data[at : at + length].decode("ascii", "replace"))
        at += length
    return ".".join(labels), after if after >= 0 else at


def _word(data: bytes, at: int) -> int:
    if at + 2 > len(data):
        raise DnsError("the message ends too early")
    return data[at] << 8 | data[at + 1]


def parse_query(data: bytes) -> DnsQuery:
    """The question in ``data``. Raises DnsError if it is none, or has other than one entry."""
    if len(data) < _HEADER:
        raise DnsError("shorter than a header")
    flags = _word(data, 2)
    if flags & FLAG_QR:
        raise DnsError("an answer, not a question")
    if _word(data, 4) != 1:
        raise DnsError("not one question")
    name, at = _read_name(data, _HEADER)
    query = DnsQuery(_word(data, 0), flags, name, _word(data, at), _word(data, at + 2))
    at += 4
    for _ in range(_word(data, 6) + _word(data, 8) + _word(data, 10)):
        _, at = _read_name(data, at)
        kind = _word(data, at)
        if kind == TYPE_OPT:
            query.edns = True
            query.size = max(_word(data, at + 2), PLAIN_SIZE)
            query.edns_version = _word(data, at + 4) & 0xFF
        at += 10 + _word(data, at + 8)
    return query


def build_query(ident: int, name: str, qtype: int) -> bytes:
    """The question for records of ``name`` as a resolver sends it to a server that is to find them.

    Raises ValueError if ``name`` cannot be asked for.
    """
    header = ident.to_bytes(2, "big") + FLAG_RD.to_bytes(2, "big") + (1).to_bytes(2, "big") + bytes(6)
    return header + encode_name(name) + qtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")


class DnsReply:
    """What a resolver needs of an answer: which question it is for, how it went, the answer section."""

    __slots__ = ("answers", "flags", "ident", "name", "qclass", "qtype")

    def __init__(self, ident: int, flags: int, name: str, qtype: int, qclass: int) -> None:
        self.ident: int = ident
        self.flags: int = flags
        self.name: str = name
        self.qtype: int = qtype
        self.qclass: int = qclass
        self.answers: list[DnsRecord] = []

    def rcode(self) -> int:
        return self.flags & 0xF

    def truncated(self) -> bool:
        return self.flags & FLAG_TC != 0


def parse_reply(data: bytes) -> DnsReply:
    """The answer in ``data``, names in CNAME and PTR records written out. Raises ValueError if it is none,
    or has other than one question."""
    if len(data) < _HEADER:
        raise DnsError("shorter than a header")
    flags = _word(data, 2)
    if not flags & FLAG_QR:
        raise DnsError("a question, not an answer")
    if _word(data, 4) != 1:
        raise DnsError("not one question")
    name, at = _read_name(data, _HEADER)
    reply = DnsReply(_word(data, 0), flags, name, _word(data, at), _word(data, at + 2))
    at += 4
    for _ in range(_word(data, 6)):
        owner, at = _read_name(data, at)
        kind = _word(data, at)
        ttl = _word(data, at + 4) << 16 | _word(data, at + 6)
        size = _word(data, at + 8)
        at += 10
        if at + size > len(data):
            raise DnsError("a record reaches beyond the message")
        content = data[at : at + size]
        if kind in (TYPE_CNAME, TYPE_PTR):
            content = _written_out(data, at)
        at += size
        reply.answers.append(DnsRecord(owner, kind, ttl, content))
    return reply


def _written_out(data: bytes, at: int) -> bytes:
    """The name at ``at`` without pointers. Raises ValueError, also if it holds more than ASCII."""
    return encode_name(_read_name(data, at)[0])


def read_name(data: bytes) -> str:
    """The name that is the whole of a CNAME or PTR record's ``data``. Raises DnsError."""
    return _read_name(data, 0)[0]


def build_response(
    query: DnsQuery,
    rcode: int,
    flags: int,
    answers: list[DnsRecord],
    authority: list[DnsRecord],
    additional: list[DnsRecord],
    limit: int,
) -> bytes:
    """The answer to ``query`` in at most ``limit`` bytes.

    What does not fit is left out; TC is set if that is an answer or authority (RFC 2181 section 9).
    """
    question = encode_name(query.name) + query.qtype.to_bytes(2, "big") + query.qclass.to_bytes(2, "big")
    option = b""
    if query.edns:
        extended = rcode >> 4
        option = b"\0" + TYPE_OPT.to_bytes(2, "big") + (1232).to_bytes(2, "big") + bytes([extended, 0])
        option += b"\0\0\0\0"
    room = limit - _HEADER - len(question) - len(option)
    # Of names only the question's is pointed to, which saves most.
    asked = query.name.lower()
    parts: list[list[bytes]] = [[], [], []]
    truncated = False
    for number, section in enumerate((answers, authority, additional)):
        for record in section:
            name = b"\xc0\x0c" if record.name.lower() == asked else encode_name(record.name)
            made = name + record.type.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
            made += record.ttl.to_bytes(4, "big") + len(record.data).to_bytes(2, "big") + record.data
            if len(made) > room:
                truncated = truncated or number < 2
                room = 0
                break
            room -= len(made)
            parts[number].append(made)
    flags |= FLAG_QR | (query.flags & (_OPCODE | FLAG_RD)) | (rcode & 0xF)
    if truncated:
        flags |= FLAG_TC
    header = query.ident.to_bytes(2, "big") + flags.to_bytes(2, "big") + (1).to_bytes(2, "big")
    header += len(parts[0]).to_bytes(2, "big") + len(parts[1]).to_bytes(2, "big")
    header += (len(parts[2]) + (1 if option else 0)).to_bytes(2, "big")
    return header + question + b"".join(parts[0]) + b"".join(parts[1]) + b"".join(parts[2]) + option


def error_response(data: bytes, rcode: int) -> bytes:
    """The answer to a question that cannot be read; empty if not even its number can."""
    if len(data) < _HEADER or data[2] & 0x80:
        return b""
    flags = FLAG_QR | (_word(data, 2) & (_OPCODE | FLAG_RD)) | rcode
    return data[:2] + flags.to_bytes(2, "big") + b"\0" * 8
