"""TCP options (RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413) as one object a segment."""

from __future__ import annotations

from struct import Struct
from typing import Final

from .packet import WireError

OPTION_END: Final = 0
OPTION_NOP: Final = 1
OPTION_MSS: Final = 2
OPTION_WSCALE: Final = 3
OPTION_SACK_PERMITTED: Final = 4
OPTION_SACK: Final = 5
OPTION_TIMESTAMPS: Final = 8
OPTION_FASTOPEN: Final = 34
OPTION_EXPERIMENT: Final = 254
"""RFC 4727; RFC 6994 has a number first that tells what the experiment is."""

_EXPERIMENT_FASTOPEN: Final = b"\xf9\x89"
"""Fast Open before RFC 7413, still spoken."""

MAX_LENGTH: Final = 40
"""What the 4-bit data offset leaves for options, in bytes."""

# One 32-bit word each, as Linux lays them out (tcp_options_write).
_MSS: Final = Struct(">BBH")
_SACK_PERMITTED_TIMESTAMPS: Final = Struct(">BBBBII")
_TIMESTAMPS: Final = Struct(">BBII")
_BLOCK: Final = Struct(">II")
_NOP_NOP: Final = b"\x01\x01"
_SHORT: Final = Struct(">H")


class TcpOptions:
    """The options of one segment.

    ``mss`` (bytes) and ``wscale`` (shift count) are -1 when absent. ``fastopen`` is the cookie,
    ``b""`` a request for one, None when absent; ``fastopen_exp`` tells that it is in the experimental
    option. ``sack`` holds (left edge, right edge) pairs in the
    order sent. ``unknown`` holds (kind, data) of options without a meaning here.
    """

    __slots__ = (
        "fastopen",
        "fastopen_exp",
        "mss",
        "sack",
        "sack_permitted",
        "timestamps",
        "ts_ecr",
        "ts_val",
        "unknown",
        "wscale",
    )

    def __init__(self) -> None:
        self.mss: int = -1
        self.wscale: int = -1
        self.sack_permitted: bool = False
        self.timestamps: bool = False
        self.ts_val: int = 0
        self.ts_ecr: int = 0
        self.sack: list[tuple[int, int]] = []
        self.fastopen: bytes | None = None
        self.fastopen_exp: bool = False
        self.unknown: list[tuple[int, bytes]] = []

    def wire_length(self) -> int:
        """Length in bytes with padding, a multiple of 4."""
        length = self._aligned_length()
        return length if length <= MAX_LENGTH else (self._packed_length() + 3) & ~3

    def _aligned_length(self) -> int:
        length = 0
        if self.timestamps:
            length = 12
        elif self.sack_permitted:
            length = 4
        if self.mss >= 0:
            length += 4
        if self.wscale >= 0:
            length += 4
        if self.sack:
            length += 4 + 8 * len(self.sack)
        if self.fastopen is not None or self.unknown:
            length += self._rest_length()
        return (length + 3) & ~3

    def _packed_length(self) -> int:
        length = self._rest_length()
        if self.mss >= 0:
            length += 4
        if self.sack_permitted:
            length += 2
        if self.timestamps:
            length += 10
        if self.wscale >= 0:
            length += 3
        if self.sack:
            length += 2 + 8 * len(self.sack)
        return length

    def _rest_length(self) -> int:
        length = 0
        if self.fastopen is not None:
            length = (4 if self.fastopen_exp else 2) + len(self.fastopen)
        for _, data in self.unknown:
            length += 2 + len(data)
        return length

    def serialize(self) -> bytes:
        """The bytes in the order and alignment of Linux (``tcp_options_write``), padded with NOPs.

        Options of a foreign stack that fit only without alignment are packed. Raises WireError if
        they need more than 40 bytes even so.
        """
        if self._aligned_length() <= MAX_LENGTH:
            data = self._serialize_known(_NOP_NOP, b"\x01") + self._serialize_rest()
        else:
            data = self._serialize_known(b"", b"") + self._serialize_rest()
        length = len(data)
        if length > MAX_LENGTH:
            raise WireError("tcp", "options length", length, "at most 40 bytes fit the header")
        if length & 3:
            data += b"\x01" * (4 - (length & 3))
        return data

    def _serialize_known(self, two: bytes, one: bytes) -> bytes:
        """MSS to SACK, each led by the NOPs that align it."""
        data = b""
        if self.mss >= 0:
            data = _MSS.pack(OPTION_MSS, 4, self.mss)
        if self.timestamps:
            if self.sack_permitted:
                data += _SACK_PERMITTED_TIMESTAMPS.pack(
                    OPTION_SACK_PERMITTED, 2, OPTION_TIMESTAMPS, 10, self.ts_val, self.ts_ecr
                )
            else:
                data += two + _TIMESTAMPS.pack(OPTION_TIMESTAMPS, 10, self.ts_val, self.ts_ecr)
        elif self.sack_permitted:
            data += two + b"\x04\x02"
        if self.wscale >= 0:
            data += one + bytes((OPTION_WSCALE, 3, self.wscale))
        if self.sack:
            data += two + bytes((OPTION_SACK, 2 + 8 * len(self.sack)))
            for left, right in self.sack:
                data += _BLOCK.pack(left, right)
        return data

    def _serialize_rest(self) -> bytes:
        data = b""
        if self.fastopen is not None:
            if self.fastopen_exp:
                data = bytes((OPTION_EXPERIMENT, 4 + len(self.fastopen))) + _EXPERIMENT_FASTOPEN
            else:
                data = bytes((OPTION_FASTOPEN, 2 + len(self.fastopen)))
            data += self.fastopen
        for kind, value in self.unknown:
            data += bytes((kind, 2 + len(value))) + value
        return data

    def __repr__(self) -> str:
        parts: list[str] = []
        if self.mss >= 0:
            parts.append(f"mss {self.mss}")
        if self.sack_permitted:
            parts.append("sackOK")
        if self.timestamps:
            parts.append(f"TS val {self.ts_val} ecr {self.ts_ecr}")
        if self.wscale >= 0:
            parts.append(f"wscale {self.wscale}")
        if self.sack:
            parts.append("sack " + " ".join(f"{left}:{right}" for left, right in self.sack))
        if self.fastopen is not None:
            name = "tfo-exp" if self.fastopen_exp else "tfo"
            parts.append(f"{name} {self.fastopen.hex() or 'request'}")
        for kind, value in self.unknown:
            parts.append(f"option {kind} {value.hex()}")
        return f"TcpOptions({', '.join(parts)})"


