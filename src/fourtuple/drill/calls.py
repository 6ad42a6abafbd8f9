"""Every system call a script may make."""

from __future__ import annotations

from typing import Final

from . import call_data, call_files, call_sockets
from .engine import Implementation

CALLS: Final[dict[str, Implementation]] = {
    "socket": call_sockets.socket,
    "bind": call_sockets.bind,
    "listen": call_sockets.listen,
    "accept": call_sockets.accept,
    "accept4": call_sockets.accept,
    "connect": call_sockets.connect,
    "shutdown": call_sockets.shutdown,
    "setsockopt": call_sockets.setsockopt,
    "getsockopt": call_sockets.getsockopt,
    "close": call_sockets.close,
    "read": call_data.read,
    "readv": call_data.readv,
    "recv": call_data.recv,
    "recvfrom": call_data.recvfrom,
    "recvmsg": call_data.recvmsg,
    "write": call_data.write,
    "writev": call_data.writev,
    "send": call_data.send,
    "sendto": call_data.sendto,
    "sendmsg": call_data.sendmsg,
    "fcntl": call_files.fcntl,
    "ioctl": call_files.ioctl,
    "poll": call_files.poll,
    "epoll_create": call_files.epoll_create,
    "epoll_create1": call_files.epoll_create,
    "epoll_ctl": call_files.epoll_ctl,
    "epoll_wait": call_files.epoll_wait,
    "pipe": call_files.pipe,
    "pipe2": call_files.pipe,
    "splice": call_files.splice,
    "sendfile": call_files.sendfile,
    "open": call_files.open_file,
    "cap_set": call_files.cap_set,
}

NOT_SUPPORTED: Final = ("psp_rx_assoc", "psp_tx_assoc")
"""Calls packetdrill has and this host does not."""
