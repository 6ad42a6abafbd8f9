"""The options of a script and of the command line, and the addresses that follow from them."""

from __future__ import annotations

import ipaddress
from typing import Final

from ..wire.address import parse_ip

IPV4: Final = "ipv4"
IPV6: Final = "ipv6"
MAPPED: Final = "ipv4-mapped-ipv6"

# Symbols scripts expect from those who run them in both families: Linux's kselftest runner and
# packetdrill's own define them, and the cookies follow from the key of defaults.sh and the addresses.
_V4_DEFINES: Final = {
    "CMSG_LEVEL_IP": "SOL_IP",
    "CMSG_TYPE_RECVERR": "IP_RECVERR",
    "CODE": "host_unreachable",
    "TFO_COOKIE": "3021b9d889017eeb",
    "TFO_COOKIE_ZERO": "b7c12350a90dc8f5",
}
_V6_DEFINES: Final = {
    "CMSG_LEVEL_IP": "SOL_IPV6",
    "CMSG_TYPE_RECVERR": "IPV6_RECVERR",
    "CODE": "address_unreachable",
    "TFO_COOKIE": "c1d1e9742a47a9bc",
    "TFO_COOKIE_ZERO": "82af1a8f9a205c34",
}
_MAPPED_DEFINES: Final = {**_V4_DEFINES, "CMSG_LEVEL_IP": "SOL_IPV6", "CMSG_TYPE_RECVERR": "IPV6_RECVERR"}

# Name of each option: whether it takes a value, and what becomes of it ("" where apply() knows it).
_ACTS: Final = ""
_NO_EFFECT: Final = "no effect"
_REFUSED: Final = "refused"
OPTIONS: Final[dict[str, tuple[bool, str, str]]] = {
    "ip_version": (True, _ACTS, "ipv4, ipv6 or ipv4-mapped-ipv6"),
    "bind_port": (True, _ACTS, "port of the host's bind(), 8080"),
    "connect_port": (True, _ACTS, "port of the host's connect(), 8080"),
    "local_ip": (True, _ACTS, "address of the host under test"),
    "remote_ip": (True, _ACTS, "address of the other end"),
    "gateway_ip": (True, _ACTS, "next hop towards the other end"),
    "netmask_ip": (True, _ACTS, "netmask of the host's interface (IPv4)"),
    "mtu": (True, _ACTS, "of the host's interface, in bytes"),
    "mss": (True, _ACTS, "a longer inbound segment counts as merged of segments of so many bytes"),
    "tolerance_usecs": (True, _ACTS, "how far off a time may be, 4000"),
    "tolerance_percent": (True, _ACTS, "the same in percent of the time since the event before, 12.5"),
    "tcp_ts_tick_usecs": (True, _ACTS, "checks outbound TS val, by ticks of so many microseconds"),
    "tcp_ts_ecr_scaled": (False, _ACTS, "an inbound TS ecr need not be one that was sent"),
    "strict_segments": (False, _ACTS, "segments are not added up"),
    "non_fatal": (True, _ACTS, "packet, syscall: a difference is a warning"),
    "define": (True, _ACTS, "SYMBOL=VALUE"),
    "dry_run": (False, _ACTS, "the script is parsed and not run"),
    "init_scripts": (True, _ACTS, "commands to run first, separated by commas"),
    "code_format": (True, _ACTS, "only python"),
    "code_command": (True, _ACTS, "only python3"),
    "code_sockopt": (True, _ACTS, "only TCP_INFO"),
    "verbose": (False, _ACTS, "tell every event"),
    "is_anyip": (False, _NO_EFFECT, "packets to the local address are always taken"),
    "speed": (True, _ACTS, "of the host's interface in Mbit/s, 10000"),
    "send_omit_free": (False, _NO_EFFECT, "buffers are not reused"),
    "debug": (False, _NO_EFFECT, "packetdrill's own debug output"),
    "wire_client": (False, _REFUSED, "there is no second machine"),
    "wire_server": (False, _REFUSED, "there is no second machine"),
    "wire_server_ip": (True, _REFUSED, "there is no second machine"),
    "wire_server_at": (True, _REFUSED, "there is no second machine"),
    "wire_server_port": (True, _REFUSED, "there is no second machine"),
    "wire_client_dev": (True, _REFUSED, "there is no second machine"),
    "wire_server_dev": (True, _REFUSED, "there is no second machine"),
    "so_filename": (True, _REFUSED, "the stack is the simulated one"),
    "so_flags": (True, _REFUSED, "the stack is the simulated one"),
    "psp_udp_port": (True, _REFUSED, "PSP is not implemented"),
}


