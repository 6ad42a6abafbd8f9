"""Unix sockets among real files, and out-of-band data on streams: one program on Linux and on ours."""

import fcntl
import os
import select
import socket
import struct
import sys
import tempfile
from typing import Any

import pytest
from parity_programs import on_both, outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")

OOB, PEEK = socket.MSG_OOB, socket.MSG_PEEK
SIOCATMARK = 0x8905


def paths(directory: str) -> list[Any]:
    seen: list[Any] = []
    for name in ("real", "no/such", "real/below", "dir", "s", "s"):
        s = socket.socket(socket.AF_UNIX)
        seen.append(outcome(lambda s=s, name=name: s.bind(f"{directory}/{name}")))
        s.close()
    for name in ("real", "nosuch", "real/below", "s"):
        s = socket.socket(socket.AF_UNIX)
        seen.append(outcome(lambda s=s, name=name: s.connect(f"{directory}/{name}")))
        s.close()
    os.unlink(f"{directory}/s")
    return seen


def test_paths_of_sockets_among_real_files() -> None:
    with tempfile.TemporaryDirectory() as directory:
        open(f"{directory}/real", "w").close()
        os.mkdir(f"{directory}/dir")
        ours, linux = on_both(lambda: paths(directory))
    assert ours == linux


def out_of_band() -> list[Any]:
    a, b = socket.socketpair()
    b.setblocking(False)

    def read(*calls: tuple[int, int]) -> None:
        for count, flags in calls:
            seen.append(outcome(lambda count=count, flags=flags: b.recv(count, flags)))

    def at_mark() -> int:
        return struct.unpack("i", fcntl.ioctl(b.fileno(), SIOCATMARK, bytes(4)))[0]

    seen: list[Any] = [a.send(b"ab"), a.send(b"X", OOB), a.send(b"cd"), outcome(lambda: a.send(b"", OOB))]
    poller = select.poll()
    poller.register(b, select.POLLIN | select.POLLPRI)
    seen.append([mask for _, mask in poller.poll(0)])
    read((10, PEEK), (10, 0), (1, OOB | PEEK), (1, OOB), (10, 0), (1, OOB))
    seen.append([mask for _, mask in poller.poll(0)])
    a.send(b"mno", OOB)
    read((10, 0), (10, 0), (1, OOB))
    a.send(b"12")
    a.send(b"Y", OOB)
    a.send(b"Z", OOB)
    read((10, 0), (10, 0), (1, OOB))
    b.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    a.send(b"q")
    a.send(b"W", OOB)
    a.send(b"r")
    read((10, 0), (1, OOB), (10, 0))
    b.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 0)
    a.send(b"12")
    a.send(b"V", OOB)
    seen.append(at_mark())
    read((2, 0))
    seen.append(at_mark())
    read((1, OOB))
    seen.append(at_mark())
    a.send(b"after")
    read((10, 0))
    a.close()
    b.close()
    return seen


def test_out_of_band_data_on_a_stream() -> None:
    ours, linux = on_both(out_of_band)
    assert ours == linux
