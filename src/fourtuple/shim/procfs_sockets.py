"""The socket tables of /proc/net: tcp, udp, udplite, raw, icmp, each with its 6, unix, packet, netlink.

Formats are those of Linux 6.18. Pointers are 0, as for a reader without privileges; the first column, a hash
bucket there, counts lines here; the kernel's own netlink sockets are not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from ..kernel.kernel import Kernel
from ..kernel.netlink import NetlinkSocket
from ..kernel.packet import PacketSocket
from ..kernel.socket import Socket
from ..kernel.socket_table import SocketRow
from ..ports.endpoint import AF_INET, LISTEN, TIME_WAIT
from ..runtime.process_state import ProcessState

AF_INET6: Final = 10
# What Linux pads lines of IPv4 tables to.
_WIDTH: Final = 127
_TCP_WIDTH: Final = 149
_POINTER: Final = "0" * 16

S = TypeVar("S", bound=Socket)


def port_address(endpoint_family: int, address: int, port: int) -> str:
    """``0100007F:1F90``: the address as 32-bit words of this machine's order."""
    if endpoint_family == AF_INET:
        return f"{int.from_bytes((address & 0xFFFFFFFF).to_bytes(4, 'big'), 'little'):08X}:{port:04X}"
    data = address.to_bytes(16, "big")
    words = "".join(f"{int.from_bytes(data[at : at + 4], 'little'):08X}" for at in range(0, 16, 4))
    return f"{words}:{port:04X}"


_HEAD: Final = " st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"


def inet_table(kernel: Kernel, protocol: str, family: int) -> str:
    """A table of Internet sockets; of TCP's, listeners first."""
    rows = [
        row
        for row in kernel.sockets()
        if row.protocol == protocol and row.endpoint is not None and row.endpoint.family == family
        # Sockets that are only bound, or not even that, are in no table of TCP's.
        if (row.state != "UNCONN" if protocol == "tcp" else row.endpoint.local_port)
    ]
    rows.sort(key=lambda row: row.endpoint is not None and row.endpoint.state != LISTEN)
    wide = family != AF_INET
    peer = "remote_address" if wide else "rem_address"
    head = f"  sl  {'local_address':<37} {peer:<37}" if wide else f"  sl  local_address {peer}  "
    lines = [head + _HEAD + ("" if protocol == "tcp" else " ref pointer drops")]
    lines += [_inet_line(number, row, protocol) for number, row in enumerate(rows)]
    if not wide and protocol != "raw":
        if protocol in ("udp", "udplite"):
            lines[0] = f" {lines[0]}"
        width = _TCP_WIDTH if protocol == "tcp" else _WIDTH
        lines = [f"{line:<{width}}" for line in lines]
    return "\n".join(lines) + "\n"


def _inet_line(number: int, row: SocketRow, protocol: str) -> str:
    endpoint = row.endpoint
    assert endpoint is not None
    local = port_address(endpoint.family, endpoint.local, endpoint.local_port)
    peer = port_address(endpoint.family, endpoint.peer, endpoint.peer_port)
    timer = 3 if endpoint.state == TIME_WAIT else 0
    send, receive = (0, row.recv_q) if endpoint.state == LISTEN else (row.send_q, row.recv_q)
    end = f"1 {_POINTER} 100 0 0 10 0" if protocol == "tcp" else f"2 {_POINTER} 0"
    width = 4 if protocol == "tcp" or (protocol == "raw" and endpoint.family == AF_INET) else 5
    return (
        f"{number:{width}d}: {local} {peer} {endpoint.state:02X} {send:08X}:{receive:08X}"
        f" {timer:02X}:00000000 00000000 {endpoint.uid:5d}        0 {row.ino} {end}"
    )


def _inet(protocol: str, family: int) -> Callable[[ProcessState], str]:
    return lambda state: inet_table(state.process.kernel, protocol, family)


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


def _open(state: ProcessState, kind: type[S]) -> Iterator[tuple[S, int]]:
    """Open sockets of a ``kind``, each once, and the user of the first process that holds it."""
    seen: dict[int, None] = {}
    for process in state.process.kernel.processes.values():
        for _, file in process.fds.items():
            if isinstance(file, kind) and file.ino not in seen:
                seen[file.ino] = None
                yield file, process.uid


def _packet_table(state: ProcessState) -> str:
    lines = ["sk               RefCnt Type Proto  Iface R Rmem   User   Inode"]
    for each, uid in _open(state, PacketSocket):
        frames = each.frames
        lines.append(
            f"{_POINTER} {3:<6d} {each.type:<4d} {frames.protocol:04x}   {frames.ifindex:<5d}"
            f" {1 if frames.protocol else 0} {frames.rmem:<6d} {uid:<6d} {each.ino:<6d}"
        )
    return "\n".join(lines) + "\n"


def _netlink_table(state: ProcessState) -> str:
    lines = ["sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode"]
    for each, _ in _open(state, NetlinkSocket):
        if each.bound:
            groups = each.groups & 0xFFFFFFFF
            lines.append(
                f"{_POINTER} {each.protocol:<3d} {each.port:<10d} {groups:08x} {each.rmem:<8d} {0:<8d}"
                f" {bool(each.dumping):<5d} {2:<8d} {each.overrun:<8d} {each.ino:<8d}"
            )
    return "\n".join(lines) + "\n"


FILES: Final[dict[str, Callable[[ProcessState], str]]] = {
    **{
        f"{protocol}{suffix}": _inet(protocol, family)
        for protocol in ("tcp", "udp", "udplite", "raw", "icmp")
        for suffix, family in (("", AF_INET), ("6", AF_INET6))
    },
    "unix": _unix_table,
    "packet": _packet_table,
    "netlink": _netlink_table,
}
