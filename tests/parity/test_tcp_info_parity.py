"""TCP_INFO field by field: the same connection over the loopback of Linux and of a simulated host."""

import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from parity_programs import on_both

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux"), pytest.mark.slow]

TCP_INFO, TCP_MAXSEG = 11, 2

# struct tcp_info of Linux 6.18.
_BYTES = ["state", "ca_state", "retransmits", "probes", "backoff", "options", "wscale", "flags"]
_WORDS = [
    "rto",
    "ato",
    "snd_mss",
    "rcv_mss",
    "unacked",
    "sacked",
    "lost",
    "retrans",
    "fackets",
    "last_data_sent",
    "last_ack_sent",
    "last_data_recv",
    "last_ack_recv",
    "pmtu",
    "rcv_ssthresh",
    "rtt",
    "rttvar",
    "snd_ssthresh",
    "snd_cwnd",
    "advmss",
    "reordering",
    "rcv_rtt",
    "rcv_space",
    "total_retrans",
]
_REST = [
    "pacing_rate",
    "max_pacing_rate",
    "bytes_acked",
    "bytes_received",
    "segs_out",
    "segs_in",
    "notsent_bytes",
    "min_rtt",
    "data_segs_in",
    "data_segs_out",
    "delivery_rate",
    "busy_time",
    "rwnd_limited",
    "sndbuf_limited",
    "delivered",
    "delivered_ce",
    "bytes_sent",
    "bytes_retrans",
    "dsack_dups",
    "reord_seen",
    "rcv_ooopack",
    "snd_wnd",
    "rcv_wnd",
    "rehash",
    "total_rto",
    "total_rto_recoveries",
    "total_rto_time",
    "received_ce",
    "delivered_e1_bytes",
    "delivered_e0_bytes",
    "delivered_ce_bytes",
    "received_e1_bytes",
    "received_e0_bytes",
    "received_ce_bytes",
    "accecn_fail_mode",
    "accecn_opt_seen",
]
_LAYOUT = struct.Struct("<8B24I4Q6I4Q2I2Q6I2H8I2H")

# How long things take is another matter on a real machine, and so is what follows from it.
_TIMES = {
    *("rto", "rtt", "rttvar", "min_rtt", "rcv_rtt", "last_data_sent", "last_data_recv", "last_ack_recv"),
    *("pacing_rate", "delivery_rate", "busy_time", "total_rto_time", "rwnd_limited", "sndbuf_limited"),
}


def info(sock: socket.socket) -> dict[str, int]:
    raw = sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 400)
    if len(raw) < _LAYOUT.size:
        # An older kernel has fewer fields.
        raw = raw.ljust(_LAYOUT.size, b"\0")
    names = _BYTES + _WORDS + _REST
    found = dict(zip(names, _LAYOUT.unpack(raw[: _LAYOUT.size]), strict=True))
    return {name: value for name, value in found.items() if name not in _TIMES}


def pair(family: int = socket.AF_INET, segment: int = 1000) -> tuple[socket.socket, socket.socket]:
    with socket.socket(family) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        if segment:
            listener.setsockopt(socket.IPPROTO_TCP, TCP_MAXSEG, segment)
        listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        listener.listen(3)
        client = socket.socket(family)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    return client, server


def states() -> dict[str, Any]:
    """What it says of a socket in each state that needs no waiting."""
    seen: dict[str, Any] = {}
    with socket.socket() as fresh:
        seen["closed"] = info(fresh)
        fresh.bind(("127.0.0.1", 0))
        seen["bound"] = info(fresh)
        fresh.listen(7)
        with socket.create_connection(fresh.getsockname()):
            seen["listening"] = info(fresh)
    client, server = pair()
    with client, server:
        seen["client"] = info(client)
        seen["server"] = info(server)
        client.shutdown(socket.SHUT_WR)
        time.sleep(0.1)
        seen["fin_wait_2"] = info(client)
        seen["close_wait"] = info(server)
        server.shutdown(socket.SHUT_WR)
        time.sleep(0.1)
        seen["closed by both"] = info(server)
    for family in (socket.AF_INET, socket.AF_INET6):
        client, server = pair(family, 0)
        with client, server:
            seen[f"largest segments, {family}"] = info(client)
            seen[f"largest segments, {family}, server"] = info(server)
    return seen


def exchange() -> dict[str, Any]:
    """Requests and answers, then a reader that does not read."""
    seen: dict[str, Any] = {}
    client, server = pair()
    with client, server:
        for _ in range(3):
            client.sendall(b"x" * 100)
            server.recv(200)
            server.sendall(b"y" * 300)
            client.recv(400)
        time.sleep(0.1)
        seen["client after requests"] = info(client)
        seen["server after requests"] = info(server)
        client.send(b"z" * 500)
        time.sleep(0.3)
        seen["unread"] = info(server)
        seen["sender of it"] = info(client)
    return seen


def differences(ours: dict[str, Any], linux: dict[str, Any]) -> dict[str, dict[str, tuple[int, int]]]:
    """(ours, Linux's) of every field that is not the same."""
    return {
        moment: {
            name: (ours[moment][name], value) for name, value in fields.items() if ours[moment][name] != value
        }
        for moment, fields in linux.items()
    }


@pytest.mark.parametrize("program", [states, exchange], ids=["states", "exchange"])
def test_every_field_is_as_on_linux(program: Any) -> None:
    # What this machine is set to decides about windows.
    names = ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.core.rmem_max", "net.core.wmem_max")
    settings = {
        name.replace(".", "__"): Path("/proc/sys", *name.split(".")).read_text().strip() for name in names
    }
    ours, linux = on_both(program, **settings)
    found = {moment: fields for moment, fields in differences(ours, linux).items() if fields}
    assert found == {}