class Settings:
    """How one script is run. ``fixed`` options were given on the command line and win over the script's.

    ``version`` is the IP version if neither says one; ``asked`` says that it was asked for.
    """

    def __init__(self, version: str, fixed: list[tuple[str, str | None]], asked: bool = False) -> None:
        self.version = version
        self.asked = asked
        self.defines: dict[str, str] = {}
        self.bind_port = 8080
        self.connect_port = 8080
        self.local_text = ""
        self.remote_text = ""
        self.gateway_text = ""
        self.netmask_text = ""
        self.mtu = 0
        self.speed = 10_000
        """Mbit/s."""
        self.mss = 0
        """Bytes of the segments longer inbound ones are merged of, 0: they are not."""
        self.tolerance = 4_000_000
        """In ns."""
        self.tolerance_percent = 12.5
        self.ts_tick = 0
        """Ns of one tick of outbound timestamps; 0: they are not checked."""
        self.ts_ecr_scaled = False
        self.strict_segments = False
        self.packets_may_differ = False
        self.calls_may_differ = False
        self.dry_run = False
        self.verbose = False
        self.init_scripts: list[str] = []
        self.local = 0
        self.remote = 0
        self.gateway = 0
        self.prefix_length = 0
        self._fixed = fixed
        self._defined: set[str] = set()
        for name, value in fixed:
            self.apply(name, value)

    def apply(self, name: str, value: str | None) -> None:
        """Take one option. Raises ValueError naming it and its value if it is not right."""
        known = OPTIONS.get(name)
        if known is None:
            raise ValueError(f"--{name}: there is no such option")
        takes_value, status, note = known
        if takes_value and value is None:
            raise ValueError(f"--{name} needs a value")
        if not takes_value and value is not None:
            raise ValueError(f"--{name} takes no value, not {value!r}")
        if status == _REFUSED:
            raise ValueError(f"--{name} is not supported: {note}")
        if status == _ACTS:
            self._set(name, value or "")

    def finish(self) -> None:
        """All options of the script are known: those of the command line come again, and addresses.

        Raises ValueError for an address that is not right.
        """
        for name, value in self._fixed:
            self.apply(name, value)
        v6 = self.wire_v6()
        defines = {IPV4: _V4_DEFINES, IPV6: _V6_DEFINES, MAPPED: _MAPPED_DEFINES}[self.version]
        for symbol, text in defines.items():
            self.defines.setdefault(symbol, text)
        defaults = (
            ("fd3d:0a0b:17d6::1", "fd3d:fa7b:d17d::1", "fd3d:0a0b:17d6:8888::1")
            if v6
            else ("192.168.0.1", "192.0.2.1", "192.168.0.1")
        )
        # A prefix length says how many remote addresses there are; all lead to the same interface.
        given = (self.local_text, self.remote_text.partition("/")[0], self.gateway_text)
        if self.asked and any(_is_of(text, not v6) for text in given):
            # Asked to run for the other IP version than the script's addresses are of.
            given = ("", "", "")
        self.local = _address("local_ip", given[0] or defaults[0], v6)
        self.remote = _address("remote_ip", given[1] or defaults[1], v6)
        self.gateway = _address("gateway_ip", given[2] or defaults[2], v6)
        self.prefix_length = 48
        if not v6:
            mask = self.netmask_text or "255.255.0.0"
            try:
                self.prefix_length = ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen
            except ValueError:
                raise ValueError(f"--netmask_ip: {mask!r} is no netmask") from None
        if not self.mtu:
            # So that the MSS is 1460 in both families.
            self.mtu = 1520 if v6 else 1500

    def wire_v6(self) -> bool:
        """Whether packets are IPv6."""
        return self.version == IPV6

    def sockets_v6(self) -> bool:
        """Whether sockets are AF_INET6 unless the script says otherwise."""
        return self.version != IPV4

    def _set(self, name: str, value: str) -> None:
        if name == "ip_version":
            if value not in (IPV4, IPV6, MAPPED):
                raise ValueError(f"--ip_version: {value!r} is none of {IPV4}, {IPV6}, {MAPPED}")
            self.version = value
        elif name == "bind_port":
            self.bind_port = _number(name, value, 1, 65535)
        elif name == "connect_port":
            self.connect_port = _number(name, value, 1, 65535)
        elif name == "local_ip":
            self.local_text = value
        elif name == "remote_ip":
            self.remote_text = value
        elif name == "gateway_ip":
            self.gateway_text = value
        elif name == "netmask_ip":
            self.netmask_text = value
        elif name == "mtu":
            self.mtu = _number(name, value, 68, 65535)
        elif name == "speed":
            # 0 is packetdrill's way to leave it as it is.
            self.speed = _number(name, value, 0, 1_000_000) or self.speed
        elif name == "mss":
            self.mss = _number(name, value, 1, 65535)
        elif name == "tolerance_usecs":
            self.tolerance = _number(name, value, 1, 10**9) * 1000
        elif name == "tcp_ts_tick_usecs":
            self.ts_tick = _number(name, value, 0, 1_000_000) * 1000
        elif name == "tcp_ts_ecr_scaled":
            self.ts_ecr_scaled = True
        elif name == "strict_segments":
            self.strict_segments = True
        elif name == "dry_run":
            self.dry_run = True
        elif name == "verbose":
            self.verbose = True
        elif name == "define":
            self._define(value)
        else:
            self._set_rest(name, value)

    def _set_rest(self, name: str, value: str) -> None:
        if name == "tolerance_percent":
            try:
                self.tolerance_percent = float(value)
            except ValueError:
                self.tolerance_percent = -1.0
            if not 0 <= self.tolerance_percent <= 100:
                raise ValueError(f"--tolerance_percent: {value!r} is not a number from 0 to 100")
        elif name == "non_fatal":
            for word in value.replace(",", " ").split():
                if word not in ("packet", "syscall"):
                    raise ValueError(f"--non_fatal: {word!r} is neither packet nor syscall")
                self.packets_may_differ |= word == "packet"
                self.calls_may_differ |= word == "syscall"
        elif name == "init_scripts":
            self.init_scripts = [part.strip() for part in value.split(",") if part.strip()]
        else:
            only = {"code_format": "python", "code_command": "python3", "code_sockopt": "TCP_INFO"}[name]
            if value not in ("", only):
                raise ValueError(f"--{name}: only {only} is supported, not {value!r}")

    def _define(self, value: str) -> None:
        symbol, equals, text = value.partition("=")
        if not symbol or not equals:
            raise ValueError(f"--define: {value!r} is not SYMBOL=VALUE")
        self.defines[symbol] = text


def _number(name: str, value: str, low: int, high: int) -> int:
    try:
        number = int(value, 0)
    except ValueError:
        raise ValueError(f"--{name}: {value!r} is not a number") from None
    if not low <= number <= high:
        raise ValueError(f"--{name}: {number} is not in {low} to {high}")
    return number


def _is_of(text: str, v6: bool) -> bool:
    """Whether ``text`` is an address of this IP version."""
    try:
        return (ipaddress.ip_address(text).version == 6) == v6
    except ValueError:
        return False


def _address(name: str, text: str, v6: bool) -> int:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"--{name}: {text!r} is no IP address") from None
    if (address.version == 6) != v6:
        raise ValueError(f"--{name}: {text} is not an IPv{6 if v6 else 4} address, as --ip_version says")
    return parse_ip(text)
