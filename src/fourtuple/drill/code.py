"""Python in a script: asserts over what TCP_INFO said at that moment, run when the script has ended."""

from __future__ import annotations

import contextlib
import io
import linecache
import traceback
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from ..kernel.error import KernelError
from ..kernel.inet_stream import InetStream
from .errors import Failure, ScriptError, Unsupported
from .script import Code, Event
from .state import State
from .symbols import CODE_CONSTANTS

_MEMINFO: Final = tuple(
    f"SK_MEMINFO_{name}"
    for name in (
        "RMEM_ALLOC",
        "RCVBUF",
        "WMEM_ALLOC",
        "SNDBUF",
        "FWD_ALLOC",
        "WMEM_QUEUED",
        "OPTMEM",
        "BACKLOG",
        "DROPS",
    )
)
"""SO_MEMINFO's values in their order."""

_BBR_INFO: Final = Struct("<5I")
_BBR: Final = ("bbr_bw_lo", "bbr_bw_hi", "bbr_min_rtt", "bbr_pacing_gain", "bbr_cwnd_gain")
"""TCP_CC_INFO of bbr."""


@dataclass
class Captured:
    """One block, and the values to run it with."""

    event: Event
    code: Code
    values: dict[str, int] = field(default_factory=dict)


def capture(state: State, event: Event, code: Code) -> Captured:
    """Take the values of the socket under test. Raises Failure if it has no descriptor yet."""
    flow = state.under_test
    if flow is None or flow.script_fd < 0 or flow.closed:
        raise Failure("there is no open socket whose TCP_INFO the code could look at")
    try:
        file = state.file(flow.script_fd)
    except KernelError:
        raise Failure(f"descriptor {flow.script_fd} is not open") from None
    if not isinstance(file, InetStream):
        raise Failure(f"descriptor {flow.script_fd} is no TCP socket")
    info = file.tcb.info()
    # Compiled, its fields are descriptors of the class: there is no __dict__.
    names = [name for name in dir(info) if not name.startswith("_") and name != "pack"]
    values = {f"tcpi_{name}": getattr(info, name) for name in names}
    # Of kernels after 6.18: packetdrill reads 0 where the structure ends before them.
    values.update(tcpi_ecn_mode=0, tcpi_options2=0)
    values.update(zip(_MEMINFO, file.memory(), strict=True))
    bbr = file.tcb.cc.info(file.tcb)
    if len(bbr) == _BBR_INFO.size:
        low, high, *others = _BBR_INFO.unpack(bbr)
        values["bbr_bw"] = high << 32 | low
        values.update(zip(_BBR, (low, high, *others), strict=True))
    return Captured(event, code, values)


def run_blocks(path: str, blocks: list[Captured], output: list[str]) -> None:
    """Run the blocks as one program; lines they print are added to ``output``.

    Raises Failure for an assert that fails or any other exception, with the block's line.
    """
    namespace: dict[str, object] = {"__name__": "__main__", **CODE_CONSTANTS}
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            for block in blocks:
                namespace.update(block.values)
                _run(path, block, namespace)
    finally:
        output.extend(printed.getvalue().splitlines())


def _run(path: str, block: Captured, namespace: dict[str, object]) -> None:
    text = block.code.text.strip(" \t")
    # So that Python's line numbers are the script's.
    lead = "\n" * (block.code.line - 1)
    name = f"<{path}>"
    try:
        program = compile(f"{lead}{text}\n\n", name, "exec")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or block.code.line
        raise ScriptError(f"Python: {error.args[0]}", line) from None
    try:
        exec(program, namespace)  # noqa: S102  what a code block is
    except AssertionError as error:
        line = _line(error, name, block.code.line)
        source = (lead + text).split("\n")[line - 1].strip()
        raise _failure(f"assertion failed: {source}", str(error), source, block) from None
    except NameError as error:
        if error.name and error.name.startswith(("tcpi_", "bbr_", "dctcp_", "tcpv_")):
            raise Unsupported(f"{error.name} in Python code") from None
        raise _failure(f"Python: {error}", "", "", block) from None
    except SystemExit as error:
        if error.code not in (None, 0):
            raise _failure(f"the code exited with {error.code!r}", "", "", block) from None
    except Exception as error:
        line = _line(error, name, block.code.line)
        source = (lead + text).split("\n")[line - 1].strip()
        raise _failure(f"Python: {type(error).__name__}: {error}", "", source, block) from None


def _line(error: BaseException, name: str, default: int) -> int:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    linecache.checkcache(name)
    return next((line for line in reversed(lines) if line), default)


def _failure(message: str, detail: str, source: str, block: Captured) -> Failure:
    used = [f"{name} = {value}" for name, value in block.values.items() if name in source]
    if detail and detail != source:
        message += f" ({detail})"
    return Failure(message, source, ", ".join(used))
