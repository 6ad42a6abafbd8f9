"""ICMP and ICMPv6 messages by the names scripts use (RFC 792, RFC 1812, RFC 4443)."""

from __future__ import annotations

from typing import Final

from .script import Icmp

UNREACHABLE: Final = {
    "net_unreachable": 0,
    "host_unreachable": 1,
    "protocol_unreachable": 2,
    "port_unreachable": 3,
    "frag_needed": 4,
    "source_route_failed": 5,
    "net_unknown": 6,
    "host_unknown": 7,
    "source_host_isolated": 8,
    "net_prohibited": 9,
    "host_prohibited": 10,
    "net_unreachable_for_tos": 11,
    "host_unreachable_for_tos": 12,
    "packet_filtered": 13,
    "precedence_violation": 14,
    "precedence_cutoff": 15,
}
_TYPES: Final[dict[str, tuple[int, dict[str, int]]]] = {
    "echo_reply": (0, {}),
    "unreachable": (3, UNREACHABLE),
    "source_quench": (4, {}),
    "redirect": (5, {}),
    "echo_request": (8, {}),
    "time_exceeded": (11, {}),
    "parameter_problem": (12, {}),
    "timestamp_request": (13, {}),
    "timestamp_reply": (14, {}),
    "information_request": (15, {}),
    "information_reply": (16, {}),
    "address_mask_request": (17, {}),
    "address_mask_reply": (18, {}),
}
UNREACHABLE_V6: Final = {
    "net_unreachable": 0,
    "no_route": 0,
    "admin_prohibited": 1,
    "not_neighbour": 2,
    "address_unreachable": 3,
    "port_unreachable": 4,
}
_TYPES_V6: Final[dict[str, tuple[int, dict[str, int]]]] = {
    "unreachable": (1, UNREACHABLE_V6),
    "packet_too_big": (2, {}),
    "time_exceeded": (3, {"exceeded_hop_limit": 0, "exceeded_frag_time": 1}),
    "parameter_problem": (4, {"header_field": 0, "unknown_next_header": 1, "unknown_option": 2}),
    "echo_request": (128, {}),
    "echo_reply": (129, {}),
}
FRAG_NEEDED: Final = 4


def icmp_numbers(message: Icmp, v6: bool) -> tuple[int, int]:
    """Type and code of ``message``. Raises ValueError naming what is wrong with it."""
    types = _TYPES_V6 if v6 else _TYPES
    family = "ICMPv6" if v6 else "ICMP"
    codes: dict[str, int] = {}
    if message.type in types:
        kind, codes = types[message.type]
    else:
        kind = _numbered(message.type, "type_", f"{family} type", list(types))
    code = 0
    if message.code in codes:
        code = codes[message.code]
    elif message.code:
        code = _numbered(message.code, "code_", f"code of {family} {message.type}", list(codes))
    if message.mtu >= 0 and (kind, code) != ((2, 0) if v6 else (3, FRAG_NEEDED)):
        name = "packet_too_big" if v6 else "unreachable frag_needed"
        raise ValueError(f"mtu {message.mtu}: {family} gives an MTU only with {name}")
    return kind, code


def icmp_text(kind: int, code: int, v6: bool) -> str:
    """Type and code as a script writes them."""
    for name, (number, codes) in (_TYPES_V6 if v6 else _TYPES).items():
        if number == kind:
            for code_name, code_number in codes.items():
                if code_number == code:
                    return f"{name} {code_name}"
            return name if code == 0 else f"{name} code_{code}"
    return f"type_{kind} code_{code}"


def _numbered(text: str, prefix: str, what: str, known: list[str]) -> int:
    digits = text.removeprefix(prefix)
    if digits == text or not digits.isdecimal() or int(digits) > 255:
        names = ", ".join([*known, f"{prefix}N"])
        raise ValueError(f"{what} {text!r} is none of {names}")
    return int(digits)
