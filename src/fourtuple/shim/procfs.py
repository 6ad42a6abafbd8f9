"""What a simulated host's /proc and /sys/class/net say: contents of files, entries of directories.

Implemented, in the formats of proc(5): ``/proc/net/{dev,route,if_inet6}``, what ``procfs_sockets`` and
``procfs_net`` have, everything below ``/proc/sys/net`` that is simulated, what ``host_identity`` has,
``/proc/{stat,uptime,loadavg}``, ``/proc/PID/{stat,status,statm,limits,cmdline,comm,environ,fd,task,net}`` and
``/sys/class/net``. What describes the machine (``/proc/cpuinfo``, ``/proc/meminfo`` …) is the real one's.
The rest does not exist.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from errno import EINVAL
from typing import Final

from ..kernel.netdevice import interface_flags
from ..kernel.process import INIT, Process
from ..ports.endpoint import AF_INET
from ..runtime.process_state import ProcessState
from ..stack.interface import Interface
from ..wire.address import format_mac, is_v4, prefix_mask
from . import procfs_net, procfs_sockets
from .os_module import CPUS, RELEASE
from .procfs_sockets import port_address

TICKS: Final = 100
"""Clock ticks in a second, ``sysconf(_SC_CLK_TCK)``."""
_NS_PER_TICK: Final = 1_000_000_000 // TICKS
# Of the machine, and of no consequence for a run.
MACHINE: Final = frozenset(
    (
        *("cpuinfo", "meminfo", "filesystems", "mounts", "cmdline", "devices", "partitions"),
        *("diskstats", "swaps", "vmstat", "zoneinfo", "crypto", "modules", "misc", "interrupts"),
    )
)
"""Names below /proc that are the machine's."""

Content = Callable[[ProcessState], str]


def _route(state: ProcessState) -> str:
    lines = ["Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"]

    def word(address: int) -> str:
        return port_address(AF_INET, address, 0)[:8]

    for entry in state.process.kernel.stack.routes.entries():
        if not is_v4(entry.prefix) or entry.interface.loopback:
            continue
        gateway = max(entry.gateway, 0)
        flags = 1 | (2 if entry.gateway >= 0 else 0) | (4 if entry.length == 32 else 0)
        lines.append(
            f"{entry.interface.name}\t{word(entry.prefix)}\t{word(gateway)}\t{flags:04X}\t0\t0\t{entry.metric}\t"
            f"{word(prefix_mask(entry.prefix, entry.length))}\t0\t0\t0"
        )
    return "\n".join(f"{line:<127}" for line in lines) + "\n"


def _dev(state: ProcessState) -> str:
    lines = [
        "Inter-|   Receive                                                |  Transmit",
        " face |bytes    packets errs drop fifo frame compressed multicast"
        "|bytes    packets errs drop fifo colls carrier compressed",
    ]
    for each in state.process.kernel.stack.interfaces:
        lines.append(
            f"{each.name:>6}: {each.rx_bytes:7d} {each.rx_packets:7d}    0 {each.rx_dropped:4d}    0     0"
            f"          0         0 {each.tx_bytes:8d} {each.tx_packets:7d}    0 {each.tx_dropped:4d}    0"
            "     0       0          0"
        )
    return "\n".join(lines) + "\n"


def _if_inet6(state: ProcessState) -> str:
    lines = []
    for interface in state.process.kernel.stack.interfaces:
        for address, length in interface.addresses:
            if not is_v4(address):
                scope = 0x10 if address == 1 else 0x20 if address >> 118 == 0x3FA else 0
                numbers = f"{interface.ifindex:02x} {length:02x} {scope:02x} 80"
                lines.append(f"{address:032x} {numbers} {interface.name:>8}\n")
    return "".join(lines)


def _cpu(state: ProcessState) -> str:
    """The first processor is busy for as long as the processes' calls were charged, the others idle."""
    scheduler = state.scheduler
    busy = charged(state) // _NS_PER_TICK
    passed = scheduler.clock.now // _NS_PER_TICK
    lines = [f"cpu  {busy} 0 0 {max(passed * CPUS - busy, 0)} 0 0 0 0 0 0"]
    for number in range(CPUS):
        mine = 0 if number else busy
        lines.append(f"cpu{number} {mine} 0 0 {max(passed - mine, 0)} 0 0 0 0 0 0")
    booted = state.process.kernel.epoch_ns // 1_000_000_000
    running = len(state.process.kernel.processes)
    return (
        "\n".join(lines) + f"\nintr 0\nctxt {scheduler.switches}\nbtime {booted}\n"
        f"processes {running}\nprocs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n"
    )


