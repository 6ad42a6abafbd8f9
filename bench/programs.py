"""The programs measured: plain standard library, the same on a simulated host and on the real one."""

from __future__ import annotations

import socket
import struct

PORT = 5201
CHUNK = 65536


def listen(address: str, backlog: int = 128) -> socket.socket:
    return socket.create_server((address, PORT), backlog=backlog)


def bulk_server(listener: socket.socket) -> int:
    """Receive one stream to its end, answer with its length; returns it."""
    connection, _ = listener.accept()
    received = 0
    with connection:
        while data := connection.recv(CHUNK):
            received += len(data)
        connection.sendall(struct.pack("!Q", received))
    return received


def bulk_client(address: str, size: int) -> int:
    """Send ``size`` bytes and wait for the receiver's count; returns the segments sent."""
    block = bytes(CHUNK)
    with socket.create_connection((address, PORT)) as connection:
        left = size
        while left:
            count = min(left, CHUNK)
            connection.sendall(block[:count])
            left -= count
        connection.shutdown(socket.SHUT_WR)
        (received,) = struct.unpack("!Q", connection.recv(8, socket.MSG_WAITALL))
        if received != size:
            raise AssertionError(f"sent {size} bytes, {received} arrived")
        return segments_out(connection)


def segments_out(connection: socket.socket) -> int:
    """``tcpi_segs_out`` of ``struct tcp_info`` (linux/tcp.h): 32 bits at offset 136."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int.from_bytes(info[136:140], "little")


def echo_server(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(64):
            connection.sendall(data)


def echo_client(address: str, rounds: int) -> int:
    """``rounds`` messages of 32 bytes, each sent when the last came back; returns ``rounds``."""
    message = bytes(32)
    with socket.create_connection((address, PORT)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(rounds):
            connection.sendall(message)
            if connection.recv(64) != message:
                raise AssertionError("the echo is not what was sent")
    return rounds


def idle_server(listener: socket.socket, count: int) -> list[socket.socket]:
    return [listener.accept()[0] for _ in range(count)]


def idle_client(address: str, count: int) -> list[socket.socket]:
    return [socket.create_connection((address, PORT)) for _ in range(count)]
