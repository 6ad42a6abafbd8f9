"""A host's socket table, as ``ss -tuanp`` prints it."""

from __future__ import annotations

from collections.abc import Iterable

from ..api.host import Host
from ..kernel.socket_table import SocketRow

HEADER = ("Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Process")
_RIGHT = (2, 3)

PROTOCOLS = ("tcp", "udp")


def socket_table(host: Host) -> str:
    """The TCP and UDP sockets of ``host``: listening, connected and closing, with the process and
    descriptor of each holder."""
    return format_rows(row for row in host.sockets() if row.protocol in PROTOCOLS)


def format_rows(rows: Iterable[SocketRow]) -> str:
    """Aligned columns below ss's header; a line for each row."""
    lines = [HEADER]
    for row in rows:
        lines.append(
            (row.protocol, row.state, str(row.recv_q), str(row.send_q), row.local, row.peer, users(row))
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    text = []
    for line in lines:
        cells = [
            cell.rjust(widths[column]) if column in _RIGHT else cell.ljust(widths[column])
            for column, cell in enumerate(line)
        ]
        text.append(" ".join(cells).rstrip())
    return "\n".join(text)


def users(row: SocketRow) -> str:
    """``users:(("server.py",pid=2,fd=3))``, empty if no process holds the socket."""
    if not row.holders:
        return ""
    inner = ",".join(f'("{process.name}",pid={process.pid},fd={fd})' for process, fd in row.holders)
    return f"users:({inner})"