def charged(state: ProcessState) -> int:
    """Processor time all processes of the host were charged with, in ns."""
    processes = state.process.kernel.processes.values()
    return sum(state.scheduler.state_of(process).charged for process in processes if process.pid != INIT)


def _uptime(state: ProcessState) -> str:
    seconds = state.scheduler.clock.now / 1e9
    return f"{seconds:.2f} {max(seconds * CPUS - charged(state) / 1e9, 0):.2f}\n"


NET: Final[dict[str, Content]] = {
    **procfs_sockets.FILES,
    "dev": _dev,
    "route": _route,
    "if_inet6": _if_inet6,
    **procfs_net.FILES,
}
"""Files of /proc/net."""

TOP: Final[dict[str, Content]] = {
    "stat": _cpu,
    "uptime": _uptime,
    "version": lambda state: f"Linux version {RELEASE} (fourtuple) #1 SMP\n",
    "loadavg": lambda state: f"0.00 0.00 0.00 1/{len(state.process.kernel.processes)} {state.process.pid}\n",
}
"""Files of /proc itself that are the host's."""


# Processes


def _status(state: ProcessState, process: Process) -> str:
    ids = f"{process.real_uid}\t{process.uid}\t{process.saved_uid}\t{process.uid}"
    groups = f"{process.real_gid}\t{process.gid}\t{process.saved_gid}\t{process.gid}"
    return (
        f"Name:\t{process.name}\nUmask:\t{process.umask:04o}\n"
        f"State:\t{_letter(state, process)}\nTgid:\t{process.pid}\n"
        f"Ngid:\t0\nPid:\t{process.pid}\nPPid:\t{process.ppid}\nTracerPid:\t0\nUid:\t{ids}\nGid:\t{groups}\n"
        f"FDSize:\t256\nGroups:\t{process.gid} \nVmSize:\t       0 kB\nVmRSS:\t       0 kB\n"
        f"Threads:\t{_threads(state, process)}\nCpus_allowed_list:\t0\n"
        "voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n"
    )


def _letter(state: ProcessState, process: Process) -> str:
    if process.exit_code is not None:
        return "Z (zombie)"
    return "R (running)" if process is state.process else "S (sleeping)"


def _threads(state: ProcessState, process: Process) -> int:
    return max(len(state.scheduler.threads_of(process)), 1)


def _stat(state: ProcessState, process: Process) -> str:
    busy = state.scheduler.state_of(process).charged // _NS_PER_TICK
    started = process.started // _NS_PER_TICK
    return (
        f"{process.pid} ({process.name[:15]}) {_letter(state, process)[0]} {process.ppid} {process.pgid}"
        f" {process.sid} 0 -1 4194304 0 0 0 0 {busy} 0 0 0 20 0 {_threads(state, process)} 0 {started} 0 0"
        " 18446744073709551615" + " 0" * 12 + " 17" + " 0" * 14 + "\n"
    )


# Of /proc/PID/limits, in its order: name, number of the resource, unit.
_LIMITS: Final = (
    ("cpu time", resource.RLIMIT_CPU, "seconds"),
    ("file size", resource.RLIMIT_FSIZE, "bytes"),
    ("data size", resource.RLIMIT_DATA, "bytes"),
    ("stack size", resource.RLIMIT_STACK, "bytes"),
    ("core file size", resource.RLIMIT_CORE, "bytes"),
    ("resident set", resource.RLIMIT_RSS, "bytes"),
    ("processes", resource.RLIMIT_NPROC, "processes"),
    ("open files", resource.RLIMIT_NOFILE, "files"),
    ("locked memory", resource.RLIMIT_MEMLOCK, "bytes"),
    ("address space", resource.RLIMIT_AS, "bytes"),
    ("file locks", 10, "locks"),
    ("pending signals", resource.RLIMIT_SIGPENDING, "signals"),
    ("msgqueue size", resource.RLIMIT_MSGQUEUE, "bytes"),
    ("nice priority", resource.RLIMIT_NICE, ""),
    ("realtime priority", resource.RLIMIT_RTPRIO, ""),
    ("realtime timeout", resource.RLIMIT_RTTIME, "us"),
)


