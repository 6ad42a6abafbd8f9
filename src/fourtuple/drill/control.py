"""Control messages of sendmsg() and recvmsg(): made of what a script says, and compared with it."""

from __future__ import annotations

from struct import pack, unpack_from
from typing import Final

from ..kernel.socket import ControlMessage
from .arguments import Arguments, describe
from .errors import Difference, Failure
from .script import Assignment, Expression, Items, Number, Or, Structure, Word
from .state import State
from .symbols import SYMBOLS
from .testbed import START

_ERROR_FIELDS: Final = ("ee_errno", "ee_origin", "ee_type", "ee_code", "ee_info", "ee_data")
_SOCKADDR: Final = {0: 16, 41: 28}
"""What IP_RECVERR and IPV6_RECVERR append to sock_extended_err: the address of who reported it."""


def control_messages(a: Arguments, message: Structure) -> list[ControlMessage]:
    """What ``msg_control=[{cmsg_level=…, cmsg_type=…, cmsg_data=…}, …]`` says, to be sent."""
    made: list[ControlMessage] = []
    for part in _parts(a, message):
        level = a.value(part.fields["cmsg_level"], "cmsg_level")
        kind = a.value(part.fields["cmsg_type"], "cmsg_type")
        data = part.fields["cmsg_data"]
        if not isinstance(data, (Number, Word, Or)):
            raise a.fail(f"cmsg_data to send must be a number, not {describe(data)}")
        value = a.value(data, "cmsg_data")
        made.append(ControlMessage(level, kind, pack("=I", value & 0xFFFF_FFFF), None))
    return made


def _parts(a: Arguments, message: Structure) -> list[Structure]:
    listed = message.fields.get("msg_control")
    if listed is None:
        return []
    wanted = ("cmsg_level", "cmsg_type", "cmsg_data")
    return [a.structure(one, "a control message", *wanted) for one in a.items(listed, "msg_control")]


def check_control(state: State, a: Arguments, message: Structure, seen: list[ControlMessage]) -> None:
    """Raises Failure if the control messages are not those the script expects, one by one in order."""
    expected = _parts(a, message)
    for part, got in zip(expected, seen, strict=False):
        level = a.value(part.fields["cmsg_level"], "cmsg_level")
        kind = a.value(part.fields["cmsg_type"], "cmsg_type")
        if (level, kind) != (got.level, got.type):
            raise _wrong("level and type", f"{level}, {kind}", f"{got.level}, {got.type}")
        _check_data(state, a, part.fields["cmsg_data"], got)
    if len(expected) != len(seen):
        texts = ", ".join([f"level {got.level} type {got.type}" for got in seen]) or "none"
        raise _wrong("number of control messages", str(len(expected)), f"{len(seen)}: {texts}")


def _wrong(what: str, expected: str, seen: str) -> Failure:
    message = f"recvmsg() gave another {what}: {seen}, not {expected}"
    return Failure(message, expected, seen, [Difference(what, expected, seen)])


def _check_data(state: State, a: Arguments, expected: Expression, got: ControlMessage) -> None:
    data = got.data
    if isinstance(expected, Structure) and "ee_errno" in expected.fields:
        _check_error(a, expected, got)
    elif isinstance(expected, Structure) and "scm_sec" in expected.fields:
        _check_timestamp(state, a, expected, got)
    elif isinstance(expected, Items):
        _check_statistics(a, expected, data)
    else:
        number = a.value(expected, "cmsg_data")
        if len(data) != 4:
            raise _wrong("length of a control message", "4", str(len(data)))
        seen = int.from_bytes(data, "little", signed=True)
        if seen != number:
            raise _wrong("cmsg_data", str(number), str(seen))


def _check_error(a: Arguments, expected: Structure, got: ControlMessage) -> None:
    """struct sock_extended_err."""
    size = 16 + _SOCKADDR.get(got.level, 0)
    if len(got.data) < 16:
        raise _wrong("length of an extended error", str(size), str(len(got.data)))
    code, origin, kind, number, _, info, extra = unpack_from("=IBBBBII", got.data)
    for name, seen in zip(_ERROR_FIELDS, (code, origin, kind, number, info, extra), strict=True):
        if name in expected.fields:
            wanted = a.value(expected.fields[name], name) & 0xFFFF_FFFF
            if wanted != seen:
                raise _wrong(name, str(wanted), str(seen))


def _check_timestamp(state: State, a: Arguments, expected: Structure, got: ControlMessage) -> None:
    """struct scm_timestamping: the software time stamp, within the tolerance of the script's time."""
    seconds = a.value(expected.fields["scm_sec"], "scm_sec")
    wanted = seconds * 10**9 + a.value(expected.fields["scm_nsec"], "scm_nsec")
    if wanted == 0:
        return
    if len(got.data) < 16:
        raise _wrong("length of a timestamp", "48", str(len(got.data)))
    whole, fraction = unpack_from("=qq", got.data)
    live = whole * 10**9 + fraction - state.testbed.kernel.epoch_ns - START
    if abs(live - wanted) > state.settings.tolerance:
        raise _wrong("timestamp", f"{wanted / 1e9:.6f}", f"{live / 1e9:.6f}")


def _check_statistics(a: Arguments, expected: Items, data: bytes) -> None:
    """The netlink attributes of SCM_TIMESTAMPING_OPT_STATS: those the script names have its values."""
    found: dict[int, int] = {}
    at = 0
    while at + 4 <= len(data):
        length, kind = unpack_from("=HH", data, at)
        found[kind] = int.from_bytes(data[at + 4 : at + length], "little")
        at += (max(length, 4) + 3) & ~3
    for item in expected.items:
        if not isinstance(item, Assignment):
            raise a.fail(f"a statistic must be NAME=value, not {describe(item)}")
        number = SYMBOLS.get(item.name)
        if number is None:
            raise a.fail(f"there is no symbol {item.name}")
        wanted = a.value(item.value, item.name)
        if number not in found:
            raise _wrong(f"statistic {item.name}", str(wanted), "none")
        if found[number] != wanted:
            raise _wrong(f"statistic {item.name}", str(wanted), str(found[number]))
