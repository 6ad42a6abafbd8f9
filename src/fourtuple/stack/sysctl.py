"""The settings of one host's network stack, under Linux's names.

Code reads plain attributes (``sysctl.tcp_sack``); people read and write by name
(``sysctl.set("net.ipv4.tcp_sack", "0")``) in the text and units of Linux's files below
``/proc/sys/net``. An attribute is named as the last part of the name, with ``ipv6_`` or ``route_`` before
it where that part alone would be ambiguous, and holds times in nanoseconds whatever the unit of the
file, unless the attribute's own name carries a unit (``_us``, ``_ms``, ``_ns``). The settings of the
neighbour tables are in ``neigh4`` and ``neigh6``; parameters of a kernel module are named as on the kernel's
command line (``tcp_cubic.beta``). Only settings that change what the simulated stack does are here.
"""

from __future__ import annotations

from typing import Final

from ..ports.tables import PortTables

_INT_MAX: Final = 0x7FFF_FFFF
_UINT_MAX: Final = 0xFFFF_FFFF
_GID_MAX: Final = 0x7FFF_FFFF
_MS: Final = 1_000_000
_SECOND: Final = 1_000_000_000

CONGESTION_CONTROLS: Final = ("reno", "bbr", "cubic")
"""Names ``net.ipv4.tcp_congestion_control`` takes."""


class NeighbourSettings:
    """``net.ipv4.neigh.default`` or ``net.ipv6.neigh.default``."""

    def __init__(self) -> None:
        self.retrans_time: int = 1000 * _MS
        self.mcast_solicit: int = 3
        self.ucast_solicit: int = 3
        self.base_reachable_time: int = 30000 * _MS
        self.delay_first_probe_time: int = 5 * _SECOND
        self.gc_thresh3: int = 1024
        self.unres_qlen_bytes: int = 212992


class SettingsListener:
    """Who must know that a setting was changed by name."""

    def setting_changed(self) -> None:
        raise NotImplementedError