def _limits(state: ProcessState, process: Process) -> str:
    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}"]
    for name, number, unit in _LIMITS:
        soft, hard = ("unlimited" if each < 0 else str(each) for each in process.limits.get(number))
        line = f"{'Max ' + name:<25} {soft:<20} {hard:<20} "
        lines.append(line + (f"{unit:<10}" if unit else ""))
    return "\n".join(lines) + "\n"


OF_PROCESS: Final[dict[str, Callable[[ProcessState, Process], str]]] = {
    "stat": _stat,
    "status": _status,
    "limits": _limits,
    "statm": lambda state, process: "0 0 0 0 0 0 0\n",
    "comm": lambda state, process: f"{process.name[:15]}\n",
    "cmdline": lambda state, process: "".join(f"{word}\0" for word in process.argv),
    "environ": lambda state, process: "".join(f"{name}={value}\0" for name, value in process.environ.items()),
}
"""Files of /proc/PID."""


# Interfaces


def _speed(value: str) -> Callable[[Interface], str]:
    """Of what the loopback has not, like a link that is down."""

    def read(interface: Interface) -> str:
        if interface.loopback or not interface.up:
            raise OSError(EINVAL, os.strerror(EINVAL))
        return value

    return read


def _carrier(interface: Interface) -> str:
    if not interface.up:
        raise OSError(EINVAL, os.strerror(EINVAL))
    return "1"


def _changes(interface: Interface) -> int:
    """Times the carrier came; it is there from the beginning."""
    return 0 if interface.loopback else 1


OF_INTERFACE: Final[dict[str, Callable[[Interface], str]]] = {
    "addr_assign_type": lambda interface: "0" if interface.loopback else "3",
    "addr_len": lambda interface: "6",
    "address": lambda interface: format_mac(interface.mac),
    "broadcast": lambda interface: format_mac(0 if interface.loopback else 0xFFFF_FFFF_FFFF),
    "carrier": _carrier,
    "carrier_changes": lambda interface: str(_changes(interface)),
    "carrier_down_count": lambda interface: "0",
    "carrier_up_count": lambda interface: str(_changes(interface)),
    "dev_id": lambda interface: "0x0",
    "dev_port": lambda interface: "0",
    "dormant": lambda interface: "0",
    "duplex": _speed("full"),
    "flags": lambda interface: f"{interface_flags(interface) & 0xFFFF & ~0x40:#x}",
    "ifalias": lambda interface: "",
    "ifindex": lambda interface: str(interface.ifindex),
    "iflink": lambda interface: str(interface.ifindex),
    "link_mode": lambda interface: "0",
    "mtu": lambda interface: str(interface.mtu),
    "name_assign_type": lambda interface: "2" if interface.loopback else "4",
    "netdev_group": lambda interface: "0",
    "operstate": lambda interface: "unknown" if interface.loopback else "up" if interface.up else "down",
    "proto_down": lambda interface: "0",
    "speed": _speed("10000"),
    "tx_queue_len": lambda interface: "1000",
    "type": lambda interface: "772" if interface.loopback else "1",
    "uevent": lambda interface: f"INTERFACE={interface.name}\nIFINDEX={interface.ifindex}",
}
"""Files of /sys/class/net/NAME, without the newline. Speed and duplex are those of a veth."""

_NOT_COUNTED: Final = (
    *("collisions", "multicast", "rx_compressed", "rx_crc_errors", "rx_errors", "rx_fifo_errors"),
    *("rx_frame_errors", "rx_length_errors", "rx_missed_errors", "rx_nohandler", "rx_over_errors"),
    *("tx_aborted_errors", "tx_carrier_errors", "tx_compressed", "tx_errors", "tx_fifo_errors"),
    *("tx_heartbeat_errors", "tx_window_errors"),
)
STATISTICS: Final[dict[str, Callable[[Interface], int]]] = dict(
    sorted(
        (
            *((name, lambda interface: 0) for name in _NOT_COUNTED),
            ("rx_bytes", lambda interface: interface.rx_bytes),
            ("rx_dropped", lambda interface: interface.rx_dropped),
            ("rx_packets", lambda interface: interface.rx_packets),
            ("tx_bytes", lambda interface: interface.tx_bytes),
            ("tx_dropped", lambda interface: interface.tx_dropped),
            ("tx_packets", lambda interface: interface.tx_packets),
        )
    )
)
"""Files of /sys/class/net/NAME/statistics."""
