"""What small programs on sockets share."""

import array
import fcntl
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from parity_programs import outcome


def shape(control: list[Any]) -> list[Any]:
    return [(level, kind, len(data)) for level, kind, data in control]


def tried(call: Callable[..., Any], *arguments: Any) -> Any:
    result = outcome(lambda: call(*arguments))
    return "ok" if result is None else result


def at_mark(s: socket.socket) -> Any:
    return struct.unpack("i", fcntl.ioctl(s, 0x8905, bytes(4)))[0]


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    return client, server


def meanwhile(call: Callable[[], Any], act: Callable[[], Any]) -> Any:
    """What ``call`` gives that waits in a thread while ``act`` is done here, and what that gives."""
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(tried(call)))
    thread.start()
    time.sleep(0.05)
    done = tried(act)
    thread.join()
    return got, done


def events(poller: Any, wait: float = 0.05) -> list[int]:
    return sorted(mask for _, mask in poller.poll(wait))


def rights(*fds: int) -> list[Any]:
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