class Sysctl:
    """All settings of one host, at Linux's defaults."""

    def __init__(self) -> None:
        self._tables: PortTables | None = None
        self._listener: SettingsListener | None = None
        # net.core
        self.somaxconn: int = 4096
        self.rmem_default: int = 212992
        self.rmem_max: int = 212992
        self.wmem_default: int = 212992
        self.wmem_max: int = 212992
        # net.ipv4: IP, ICMP, fragments
        self.ip_forward: int = 0
        self.ip_default_ttl: int = 64
        self.ip_nonlocal_bind: int = 0
        self.ip_no_pmtu_disc: int = 0
        self.ip_local_port_range: tuple[int, int] = (32768, 60999)
        self.ip_local_reserved_ports: str = ""
        self.ip_unprivileged_port_start: int = 1024
        self.ip_autobind_reuse: int = 0
        self.ping_group_range: tuple[int, int] = (1, 0)
        self.icmp_echo_ignore_all: int = 0
        self.icmp_echo_ignore_broadcasts: int = 1
        self.icmp_ratelimit: int = 1000 * _MS
        self.icmp_ratemask: int = 6168
        self.icmp_msgs_per_sec: int = 1000
        self.icmp_msgs_burst: int = 50
        self.ipfrag_high_thresh: int = 4194304
        self.ipfrag_time: int = 30 * _SECOND
        self.ipfrag_max_dist: int = 64
        self.route_min_pmtu: int = 552
        self.route_mtu_expires: int = 600 * _SECOND
        self.rp_filter: int = 0
        self.accept_redirects: int = 1
        self.send_redirects: int = 1
        self.igmp_max_memberships: int = 20
        self.igmp_max_msf: int = 10
        self.neigh4 = NeighbourSettings()
        self.neigh6 = NeighbourSettings()
        # net.ipv4: TCP
        self.tcp_syn_retries: int = 6
        self.tcp_synack_retries: int = 5
        self.tcp_syn_linear_timeouts: int = 4
        self.tcp_retries1: int = 3
        self.tcp_retries2: int = 15
        self.tcp_orphan_retries: int = 0
        self.tcp_fin_timeout: int = 60 * _SECOND
        self.tcp_keepalive_time: int = 7200 * _SECOND
        self.tcp_keepalive_intvl: int = 75 * _SECOND
        self.tcp_keepalive_probes: int = 9
        self.tcp_timestamps: int = 1
        self.tcp_window_scaling: int = 1
        self.tcp_sack: int = 1
        self.tcp_dsack: int = 1
        self.tcp_ecn: int = 2
        self.tcp_ecn_fallback: int = 1
        self.tcp_fastopen: int = 1
        self.tcp_fastopen_key: str = ""
        """Keys of Fast Open cookies as Linux writes them; empty: chosen when the first listener asks."""
        self.tcp_fastopen_blackhole_timeout_sec: int = 0
        self.tcp_rmem: tuple[int, int, int] = (4096, 131072, 6291456)
        self.tcp_wmem: tuple[int, int, int] = (4096, 16384, 4194304)
        self.tcp_mem: tuple[int, int, int] = (49152, 65536, 98304)
        """Pages of 4096 bytes all connections may take, as on a host with 4 GiB of memory."""
        self.tcp_adv_win_scale: int = 1
        """Without effect, as in Linux since 6.6; so are tcp_fack and tcp_low_latency, since 4.15."""
        self.tcp_fack: int = 0
        self.tcp_low_latency: int = 0
        self.tcp_app_win: int = 31
        self.tcp_moderate_rcvbuf: int = 1
        self.tcp_shrink_window: int = 0
        self.tcp_workaround_signed_windows: int = 0
        self.tcp_notsent_lowat: int = _UINT_MAX
        self.tcp_autocorking: int = 1
        """A short write waits while a segment before it is in the device's queue. A simulated device
        takes segments away at once, so it never waits, as on Linux over one that does (tun, loopback)."""
        self.tcp_abort_on_overflow: int = 0
        self.tcp_max_syn_backlog: int = 4096
        self.tcp_syncookies: int = 1
        self.tcp_max_tw_buckets: int = 262144
        self.tcp_max_orphans: int = 262144
        self.tcp_tw_reuse: int = 2
        self.tcp_tw_reuse_delay: int = 1000 * _MS
        self.tcp_rfc1337: int = 0
        self.tcp_migrate_req: int = 0
        self.tcp_stdurg: int = 0
        self.tcp_challenge_ack_limit: int = _INT_MAX
        self.tcp_invalid_ratelimit: int = 500 * _MS
        self.tcp_congestion_control: str = "cubic"
        self.tcp_allowed_congestion_control: str = "reno cubic"
        """What users without CAP_NET_ADMIN may choose, beside the default."""
        self.tcp_available_congestion_control: str = " ".join(CONGESTION_CONTROLS)
        self.tcp_slow_start_after_idle: int = 1
        self.tcp_min_rtt_wlen: int = 300 * _SECOND
        self.tcp_retrans_collapse: int = 1
        self.tcp_no_metrics_save: int = 0
        self.tcp_no_ssthresh_metrics_save: int = 1
        self.tcp_min_tso_segs: int = 2
        self.tcp_tso_win_divisor: int = 3
        self.tcp_tso_rtt_log: int = 9
        self.tcp_pacing_ss_ratio: int = 200
        self.tcp_pacing_ca_ratio: int = 120
        self.tcp_recovery: int = 1
        self.tcp_early_retrans: int = 3
        self.tcp_frto: int = 2
        self.tcp_reordering: int = 3
        self.tcp_max_reordering: int = 300
        self.tcp_mtu_probing: int = 0
        self.tcp_base_mss: int = 1024
        self.tcp_min_snd_mss: int = 48
        self.tcp_mtu_probe_floor: int = 48
        self.tcp_probe_interval: int = 600 * _SECOND
        self.tcp_probe_threshold: int = 8
        self.tcp_thin_linear_timeouts: int = 0
        self.tcp_reflect_tos: int = 0
        self.tcp_rto_min_us: int = 200_000
        self.tcp_rto_max_ms: int = 120_000
        self.tcp_comp_sack_delay_ns: int = 1_000_000
        self.tcp_comp_sack_slack_ns: int = 100_000
        """How much later than due a timer may fire to save an interrupt: here none is late."""
        self.tcp_comp_sack_nr: int = 44
        # Parameters of the module tcp_cubic
        self.cubic_hystart: int = 2
        """0 off, 1 as Linux has it, 2 HyStart++ (RFC 9406), which Linux has not."""
        self.cubic_hystart_detect: int = 3
        """What Linux's looks at: 1 trains of ACKs, 2 delay."""
        self.cubic_hystart_low_window: int = 16
        self.cubic_hystart_ack_delta_us: int = 2000
        self.cubic_initial_ssthresh: int = 0
        """Of a connection that begins with ``hystart`` off, 0 unlimited."""
        self.cubic_beta: int = 717
        self.cubic_fast_convergence: int = 1
        self.cubic_tcp_friendliness: int = 1
        # net.ipv6
        self.ipv6_bindv6only: int = 0
        self.ipv6_auto_flowlabels: int = 1
        self.ipv6_forwarding: int = 0
        self.ipv6_hop_limit: int = 64
        self.ipv6_accept_ra: int = 1
        self.ipv6_accept_redirects: int = 1
        self.ipv6_autoconf: int = 1
        self.ipv6_dad_transmits: int = 1
        self.ipv6_keep_addr_on_down: int = 0
        self.ipv6_router_solicitations: int = 3
        self.ipv6_router_solicitation_interval: int = 4 * _SECOND
        self.ipv6_route_mtu_expires: int = 600 * _SECOND
        self.ipv6_icmp_ratelimit: int = 1000 * _MS
        self.ipv6_ip6frag_high_thresh: int = 4194304
        self.ipv6_ip6frag_time: int = 60 * _SECOND
        self.ipv6_mld_max_msf: int = 64

    def attach(self, tables: PortTables, listener: SettingsListener) -> None:
        """Let settings of the port rules act on ``tables``, now and when they change, and tell
        ``listener`` of every change."""
        self._tables = tables
        self._listener = listener
        self._pass_on()

    def get(self, name: str) -> str:
        """The setting's text as ``sysctl -n`` prints it. Raises ValueError naming an unknown one."""
        setting = _setting(name)
        value: object = getattr(self._holder(setting), setting.attribute)
        if isinstance(value, tuple):
            return "\t".join([str(part) for part in value])
        if isinstance(value, int):
            return str(value // setting.unit)
        if setting.kind == _KEYS:
            return str(value) or _NO_KEY
        return str(value)

    def set(self, name: str, value: str | int) -> None:
        """Set by Linux's name. Raises ValueError naming the setting if it or the value is not right, or
        if this TCP does not do what another value than the default asks for."""
        setting = _setting(name)
        text = str(value).strip()
        if name in _FIXED:
            if text.split() != self.get(name).split():
                raise ValueError(f"{name}: only {self.get(name)} is implemented, not {text!r}")
            return
        if setting.kind == _CHOICE:
            if text not in CONGESTION_CONTROLS:
                raise ValueError(f"{name}: {text!r} is none of {', '.join(CONGESTION_CONTROLS)}")
            setattr(self._holder(setting), setting.attribute, text)
        elif setting.kind == _CHOICES:
            for part in text.split():
                if part not in CONGESTION_CONTROLS:
                    raise ValueError(f"{name}: {part!r} is none of {', '.join(CONGESTION_CONTROLS)}")
            setattr(self._holder(setting), setting.attribute, " ".join(text.split()))
        elif setting.kind == _PORTS:
            parse_port_list(name, text)
            setattr(self._holder(setting), setting.attribute, text)
        elif setting.kind == _KEYS:
            setattr(self._holder(setting), setting.attribute, parse_keys(name, text))
        elif setting.kind == _NUMBER:
            setattr(self._holder(setting), setting.attribute, _number(name, text, setting) * setting.unit)
        else:
            parts = text.split()
            if len(parts) != setting.kind:
                raise ValueError(f"{name}: {text!r} is not {setting.kind} numbers")
            numbers = tuple([_number(name, part, setting) for part in parts])
            if setting.attribute == "ip_local_port_range" and numbers[0] > numbers[1]:
                raise ValueError(f"{name}: {numbers[0]} is above {numbers[1]}")
            setattr(self._holder(setting), setting.attribute, numbers)
        self._pass_on()

    def allowed_congestion_controls(self) -> list[str]:
        """What every user may choose."""
        return [*self.tcp_allowed_congestion_control.split(), self.tcp_congestion_control]

    def names(self) -> list[str]:
        """Every setting's name, sorted."""
        return sorted(_SETTINGS)

    def _holder(self, setting: _Setting) -> object:
        if setting.holder:
            return self.neigh6 if setting.holder == _NEIGH6 else self.neigh4
        return self

    def _pass_on(self) -> None:
        tables = self._tables
        if tables is None:
            return
        tables.local_port_low, tables.local_port_high = self.ip_local_port_range
        ports: list[int] = []
        for low, high in parse_port_list("net.ipv4.ip_local_reserved_ports", self.ip_local_reserved_ports):
            ports.extend(range(low, high + 1))
        tables.reserved_ports = frozenset(ports)
        tables.unprivileged_start = self.ip_unprivileged_port_start
        tables.autobind_reuse = self.ip_autobind_reuse != 0
        tables.tw_reuse = self.tcp_tw_reuse
        tables.tw_reuse_delay = self.tcp_tw_reuse_delay
        if self._listener is not None:
            self._listener.setting_changed()


def parse_port_list(name: str, text: str) -> list[tuple[int, int]]:
    """``"80,1000-1010"`` as [(80, 80), (1000, 1010)]. Raises ValueError naming ``name`` otherwise."""
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        if not part.strip():
            continue
        low, _, high = part.partition("-")
        try:
            first = int(low)
            last = int(high) if high else first
        except ValueError:
            raise ValueError(f"{name}: {part!r} is no port or range of ports") from None
        if not 0 <= first <= last <= 65535:
            raise ValueError(f"{name}: {part!r} is no port or range of ports")
        ranges.append((first, last))
    return ranges


def parse_keys(name: str, text: str) -> str:
    """One Fast Open key or two, each four words of hexadecimal digits, as ``sysctl`` shows them.

    Raises ValueError naming ``name`` otherwise.
    """
    keys = text.split(",")
    if len(keys) > 2:
        raise ValueError(f"{name}: {text!r} is more than two keys")
    shown: list[str] = []
    for key in keys:
        try:
            words = [int(word, 16) for word in key.split("-")]
        except ValueError:
            words = []
        if len(words) != 4 or min(words) < 0 or max(words) > _UINT_MAX:
            raise ValueError(f"{name}: {key!r} is not four 32-bit numbers in hexadecimal joined by '-'")
        shown.append("-".join([f"{word:08x}" for word in words]))
    return ",".join(shown)


# Kinds: one number; a tuple of that many numbers (2, 3); a name out of a list; a list of ports; keys.
_NUMBER: Final = 1
_CHOICE: Final = -1
_PORTS: Final = -2
_KEYS: Final = -3
_CHOICES: Final = -4

_NO_KEY: Final = "00000000-00000000-00000000-00000000"


_NEIGH4: Final = 4
_NEIGH6: Final = 6


class _Setting:
    """Where a name's value is kept, what values it takes and how many attribute units its unit is."""

    def __init__(self, attribute: str, low: int, high: int, unit: int, kind: int, holder: int) -> None:
        self.attribute = attribute
        self.low = low
        self.high = high
        self.unit = unit
        self.kind = kind
        self.holder = holder


def _setting(name: str) -> _Setting:
    found = _SETTINGS.get(name)
    if found is None:
        raise ValueError(f"unknown sysctl {name!r}")
    return found


def _number(name: str, text: str, setting: _Setting) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is not a number") from None
    if not setting.low <= number <= setting.high:
        raise ValueError(f"{name}: {number} is not in {setting.low} to {setting.high}")
    return number


def _build_settings() -> dict[str, _Setting]:
    settings: dict[str, _Setting] = {}
    for prefix, before, rows in (
        ("net.core.", "", _CORE),
        ("net.ipv4.", "", _IPV4),
        ("tcp_cubic.", "cubic_", _CUBIC),
        ("net.ipv4.route.", "route_", _ROUTE),
        ("net.ipv4.conf.all.", "", _CONF),
        ("net.ipv6.", "ipv6_", _IPV6),
        ("net.ipv6.conf.all.", "ipv6_", _IPV6_CONF),
        ("net.ipv6.route.", "ipv6_route_", _IPV6_ROUTE),
        ("net.ipv6.icmp.", "ipv6_icmp_", _IPV6_ICMP),
    ):
        for name, low, high, unit in rows:
            settings[prefix + name] = _Setting(before + name, low, high, unit, _NUMBER, 0)
    for name, low, high, unit in _NEIGHBOUR:
        attribute = name.removesuffix("_ms")
        settings["net.ipv4.neigh.default." + name] = _Setting(attribute, low, high, unit, _NUMBER, _NEIGH4)
        settings["net.ipv6.neigh.default." + name] = _Setting(attribute, low, high, unit, _NUMBER, _NEIGH6)
    settings["net.ipv4.ip_local_port_range"] = _Setting("ip_local_port_range", 1, 65535, 1, 2, 0)
    settings["net.ipv4.ping_group_range"] = _Setting("ping_group_range", 0, _GID_MAX, 1, 2, 0)
    settings["net.ipv4.ip_local_reserved_ports"] = _Setting("ip_local_reserved_ports", 0, 0, 1, _PORTS, 0)
    settings["net.ipv4.tcp_fastopen_key"] = _Setting("tcp_fastopen_key", 0, 0, 1, _KEYS, 0)
    settings["net.ipv4.tcp_mem"] = _Setting("tcp_mem", 0, _INT_MAX, 1, 3, 0)
    settings["net.ipv4.tcp_rmem"] = _Setting("tcp_rmem", 1, _INT_MAX, 1, 3, 0)
    settings["net.ipv4.tcp_wmem"] = _Setting("tcp_wmem", 1, _INT_MAX, 1, 3, 0)
    settings["net.ipv4.tcp_congestion_control"] = _Setting("tcp_congestion_control", 0, 0, 1, _CHOICE, 0)
    for name in ("tcp_allowed_congestion_control", "tcp_available_congestion_control"):
        settings["net.ipv4." + name] = _Setting(name, 0, 0, 1, _CHOICES, 0)
    settings["net.ipv4.conf.all.forwarding"] = settings["net.ipv4.ip_forward"]
    return settings


# Name, lowest, highest, units of the attribute in one unit of the file.
_CORE: Final[list[tuple[str, int, int, int]]] = [
    ("somaxconn", 0, _INT_MAX, 1),
    ("rmem_default", 2304, _INT_MAX, 1),
    ("rmem_max", 2304, _INT_MAX, 1),
    ("wmem_default", 4608, _INT_MAX, 1),
    ("wmem_max", 4608, _INT_MAX, 1),
]

_IPV4: Final[list[tuple[str, int, int, int]]] = [
    ("ip_forward", 0, 1, 1),
    ("ip_default_ttl", 1, 255, 1),
    ("ip_nonlocal_bind", 0, 1, 1),
    ("ip_no_pmtu_disc", 0, 1, 1),
    ("ip_unprivileged_port_start", 0, 65535, 1),
    ("ip_autobind_reuse", 0, 1, 1),
    ("icmp_echo_ignore_all", 0, 1, 1),
    ("icmp_echo_ignore_broadcasts", 0, 1, 1),
    ("icmp_ratelimit", 0, _INT_MAX, _MS),
    ("icmp_ratemask", 0, _UINT_MAX, 1),
    ("icmp_msgs_per_sec", 0, _INT_MAX, 1),
    ("icmp_msgs_burst", 0, _INT_MAX, 1),
    ("ipfrag_high_thresh", 0, _INT_MAX, 1),
    ("ipfrag_time", 1, _INT_MAX, _SECOND),
    ("ipfrag_max_dist", 0, _INT_MAX, 1),
    ("igmp_max_memberships", 0, _INT_MAX, 1),
    ("igmp_max_msf", 0, _INT_MAX, 1),
    ("tcp_syn_retries", 1, 127, 1),
    ("tcp_synack_retries", 0, 255, 1),
    ("tcp_syn_linear_timeouts", 0, 127, 1),
    ("tcp_retries1", 0, 255, 1),
    ("tcp_retries2", 0, 255, 1),
    ("tcp_orphan_retries", 0, 255, 1),
    ("tcp_fin_timeout", 0, _INT_MAX, _SECOND),
    ("tcp_keepalive_time", 1, 32767, _SECOND),
    ("tcp_keepalive_intvl", 1, 32767, _SECOND),
    ("tcp_keepalive_probes", 1, 127, 1),
    ("tcp_timestamps", 0, 2, 1),
    ("tcp_window_scaling", 0, 1, 1),
    ("tcp_sack", 0, 1, 1),
    ("tcp_dsack", 0, 1, 1),
    ("tcp_ecn", 0, 2, 1),
    ("tcp_ecn_fallback", 0, 1, 1),
    ("tcp_fastopen", 0, _INT_MAX, 1),
    ("tcp_fastopen_blackhole_timeout_sec", 0, _INT_MAX, 1),
    ("tcp_adv_win_scale", -31, 31, 1),
    ("tcp_app_win", 0, 31, 1),
    ("tcp_moderate_rcvbuf", 0, 1, 1),
    ("tcp_shrink_window", 0, 1, 1),
    ("tcp_workaround_signed_windows", 0, 1, 1),
    ("tcp_notsent_lowat", 0, _UINT_MAX, 1),
    ("tcp_autocorking", 0, 1, 1),
    ("tcp_abort_on_overflow", 0, 1, 1),
    ("tcp_max_syn_backlog", 0, _INT_MAX, 1),
    ("tcp_syncookies", 0, 2, 1),
    ("tcp_max_tw_buckets", 0, _INT_MAX, 1),
    ("tcp_max_orphans", 0, _INT_MAX, 1),
    ("tcp_tw_reuse", 0, 2, 1),
    ("tcp_tw_reuse_delay", 1, _INT_MAX, _MS),
    ("tcp_rfc1337", 0, 1, 1),
    ("tcp_migrate_req", 0, 1, 1),
    ("tcp_stdurg", 0, 1, 1),
    ("tcp_challenge_ack_limit", 0, _INT_MAX, 1),
    ("tcp_invalid_ratelimit", 0, _INT_MAX, _MS),
    ("tcp_slow_start_after_idle", 0, 1, 1),
    ("tcp_fack", 0, 1, 1),
    ("tcp_low_latency", 0, 1, 1),
    ("tcp_min_rtt_wlen", 0, 86400, _SECOND),
    ("tcp_retrans_collapse", 0, 1, 1),
    ("tcp_no_metrics_save", 0, 1, 1),
    ("tcp_no_ssthresh_metrics_save", 0, 1, 1),
    ("tcp_min_tso_segs", 1, 65535, 1),
    ("tcp_tso_win_divisor", 0, _INT_MAX, 1),
    ("tcp_tso_rtt_log", 0, 255, 1),
    ("tcp_pacing_ss_ratio", 0, 1000, 1),
    ("tcp_pacing_ca_ratio", 0, 1000, 1),
    ("tcp_recovery", 0, 7, 1),
    ("tcp_early_retrans", 0, 4, 1),
    ("tcp_frto", 0, 2, 1),
    ("tcp_reordering", 1, 255, 1),
    ("tcp_max_reordering", 1, _INT_MAX, 1),
    ("tcp_mtu_probing", 0, 2, 1),
    ("tcp_base_mss", 48, 65535, 1),
    ("tcp_min_snd_mss", 48, 65535, 1),
    ("tcp_mtu_probe_floor", 48, 65535, 1),
    ("tcp_probe_interval", 0, _UINT_MAX, _SECOND),
    ("tcp_probe_threshold", 0, _INT_MAX, 1),
    ("tcp_thin_linear_timeouts", 0, 1, 1),
    ("tcp_reflect_tos", 0, 1, 1),
    ("tcp_rto_min_us", 1, _INT_MAX, 1),
    ("tcp_rto_max_ms", 1000, 120_000, 1),
    ("tcp_comp_sack_delay_ns", 0, _INT_MAX, 1),
    ("tcp_comp_sack_slack_ns", 0, _INT_MAX, 1),
    ("tcp_comp_sack_nr", 0, 255, 1),
]

_CUBIC: Final[list[tuple[str, int, int, int]]] = [
    ("hystart", 0, 2, 1),
    ("hystart_detect", 0, 3, 1),
    ("hystart_low_window", 0, _INT_MAX, 1),
    ("hystart_ack_delta_us", 0, _INT_MAX, 1),
    ("initial_ssthresh", 0, _INT_MAX, 1),
    ("beta", 1, 1023, 1),
    ("fast_convergence", 0, 1, 1),
    ("tcp_friendliness", 0, 1, 1),
]

_ROUTE: Final[list[tuple[str, int, int, int]]] = [
    ("min_pmtu", 68, 65535, 1),
    ("mtu_expires", 1, _INT_MAX, _SECOND),
]

_CONF: Final[list[tuple[str, int, int, int]]] = [
    ("rp_filter", 0, 2, 1),
    ("accept_redirects", 0, 1, 1),
    ("send_redirects", 0, 1, 1),
]

_NEIGHBOUR: Final[list[tuple[str, int, int, int]]] = [
    ("retrans_time_ms", 1, _INT_MAX, _MS),
    ("mcast_solicit", 0, _INT_MAX, 1),
    ("ucast_solicit", 0, _INT_MAX, 1),
    ("base_reachable_time_ms", 1, _INT_MAX, _MS),
    ("delay_first_probe_time", 0, _INT_MAX, _SECOND),
    ("gc_thresh3", 1, _INT_MAX, 1),
    ("unres_qlen_bytes", 0, _INT_MAX, 1),
]

_IPV6: Final[list[tuple[str, int, int, int]]] = [
    ("bindv6only", 0, 1, 1),
    ("auto_flowlabels", 0, 3, 1),
    ("ip6frag_high_thresh", 0, _INT_MAX, 1),
    ("ip6frag_time", 1, _INT_MAX, _SECOND),
    ("mld_max_msf", 0, _INT_MAX, 1),
]

_IPV6_CONF: Final[list[tuple[str, int, int, int]]] = [
    ("forwarding", 0, 1, 1),
    ("hop_limit", 1, 255, 1),
    ("accept_ra", 0, 2, 1),
    ("accept_redirects", 0, 1, 1),
    ("autoconf", 0, 1, 1),
    ("dad_transmits", 0, _INT_MAX, 1),
    ("keep_addr_on_down", -1, 1, 1),
    ("router_solicitations", 0, _INT_MAX, 1),
    ("router_solicitation_interval", 1, _INT_MAX, _SECOND),
]

_IPV6_ROUTE: Final[list[tuple[str, int, int, int]]] = [("mtu_expires", 1, _INT_MAX, _SECOND)]

_IPV6_ICMP: Final[list[tuple[str, int, int, int]]] = [("ratelimit", 0, _INT_MAX, _MS)]

# Shown, since programs read them, but with one value only: what they switch is not implemented.
_FIXED: Final = frozenset(
    [
        "net.ipv4.tcp_available_congestion_control",
    ]
)

_SETTINGS: Final = _build_settings()
