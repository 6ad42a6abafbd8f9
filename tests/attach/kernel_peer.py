"""A program for the machine's kernel: opens a TCP connection, does the steps it is told, prints what it saw.

    python kernel_peer.py listen|connect ADDRESS PORT [OPTION=VALUE …] STEP[:N] …

Steps: send:BYTES, shut, recv (to the end), recv:BYTES, sleep:MILLISECONDS, reset, close.
"""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import sys
import time


def stream(length: int) -> bytes:
    """The bytes a peer sends: no two neighbours equal, no period of a power of two."""
    block = bytes(number * 7 % 251 for number in range(251))
    return (block * (length // 251 + 1))[:length]


_OPTIONS = {
    "rcvbuf": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "sndbuf": (socket.SOL_SOCKET, socket.SO_SNDBUF),
    "keepalive": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "keepidle": (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    "keepintvl": (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
    "keepcnt": (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
    "user_timeout": (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
}


class Peer:
    def __init__(self) -> None:
        self.received = 0
        self.digest = hashlib.sha256()
        self.eof = False

    def step(self, connection: socket.socket, name: str, number: int) -> None:
        if name == "send":
            connection.sendall(stream(number))
        elif name == "shut":
            connection.shutdown(socket.SHUT_WR)
        elif name == "recv":
            self.receive(connection, number or 1 << 60)
        elif name == "sleep":
            time.sleep(number / 1000)
        elif name == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        elif name == "close":
            connection.close()
        else:
            raise ValueError(f"unknown step {name!r}")

    def receive(self, connection: socket.socket, limit: int) -> None:
        while self.received < limit:
            data = connection.recv(min(65536, limit - self.received))
            if not data:
                self.eof = True
                return
            self.received += len(data)
            self.digest.update(data)


def info_of(connection: socket.socket) -> dict[str, int]:
    """A few fields of TCP_INFO."""
    try:
        raw = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    except OSError:
        return {}
    head = struct.unpack_from("=8B24I", raw)
    return {
        "state": head[0],
        "options": head[5],
        "snd_mss": head[10],
        "rcv_mss": head[11],
        "pmtu": head[8 + 11],
        "total_retrans": head[8 + 23],
    }


def main(arguments: list[str]) -> None:
    role, address, port, *rest = arguments
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    first = socket.socket(family)
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    steps = []
    for word in rest:
        if "=" in word:
            name, _, value = word.partition("=")
            first.setsockopt(*_OPTIONS[name], int(value))
        else:
            name, _, value = word.partition(":")
            steps.append((name, int(value or 0)))
    peer = Peer()
    error = ""
    connection = first
    info: dict[str, int] = {}
    try:
        if role == "listen":
            first.bind((address, int(port)))
            first.listen(5)
            print("ready", flush=True)
            connection, _ = first.accept()
        else:
            print("ready", flush=True)
            first.connect((address, int(port)))
        for name, number in steps:
            if name in ("reset", "close"):
                info = info_of(connection)
            peer.step(connection, name, number)
    except OSError as failure:
        error = type(failure).__name__
    info = info or info_of(connection)
    print(
        json.dumps(
            {
                "received": peer.received,
                "digest": peer.digest.hexdigest(),
                "eof": peer.eof,
                "error": error,
                "info": info,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
