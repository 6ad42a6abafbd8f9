"""Running script files and saying what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..capture.recorder import Annotator, PcapngRecorder
from ..kernel.kernel import EPOCH_NS
from .errors import Difference, Failure, ScriptError, Unsupported
from .parser import parse_script
from .runner import Passed, Runner, Stopped
from .settings import IPV4, IPV6, Settings
from .testbed import Testbed

PASSED: Final = "passed"
FAILED: Final = "failed"
WRONG: Final = "error"
NOT_SUPPORTED: Final = "not supported"
SKIPPED: Final = "skipped"

SUFFIX: Final = ".pkt"


class CaptureError(Exception):
    """The capture that was asked for cannot be written."""


@dataclass
class Outcome:
    """What became of one script. ``status`` is PASSED, FAILED (the host did otherwise), WRONG (the script
    is), NOT_SUPPORTED or SKIPPED (it is not for this IP version)."""

    path: str
    version: str
    status: str
    message: str = ""
    line: int = 0
    column: int = 0
    source: str = ""
    """The event's text."""
    expected: str = ""
    seen: str = ""
    differences: list[Difference] = field(default_factory=list)
    packets: list[Passed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    virtual: int = 0
    """Virtual time it took, in ns."""


@dataclass
class Options:
    """How to run scripts. ``version`` is empty if none was asked for: then scripts say it, or it is IPv4."""

    seed: int = 0
    bytes_on_wire: bool = False
    version: str = ""
    script_options: list[tuple[str, str | None]] = field(default_factory=list)
    pcap: str = ""


def scripts_below(paths: list[str]) -> list[str]:
    """The files named, and every ``*.pkt`` below the directories named, sorted.

    Raises ValueError for a path that is not there, or a directory without scripts.
    """
    found: list[str] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            below = sorted(str(one) for one in path.rglob(f"*{SUFFIX}") if one.is_file())
            if not below:
                raise ValueError(f"{text}: there is no *{SUFFIX} file in this directory")
            found.extend(below)
        elif path.exists():
            found.append(text)
        else:
            raise ValueError(f"{text}: there is no such file")
    return found


def check_options(version: str, given: list[tuple[str, str | None]]) -> None:
    """Raises ValueError for an option that no script could have."""
    try:
        Settings(version or IPV4, given, version != "")
    except ScriptError as error:
        raise ValueError(error.message) from None


def drill_file(path: str, options: Options) -> Outcome:
    """Run one script file. Whatever is wrong with it becomes an outcome.

    Raises CaptureError if the capture that was asked for cannot be written.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        return Outcome(path, options.version or IPV4, WRONG, f"cannot be read: {error.strerror}")
    if b"\0" in data:
        place = data.index(b"\0")
        return Outcome(path, options.version or IPV4, WRONG, f"is no text: byte {place} is NUL")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # packetdrill takes any bytes, and older scripts name their authors in Latin-1.
        text = data.decode("latin-1")
    return drill_text(path, text, options)


def drill_text(path: str, text: str, options: Options) -> Outcome:
    """Run one script whose text is at hand; ``path`` is its name, and its folder that of its commands."""
    stem = path.removesuffix(SUFFIX)
    named = IPV6 if stem.endswith("v6") else IPV4 if stem.endswith("v4") else ""
    version = options.version or named or IPV4
    outcome = Outcome(path, version, PASSED)
    # Before it is read: what is only for IPv6 need not make sense for IPv4.
    only = _only_for(named, version, version)
    if options.version and only:
        outcome.status, outcome.message = SKIPPED, f"only for {only}"
        return outcome
    try:
        settings = Settings(version, options.script_options, options.version != "")
        script = parse_script(path, text, settings)
    except ScriptError as error:
        return _wrong(outcome, error)
    except ValueError as error:
        return _wrong(outcome, ScriptError(str(error), 0))
    only = _only_for(named, settings.version, version)
    if options.version and only:
        outcome.status, outcome.message = SKIPPED, f"only for {only}"
        return outcome
    outcome.version = settings.version
    if settings.dry_run:
        return outcome
    testbed = Testbed(settings, options.seed, options.bytes_on_wire)
    recorder = _recorder(options, testbed, path)
    runner = Runner(script, settings, testbed, Path(path).parent)
    try:
        runner.run()
    except Stopped as stopped:
        _stopped(outcome, stopped)
    finally:
        if recorder is not None:
            recorder.close()
        testbed.close()
    outcome.packets = list(runner.passed)
    outcome.told = runner.told
    outcome.warnings = [f"line {line}: {warning}" for line, warning in runner.warnings]
    outcome.virtual = testbed.now()
    return outcome


def _only_for(named: str, said: str, asked: str) -> str:
    """The IP version a script is for, if another was asked for."""
    if said != asked:
        return said
    if named and (named == IPV6) != (asked == IPV6):
        return "IPv6" if named == IPV6 else "IPv4"
    return ""


def _wrong(outcome: Outcome, error: ScriptError) -> Outcome:
    outcome.status, outcome.message = WRONG, error.message
    outcome.line, outcome.column = error.line, error.column
    return outcome


def _stopped(outcome: Outcome, stopped: Stopped) -> None:
    reason = stopped.reason
    outcome.line = stopped.line
    if stopped.event is not None:
        outcome.source = stopped.event.text
        outcome.line = outcome.line or stopped.event.line
    if isinstance(reason, ScriptError):
        _wrong(outcome, reason)
    elif isinstance(reason, Unsupported):
        outcome.status, outcome.message = NOT_SUPPORTED, reason.what
    else:
        assert isinstance(reason, Failure)
        outcome.status, outcome.message = FAILED, reason.message
        outcome.expected, outcome.seen = reason.expected, reason.seen
        outcome.differences = reason.differences


def _recorder(options: Options, testbed: Testbed, path: str) -> PcapngRecorder | None:
    if not options.pcap:
        return None
    target = Path(options.pcap)
    if target.is_dir():
        target = target / (Path(path).stem + ".pcapng")
    try:
        file = target.open("wb")
    except OSError as error:
        raise CaptureError(f"--pcap: {target} cannot be written: {error.strerror}") from None
    recorder = PcapngRecorder(file, EPOCH_NS, Annotator())
    testbed.tun.tap = recorder
    return recorder
