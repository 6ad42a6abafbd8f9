"""Network files: TOML that says which hosts, links and programs there are. Read whole before
anything is built; ``KEYS`` is what ``fourtuple up --help`` prints."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..api.wall_clock import parse_start
from ..network.units import parse_duration, parse_probability, parse_queue, parse_rate
from ..runtime.command_line import parse_command
from ..runtime.interpreter import check_isolated
from .sections import NetworkFileError, Section, dotted, texts, truth, whole
from .sections import text as string

KEYS = """\
\b
seed = 7                       seed of everything random (default 0)
start = 2030-05-01T12:00:00Z   wall-clock time at which virtual time begins
                               (default 2026-01-01T00:00:00Z)
until = "30s"                  end the run at this virtual time

\b
[hosts.NAME]
address = "10.0.0.1"           or "10.0.0.1/16" (default /24), "fd00::1" (default /64), or a
                               list: eth0, eth1 …, an IPv4 and an IPv6 one share an
                               interface; left out: the next free one of 10.0.0.0/16
names = ["db", "db.local"]     further names it is found by
hosts = { "api.test" = "10.9.9.9" }
                               lines of its own /etc/hosts
sysctl = { "net.ipv4.tcp_sack" = 0 }
dns_server = { domain = "lab.test", ttl = 60, ask = true, records = ["_api._tcp SRV 0 0 80 web"] }
                               it answers DNS; with ask every host's getaddrinfo asks it,
                               else only programs that send DNS themselves do
dns = { servers = ["10.0.0.53"], search = ["lab.test"], timeout = 5, attempts = 2, ndots = 1 }
                               its getaddrinfo asks these by packets

\b
[[hosts.NAME.programs]]
run = "python server.py"       also "python -m MODULE", "python -c CODE", a script alone,
                               or a list of words; paths are relative to the file
