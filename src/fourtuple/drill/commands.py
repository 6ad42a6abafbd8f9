"""The commands scripts run, as settings of the simulated host."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..kernel.socket_table import SocketRow
from ..wire.address import is_v4
from .errors import Unsupported
from .route_command import change_route
from .shell import ShellError, run_shell
from .state import State
from .testbed import INTERFACE

# What both packetdrill's and Linux's defaults.sh set. Settings this stack has in one form only (those of
# NO_EFFECT among them) are passed over, as are those that fail in defaults.sh on an older kernel.
DEFAULTS: Final = """
ip tcp_metrics flush all > /dev/null 2>&1
sysctl -q net.ipv4.tcp_rmem="4096 540000 15728640"
sysctl -q net.ipv4.tcp_wmem="4096 262144 4194304"
sysctl -q net.ipv4.tcp_timestamps=1
sysctl -q net.ipv4.tcp_syn_retries=5 net.ipv4.tcp_synack_retries=5
sysctl -q net.ipv4.tcp_frto=2
sysctl -q net.ipv4.tcp_sack=1 net.ipv4.tcp_dsack=1
sysctl -q net.ipv4.tcp_reordering=3
sysctl -q net.ipv4.tcp_congestion_control=cubic
sysctl -q net.ipv4.tcp_slow_start_after_idle=0
sysctl -q net.ipv4.tcp_early_retrans=4 net.ipv4.tcp_recovery=1
sysctl -q net.ipv4.tcp_tso_win_divisor=3
sysctl -q net.ipv4.tcp_ecn=0 net.ipv4.tcp_ecn_option=2
sysctl -q net.ipv4.tcp_pacing_ss_ratio=200 net.ipv4.tcp_pacing_ca_ratio=120
sysctl -q net.ipv4.tcp_notsent_lowat=4294967295
sysctl -q net.ipv4.tcp_fastopen=0x70403
sysctl -q net.ipv4.tcp_fastopen_key=a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4
sysctl -q net.ipv4.tcp_syncookies=1
tc qdisc add dev tun0 root pfifo
"""

NO_EFFECT: Final = {
    "net.ipv4.tcp_fack": "gone from Linux since 4.15",
    "net.ipv4.tcp_low_latency": "gone from Linux since 4.14",
    "net.ipv4.tcp_pacing_ss_ratio": "nothing is paced",
    "net.ipv4.tcp_pacing_ca_ratio": "nothing is paced",
    "net.ipv4.tcp_tso_win_divisor": "there is no segmentation offload",
    "net.ipv4.tcp_limit_output_bytes": "there is no queueing discipline",
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec": "no middlebox swallows a SYN",
    "net.ipv4.tcp_tso_rtt_log": "there is no segmentation offload",
    "net.core.default_qdisc": "there is no queueing discipline",
    "net.ipv4.udp_mem": "the memory of all UDP sockets together is not bounded",
}
"""Settings of Linux that cannot make a difference here, and why."""

_MODULE_PARAMETER: Final = re.compile(r"/sys/module/(\w+)/parameters/(\w+)")

_UNIT_DELAY: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_PLAIN_QDISCS: Final = ("pfifo", "pfifo_fast", "bfifo", "noqueue", "fq_codel", "mq")

_MOST_WRITTEN: Final = 1 << 30


class Shell:
    """Runs the lines of one script, found in ``folder``, on the host of ``state``."""

    def __init__(self, state: State, folder: Path) -> None:
        self.state = state
        self.folder = folder
        self.output = ""
        self._seen: dict[str, int] = {}
        """Counters as nstat showed them last."""
        self._saved: list[tuple[str, str]] = []
        """Settings set_sysctls.py has changed, and their old values, for sysctl_restore."""

    def run(self, text: str) -> int:
        """Run ``text``; returns its exit status.

        Raises ShellError naming a command that is not known, Unsupported for a setting the host has not.
        """
        return run_shell(text, self._command, self._write)

    def _write(self, path: str, content: str) -> None:
        if path.startswith("/proc/sys/"):
            self._set(_sysctl_name(path), content.strip())
        elif path.startswith("/sys/"):
            parameter = _MODULE_PARAMETER.fullmatch(path)
            if parameter is None:
                raise Unsupported(f"{content.strip()} in {path}")
            self._set(f"{parameter[1]}.{parameter[2]}", content.strip())
        else:
            self.state.disk[path] = content.encode()

    def _command(self, words: list[str], flowing: str) -> tuple[int, str]:
        while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]):
            words = words[1:]
        if not words:
            return 0, ""
        name = words[0].rpartition("/")[2]
        if name.startswith("sysctl_restore") or name == "cleanup.sh":
            return self._restore()
        if name == "defaults.sh":
            return self._defaults(words[0])
        if name.endswith(".sh") and words[0] != name:
            return self._file(words[0])
        command = self._commands().get(name)
        if command is None:
            raise ShellError(f"unknown command {words[0]!r}")
        return command(words[1:], flowing)

    def _commands(self) -> dict[str, Callable[[list[str], str], tuple[int, str]]]:
        return {
            "sysctl": self._sysctl,
            "set_sysctls.py": self._set_sysctls,
            "ip": self._ip,
            "tc": self._tc,
            "ethtool": lambda words, _: (0, ""),
            "nstat": self._nstat,
            "grep": self._grep,
            "cat": self._cat,
            "echo": self._echo,
            "sleep": self._sleep,
            "dd": self._dd,
            "rm": self._rm,
            "true": lambda words, _: (0, ""),
            ":": lambda words, _: (0, ""),
            "false": lambda words, _: (1, ""),
            "set": lambda words, _: (0, ""),
            "modprobe": lambda words, _: (0, ""),
        }

    # Files of commands

    def _file(self, path: str) -> tuple[int, str]:
        try:
            text = (self.folder / path).read_text()
        except OSError as error:
            raise ShellError(f"{path}: {error.strerror}") from None
        return self.run(text), ""

    def _defaults(self, path: str) -> tuple[int, str]:
        """The built-in defaults, or the file itself if it is there. What fails in it is passed over, as a
        shell without ``set -e`` does."""
        try:
            text = (self.folder / path).read_text()
        except OSError:
            text = DEFAULTS
        for line in text.replace("\\\n", " ").split("\n"):
            try:
                self.run(line)
            except (Unsupported, ValueError):
                continue
        return 0, ""

    def _restore(self) -> tuple[int, str]:
        for name, value in reversed(self._saved):
            self.state.testbed.stack.sysctl.set(name, value)
        self._saved.clear()
        return 0, ""

    # Settings

    def _set(self, name: str, value: str) -> None:
        if name in NO_EFFECT:
            return
        try:
            self.state.testbed.stack.sysctl.set(name, " ".join(value.split()))
        except ValueError as error:
            raise Unsupported(str(error)) from None

    def _sysctl(self, words: list[str], flowing: str) -> tuple[int, str]:
        out = ""
        for word in words:
            if word.startswith("-"):
                continue
            name, equals, value = word.partition("=")
            name = _sysctl_name(name.strip())
            if equals:
                self._set(name, value.strip())
            else:
                out += f"{name} = {self._get(name)}\n"
        return 0, out

    def _get(self, name: str) -> str:
        try:
            return self.state.testbed.stack.sysctl.get(name)
        except ValueError as error:
            raise Unsupported(str(error)) from None

    def _set_sysctls(self, words: list[str], flowing: str) -> tuple[int, str]:
        for word in words:
            path, equals, value = word.partition("=")
            if not equals:
                raise ShellError(f"set_sysctls.py: {word!r} is not FILE=VALUE")
            name = _sysctl_name(path)
            if name not in NO_EFFECT:
                self._saved.append((name, self._get(name)))
            self._set(name, value)
        return 0, ""

    # The network

    def _ip(self, words: list[str], flowing: str) -> tuple[int, str]:
        words = [word for word in words if word not in ("-4", "-6")]
        if words[:1] == ["tcp_metrics"]:
            self.state.flush_metrics()
            return 0, ""
        if words[:1] in (["route"], ["ro"], ["r"]):
            change_route(self.state.testbed, words[1:])
            return 0, ""
        if words[:2] == ["link", "set"]:
            self._link(words[2:])
            return 0, ""
        if words[:1] in (["tunnel"], ["tunl"]) or (words[:2] == ["link", "add"] and "type" in words):
            raise Unsupported(f"a tunnel device: ip {' '.join(words)}")
        raise ShellError(f"unknown command 'ip {' '.join(words)}'")

    def _link(self, words: list[str]) -> None:
        testbed = self.state.testbed
        words = [word for word in words if word not in ("dev", INTERFACE)]
        while words:
            word = words.pop(0)
            if word == "mtu" and words and words[0].isdigit():
                testbed.stack.set_mtu(testbed.interface, int(words.pop(0)))
            elif word in ("up", "down"):
                testbed.stack.set_up(testbed.interface, word == "up")
            elif word in ("txqueuelen", "gso_max_size", "gso_max_segs", "gso_ipv4_max_size") and words:
                words.pop(0)
            else:
                raise ShellError(f"unknown setting {word!r} in 'ip link set'")

    def _tc(self, words: list[str], flowing: str) -> tuple[int, str]:
        """Packets leave at once, so a queueing discipline that only queues changes nothing; one of length 0
        takes no packet."""
        if words[:1] != ["qdisc"] or len(words) < 2:
            raise ShellError(f"unknown command 'tc {' '.join(words)}'")
        if words[1] == "show":
            return 0, ""
        if words[1] in ("del", "delete"):
            self.state.testbed.refuse(False)
            return 0, ""
        rest = [
            word for word in words[2:] if word not in ("dev", INTERFACE, "root", "handle", "1:", "parent")
        ]
        if rest[:1] == ["fq"]:
            self.state.testbed.stack.tcp.layer.paces_all = True
            return 0, ""
        if not rest or rest[0] not in _PLAIN_QDISCS:
            raise Unsupported(f"queueing discipline {' '.join(rest) or 'without a name'}")
        self.state.testbed.refuse("limit" in rest and rest[rest.index("limit") + 1 :][:1] == ["0"])
        return 0, ""

    # What can be looked at

    def _nstat(self, words: list[str], flowing: str) -> tuple[int, str]:
        """Counters that changed since it was run last."""
        stack = self.state.testbed.stack
        rows = [(group + name, value) for group, name, value in stack.counters.rows()]
        rows.extend(stack.tcp.counters.items())
        out = "#kernel\n"
        for name, value in rows:
            if "-a" in " ".join(words):
                change = value
            else:
                change = value - self._seen.get(name, 0)
            if change:
                out += f"{name:<32}{change:<15} 0.0\n"
            self._seen[name] = value
        return 0, out

    def _grep(self, words: list[str], flowing: str) -> tuple[int, str]:
        quiet = invert = False
        plain: list[str] = []
        for word in words:
            if word.startswith("-") and len(word) > 1:
                quiet |= "q" in word
                invert |= "v" in word
                if set(word[1:]) - set("qvEhsciw"):
                    raise ShellError(f"grep: option {word} is not supported")
            else:
                plain.append(word)
        if not plain:
            raise ShellError("grep: a pattern is missing")
        text = "".join([self._read(path) for path in plain[1:]]) if len(plain) > 1 else flowing
        found = [line for line in text.splitlines() if (re.search(plain[0], line) is not None) != invert]
        return 0 if found else 1, "" if quiet else "".join([line + "\n" for line in found])

    def _cat(self, words: list[str], flowing: str) -> tuple[int, str]:
        return 0, "".join([self._read(path) for path in words]) if words else flowing

    def _read(self, path: str) -> str:
        if path in ("/proc/net/tcp", "/proc/net/tcp6"):
            return self._proc_tcp(path.endswith("6"))
        if path.startswith("/proc/sys/"):
            return self._get(_sysctl_name(path)) + "\n"
        if path in self.state.disk:
            return self.state.disk[path].decode("utf-8", "replace")
        raise ShellError(f"{path}: there is no such file on the simulated host")

    def _proc_tcp(self, v6: bool) -> str:
        rows = [row for row in self.state.testbed.kernel.sockets() if row.protocol == "tcp"]
        out = "  sl  local_address rem_address   st tx_queue rx_queue\n"
        for number, row in enumerate(rows):
            endpoint = row.endpoint
            if endpoint is None or (endpoint.family == 10) != v6:
                continue
            local = _proc_address(endpoint.local, endpoint.local_port, v6)
            peer = _proc_address(endpoint.peer, endpoint.peer_port, v6)
            out += f"{number:4}: {local} {peer} {endpoint.state:02X} {_queues(row)}\n"
        return out

    # Small tools

    def _echo(self, words: list[str], flowing: str) -> tuple[int, str]:
        return 0, " ".join([word for word in words if word not in ("-n", "-e")]) + "\n"

    def _sleep(self, words: list[str], flowing: str) -> tuple[int, str]:
        match = re.fullmatch(r"(\d*\.?\d+)([smh]?)", words[0] if words else "")
        if match is None:
            raise ShellError(f"sleep: {' '.join(words)!r} is not a time")
        length = float(match.group(1)) * _UNIT_DELAY[match.group(2)]
        testbed = self.state.testbed
        testbed.run_until(testbed.now() + round(length * 1e9), lambda: False)
        return 0, ""

    def _dd(self, words: list[str], flowing: str) -> tuple[int, str]:
        given = dict([word.partition("=")[::2] for word in words])
        try:
            size = _size(given.get("bs", "512")) * _size(given["count"])
            target = given["of"]
        except (KeyError, ValueError):
            raise ShellError(
                f"dd: count and of must be given as numbers and a path: {' '.join(words)}"
            ) from None
        if size > _MOST_WRITTEN:
            raise ShellError(f"dd: a file of {_MOST_WRITTEN} bytes at most, not {size}")
        if given.get("if") not in ("/dev/zero", "/dev/urandom"):
            raise ShellError(f"dd: only if=/dev/zero is supported, not {given.get('if')!r}")
        self.state.disk[target] = bytes(size)
        return 0, ""

    def _rm(self, words: list[str], flowing: str) -> tuple[int, str]:
        for word in words:
            self.state.disk.pop(word, None)
        return 0, ""


def _size(text: str) -> int:
    units = {"k": 1024, "K": 1024, "M": 1 << 20, "G": 1 << 30}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


def _sysctl_name(path: str) -> str:
    """``net.ipv4.tcp_sack`` for that, ``net/ipv4/tcp_sack`` and ``/proc/sys/net/ipv4/tcp_sack``."""
    return path.removeprefix("/proc/sys/").replace("/", ".")


def _proc_address(ip: int, port: int, v6: bool) -> str:
    if v6:
        words = (ip if not (is_v4(ip) and ip & 0xFFFF_FFFF == 0) else 0).to_bytes(16, "big")
        text = "".join([words[at : at + 4][::-1].hex() for at in range(0, 16, 4)]).upper()
    else:
        text = (ip & 0xFFFF_FFFF).to_bytes(4, "big")[::-1].hex().upper()
    return f"{text}:{port:04X}"


def _queues(row: SocketRow) -> str:
    return f"{row.send_q:08X}:{row.recv_q:08X}"
