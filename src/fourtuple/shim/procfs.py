"""What a simulated host's /proc and /sys/class/net say: contents of files, entries of directories.

Implemented, in the formats of proc(5): ``/proc/net/{tcp,tcp6,udp,udp6,unix,dev,route,if_inet6}``, what
``procfs_net`` has, everything below ``/proc/sys/net`` that is simulated, ``/proc/sys/kernel/hostname``,
``/proc/{stat,uptime,loadavg}``, ``/proc/PID/{stat,status,statm,cmdline,comm,environ,fd,task,net}`` and
``/sys/class/net``. What describes the machine (``/proc/cpuinfo``, ``/proc/meminfo`` …) is the real one's.
The rest does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..kernel.kernel import Kernel
from ..kernel.netdevice import interface_flags
from ..kernel.process import INIT, Process
from ..kernel.socket_table import SocketRow
from ..ports.endpoint import AF_INET, LISTEN, TIME_WAIT
from ..runtime.process_state import ProcessState
from ..stack.interface import Interface
from ..wire.address import format_mac, is_v4, prefix_mask
from . import procfs_net
from .os_module import CPUS, RELEASE

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


def _port_address(endpoint_family: int, address: int, port: int) -> str:
    """``0100007F:1F90``: the address as 32-bit words of this machine's order."""
    if endpoint_family == AF_INET:
        return f"{int.from_bytes((address & 0xFFFFFFFF).to_bytes(4, 'big'), 'little'):08X}:{port:04X}"
    data = address.to_bytes(16, "big")
    words = "".join(f"{int.from_bytes(data[at : at + 4], 'little'):08X}" for at in range(0, 16, 4))
    return f"{words}:{port:04X}"


_TCP_HEAD: Final = (
    "  sl  {local:<{width}} {peer:<{width}} st tx_queue rx_queue tr tm->when retrnsmt"
    "   uid  timeout inode{end}"
)


def inet_table(kernel: Kernel, protocol: str, family: int) -> str:
    """/proc/net/tcp and its kin: listeners first."""
    rows = [
        row
        for row in kernel.sockets()
        if row.protocol == protocol and row.endpoint is not None and row.endpoint.family == family
        # Sockets that are only bound, or not even that, are in no table of TCP's.
        if (row.state != "UNCONN" if protocol == "tcp" else row.endpoint.local_port)
    ]
    rows.sort(key=lambda row: row.endpoint is not None and row.endpoint.state != LISTEN)
    wide = family != AF_INET
    end = " ref pointer drops" if protocol == "udp" else ""
    lines = [
        _TCP_HEAD.format(
            local="local_address",
            peer="remote_address" if wide else "rem_address",
            width=38 if wide else 13,
            end=end,
        )
    ]
    lines += [_inet_line(number, row, protocol) for number, row in enumerate(rows)]
    return "\n".join(lines) + "\n"


def _inet_line(number: int, row: SocketRow, protocol: str) -> str:
    endpoint = row.endpoint
    assert endpoint is not None
    local = _port_address(endpoint.family, endpoint.local, endpoint.local_port)
    peer = _port_address(endpoint.family, endpoint.peer, endpoint.peer_port)
    timer = 3 if endpoint.state == TIME_WAIT else 0
    send, receive = (0, row.recv_q) if endpoint.state == LISTEN else (row.send_q, row.recv_q)
    end = "2 0000000000000000 0" if protocol == "udp" else "1 0000000000000000 100 0 0 10 0"
    return (
        f"{number:4d}: {local} {peer} {endpoint.state:02X} {send:08X}:{receive:08X} {timer:02X}:00000000"
        f" 00000000 {endpoint.uid:5d}        0 {row.ino} {end}"
    )


def _unix_table(state: ProcessState) -> str:
    lines = ["Num       RefCount Protocol Flags    Type St Inode Path"]
    types = {"u_str": 1, "u_dgr": 2, "u_seq": 5}
    for row in state.process.kernel.sockets():
        if row.protocol in types:
            # SS_UNCONNECTED or SS_CONNECTED; a listener has the flag __SO_ACCEPTCON.
            status = 3 if row.state == "ESTAB" else 1
            flags = 0x10000 if row.state == "LISTEN" else 0
            name = row.local.rpartition(" ")[0]
            path = "" if name == "*" else f" {name}"
            lines.append(
                f"0000000000000000: 00000002 00000000 {flags:08X} {types[row.protocol]:04X} {status:02X}"
                f" {row.ino:5d}{path}"
            )
    return "\n".join(lines) + "\n"


def _route(state: ProcessState) -> str:
    lines = ["Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"]

    def word(address: int) -> str:
        return _port_address(AF_INET, address, 0)[:8]

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
    "tcp": lambda state: inet_table(state.process.kernel, "tcp", AF_INET),
    "tcp6": lambda state: inet_table(state.process.kernel, "tcp", 10),
    "udp": lambda state: inet_table(state.process.kernel, "udp", AF_INET),
    "udp6": lambda state: inet_table(state.process.kernel, "udp", 10),
    "unix": _unix_table,
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
    ids = "\t".join([str(process.uid)] * 4)
    groups = "\t".join([str(process.gid)] * 4)
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


OF_PROCESS: Final[dict[str, Callable[[ProcessState, Process], str]]] = {
    "stat": _stat,
    "status": _status,
    "statm": lambda state, process: "0 0 0 0 0 0 0\n",
    "comm": lambda state, process: f"{process.name[:15]}\n",
    "cmdline": lambda state, process: "".join(f"{word}\0" for word in process.argv),
    "environ": lambda state, process: "".join(f"{name}={value}\0" for name, value in process.environ.items()),
}
"""Files of /proc/PID."""


# Interfaces


OF_INTERFACE: Final[dict[str, Callable[[Interface], str]]] = {
    "address": lambda interface: format_mac(interface.mac),
    "addr_len": lambda interface: "6",
    "broadcast": lambda interface: format_mac(0 if interface.loopback else 0xFFFF_FFFF_FFFF),
    "carrier": lambda interface: "1",
    "flags": lambda interface: f"{interface_flags(interface) & 0xFFFF & ~0x40:#x}",
    "ifindex": lambda interface: str(interface.ifindex),
    "iflink": lambda interface: str(interface.ifindex),
    "mtu": lambda interface: str(interface.mtu),
    "operstate": lambda interface: "unknown" if interface.loopback else "up" if interface.up else "down",
    "tx_queue_len": lambda interface: "1000",
    "type": lambda interface: "772" if interface.loopback else "1",
}
"""Files of /sys/class/net/NAME, without the newline."""