start = "100ms"                when it starts (default 0s)
daemon = true                  the run does not wait for it
env = { NAME = "value" }       added to the environment
cwd = "data"                   working directory (default: the file's)
uid = 1000                     user id (default 0: root)
stdin = "text"                 what it reads (default: nothing)
isolate = ["mypkg"]            packages it imports for itself alone

\b
[switches.NAME]                a switch; links name it as they name hosts

\b
[[links]]
between = ["server", "client"] hosts or switches
addresses = ["10.1.0.1/30", "10.1.0.2/30"]
                               of new interfaces at its ends ("" for none); default: each
                               host's next address
latency = "10ms"               default 100us
jitter = "2ms"                 the latency varies by this much either way, so frames reorder
in_order = true                … but never overtake
bandwidth = "10mbit"           default unlimited
queue = 100                    packets that may wait (default 1000), or a size: "64kB"
mtu = 1500                     bytes
loss = 0.01                    probabilities of each packet; likewise duplicate, corrupt
from.server = { loss = 0.1 }   other settings for what one end sends
"""

SETTING_KEYS = ("latency", "jitter", "in_order", "bandwidth", "queue", "loss", "duplicate", "corrupt")


_NO_KEYS: dict[str, object] = {}


@dataclass
class ProgramSpec:
    key: str
    command: list[str]
    start: int
    daemon: bool
    env: dict[str, str]
    cwd: Path
    uid: int
    stdin: str
    isolate: tuple[str, ...]


@dataclass
class HostSpec:
    name: str
    address: list[str] | None
    names: list[str]
    hosts: dict[str, object]
    sysctl: dict[str, object]
    dns_server: dict[str, Any] | None = None
    dns: dict[str, Any] | None = None
    programs: list[ProgramSpec] = field(default_factory=list)


@dataclass
class LinkSpec:
    key: str
    between: tuple[str, str]
    addresses: tuple[str, str]
    mtu: int | None
    settings: dict[str, Any]
    directions: dict[str, dict[str, Any]]


@dataclass
class NetworkSpec:
    file: Path
    seed: int
    start: str | None
    until: int | None
    hosts: list[HostSpec]
    switches: list[str]
    links: list[LinkSpec]

    def fail(self, key: str, value: object, rule: str) -> NetworkFileError:
        return NetworkFileError(self.file, key, value, rule)


def read_network_file(file: Path) -> NetworkSpec:
    """What ``file`` says. Raises NetworkFileError, one line, for the first thing wrong with it."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise NetworkFileError(file, "", None, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NetworkFileError(file, "", None, f"is not TOML: {error}") from error
    top = Section(file, "", content)
    seed = top.take("seed", whole, 0)
    start = top.take("start", _start, None)
    until = top.take("until", _duration, None)
    hosts = _named(top, "hosts", _host)
    switches = _named(top, "switches", _switch)
    places = [host.name for host in hosts] + switches
    links = _listed(top, "links", lambda section: _link(section, places))
    top.finish()
    if not hosts:
        raise NetworkFileError(file, "", None, "has no host: write at least one [hosts.NAME]")
    return NetworkSpec(file, seed, start, until, hosts, switches, links)


_DNS_SERVER: Final[Mapping[str, Any]] = {"domain": string, "ttl": whole, "ask": truth, "records": texts}
_DNS: Final[Mapping[str, Any]] = {
    "servers": texts,
    "search": texts,
    "timeout": whole,
    "attempts": whole,
    "ndots": whole,
}


def _named(parent: Section, key: str, read: Any) -> list[Any]:
    """Tables of a table: ``[hosts.NAME]``."""
    tables = parent.take(key, _table, _NO_KEYS)
    return [
        read(Section(parent.file, dotted(parent.key(key), name), value), name)
        for name, value in tables.items()
    ]


def _listed(parent: Section, key: str, read: Any) -> list[Any]:
    """A list of tables: ``[[links]]``. They are counted from 1."""
    nothing: list[object] = []
    tables = parent.take(key, _tables, nothing)
    return [
        read(Section(parent.file, f"{parent.key(key)}[{number}]", value))
        for number, value in enumerate(tables, start=1)
    ]


def _start(value: object) -> str:
    text = str(value) if isinstance(value, (datetime.date, str)) else ""
    try:
        parse_start(text)
    except ValueError:
        raise ValueError("a time such as 2030-05-01T12:00:00Z, between 1970 and 2200") from None
    return text


def _host(section: Section, name: str) -> HostSpec:
    host = HostSpec(
        name,
        section.take("address", texts, None),
        section.take("names", texts, []),
        section.take("hosts", _table, _NO_KEYS),
        section.take("sysctl", _table, _NO_KEYS),
    )
    host.dns_server = section.take(
        "dns_server", lambda value: _keys(section, "dns_server", value, _DNS_SERVER), None
    )
    host.dns = section.take("dns", lambda value: _keys(section, "dns", value, _DNS), None)
    host.programs = _listed(section, "programs", _program)
    section.finish()
    return host


def _keys(parent: Section, name: str, value: object, known: Mapping[str, Any]) -> dict[str, Any]:
    """The table ``name``: those of the ``known`` keys that are there, converted."""
    section = Section(parent.file, parent.key(name), value)
    taken = {key: section.take(key, convert, None) for key, convert in known.items()}
    section.finish()
    return {key: value for key, value in taken.items() if value is not None}


def _switch(section: Section, name: str) -> str:
    section.finish()
    return name


def _program(section: Section) -> ProgramSpec:
    directory = section.file.parent.absolute()
    cwd = section.take("cwd", lambda value: _directory(directory, value), directory)
    program = ProgramSpec(
        section.name,
        section.demand("run", lambda value: _command(value, cwd), 'a command such as "python server.py"'),
        section.take("start", _duration, 0),
        section.take("daemon", truth, False),
        section.take("env", _strings, {}),
        cwd,
        section.take("uid", whole, 0),
        section.take("stdin", string, ""),
        section.take("isolate", lambda value: check_isolated(texts(value)), ()),
    )
    section.finish()
    return program


def _link(section: Section, places: list[str]) -> LinkSpec:
    rule = "two different names of hosts or switches"

    def between(value: object) -> tuple[str, str]:
        if not isinstance(value, list) or len(value) != 2 or value[0] == value[1]:
            raise ValueError(rule)
        for name in value:
            if name not in places:
                raise ValueError(f"{rule}, and there is no {name!r}: allowed are {', '.join(places)}")
        return value[0], value[1]

    ends = section.demand("between", between, rule)
    link = LinkSpec(
        section.name,
        ends,
        section.take("addresses", _two, ("", "")),
        section.take("mtu", _mtu, None),
        _settings(section),
        {},
    )

    def directions(value: object) -> dict[str, object]:
        table = _table(value)
        for name in table:
            if name not in ends:
                raise ValueError(f"the ends of this link are {ends[0]} and {ends[1]}")
        return table

    for name, value in section.take("from", directions, _NO_KEYS).items():
        inner = Section(section.file, dotted(section.key("from"), name), value)
        link.directions[name] = _settings(inner)
        inner.finish()
    section.finish()
    return link


def _settings(section: Section) -> dict[str, Any]:
    readers = {
        "latency": _latency,
        "jitter": _duration,
        "in_order": truth,
        "bandwidth": _rate,
        "queue": _queue,
        "loss": _probability,
        "duplicate": _probability,
        "corrupt": _probability,
    }
    found = {key: section.take(key, readers[key], None) for key in SETTING_KEYS}
    return {key: value for key, value in found.items() if value is not None}


# Converters: what they say in a ValueError is the rule an error shows.


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    return value


def _tables(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("must be a list of tables")
    return value


def _strings(value: object) -> dict[str, str]:
    table = _table(value)
    if not all(isinstance(item, str) for item in table.values()):
        raise ValueError("must be a table of strings")
    return {key: str(item) for key, item in table.items()}


def _two(value: object) -> tuple[str, str]:
    items = texts(value)
    if len(items) != 2:
        raise ValueError('two addresses such as "10.1.0.1/30", one for each end; "" for none')
    return items[0], items[1]


def _duration(value: object) -> int:
    return parse_duration(_with_unit(value, "a duration such as 250us, 10ms, 1.5s, 2min or 1h"))


def _latency(value: object) -> int:
    latency = _duration(value)
    if latency == 0:
        raise ValueError("at least 1ns, so that time passes")
    return latency


def _rate(value: object) -> int:
    return parse_rate(_with_unit(value, "a rate such as 56kbit, 10mbit or 1gbit"))


def _queue(value: object) -> Any:
    parse_queue(value)
    return value


def _mtu(value: object) -> int:
    mtu = whole(value)
    if not 68 <= mtu <= 65535:
        raise ValueError("bytes from 68 to 65535")
    return mtu


def _probability(value: object) -> float:
    return parse_probability(value)


def _with_unit(value: object, rule: str) -> str:
    if not isinstance(value, str):
        raise ValueError(rule)
    return value


def _directory(base: Path, value: object) -> Path:
    path = base / string(value)
    if not path.is_dir():
        raise ValueError(f"there is no directory {path}")
    return path


def _command(value: object, cwd: Path) -> list[str]:
    if isinstance(value, list) and value:
        command = parse_command(texts(value))
    else:
        command = parse_command(string(value))
    command.check(cwd)
    return command.words
