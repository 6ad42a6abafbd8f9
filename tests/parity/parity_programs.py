"""Running one function on the live kernel and in a simulated process, to compare what it returns."""

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fourtuple import Network

privileged = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="raw and packet sockets need root on Linux"
)


def outcome(call: Callable[[], Any]) -> Any:
    """What the call returns, or the name of the errno it fails with."""
    try:
        return call()
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno or 0].replace("ENOTSUP", "EOPNOTSUPP")


def interface_request(request: int, name: str, value: int) -> None:
    """An ioctl(2) on a socket of its own: SIOCSIFFLAGS (0x8914) or SIOCSIFMTU (0x8922)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, request, struct.pack("16si12x", name.encode(), value))


def loopback_like_a_wire(mtu: int) -> None:
    """Bring the loopback interface up, with the MTU of a wire."""
    interface_request(0x8914, "lo", 1)
    interface_request(0x8922, "lo", mtu)


def in_a_namespace(function: Callable[[], Any]) -> Any:
    """What ``function`` returns on the live kernel, in a network namespace of its own."""
    found: list[Any] = []

    def run() -> None:
        # A namespace belongs to a thread.
        if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
            found.append(OSError(ctypes.get_errno(), "unshare"))
            return
        try:
            found.append(function())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def on_a_simulated_host(function: Callable[[], Any], **sysctl: str) -> Any:
    """What ``function`` returns as a program of its own; settings by name, dots as double underscores."""
    with Network(seed=1) as network:
        host = network.host("alpha")
        for name, value in sysctl.items():
            host.sysctl[name.replace("__", ".")] = value
        process = host.spawn(function)
        network.run()
        return process.result


def on_both(function: Callable[[], Any], **sysctl: str) -> tuple[Any, Any]:
    """(ours, Linux's) of a function that needs no settings changed on Linux."""
    return on_a_simulated_host(function, **sysctl), function()