def parse_tcp_options(data: bytes) -> TcpOptions:
    """The options in ``data``, the bytes between a TCP header's first 20 and its payload.

    Of an option given twice the last counts; SACK blocks add up. A length no option can have, or one that
    runs past the end, ends the options, and one wrong for its kind makes that option unknown: RFC 9293
    MUST-7, which suggests a reset, and Linux's ``tcp_parse_options``, which goes on with what it has.
    """
    options = TcpOptions()
    end = len(data)
    at = 0
    while at < end:
        kind = data[at]
        if kind == OPTION_NOP:
            at += 1
            continue
        if kind == OPTION_END or at + 1 >= end:
            break
        length = data[at + 1]
        if length < 2 or at + length > end:
            break
        if kind == OPTION_TIMESTAMPS and length == 10:
            words = _BLOCK.unpack_from(data, at + 2)
            options.timestamps = True
            options.ts_val = words[0]
            options.ts_ecr = words[1]
        elif kind == OPTION_SACK and length >= 10 and (length & 7) == 2:
            for position in range(at + 2, at + length, 8):
                edges = _BLOCK.unpack_from(data, position)
                left: int = edges[0]
                right: int = edges[1]
                options.sack.append((left, right))
        elif kind == OPTION_MSS and length == 4:
            options.mss = _SHORT.unpack_from(data, at + 2)[0]
        elif kind == OPTION_SACK_PERMITTED and length == 2:
            options.sack_permitted = True
        elif kind == OPTION_WSCALE and length == 3:
            options.wscale = data[at + 2]
        elif kind == OPTION_FASTOPEN:
            options.fastopen = data[at + 2 : at + length]
            options.fastopen_exp = False
        elif kind == OPTION_EXPERIMENT and data[at + 2 : at + 4] == _EXPERIMENT_FASTOPEN and length >= 4:
            options.fastopen = data[at + 4 : at + length]
            options.fastopen_exp = True
        else:
            options.unknown.append((kind, data[at + 2 : at + length]))
        at += length
    return options
