"""Files that are the simulated host's: ``/etc/hosts``, ``/etc/resolv.conf``, ``/etc/hostname``, and the
random devices. ``procfs_module`` has those of /proc.

Programs read the former to find name servers and names; who opens one gets what the host's name service
says at that moment, and cannot write it. Refused: terminals.
"""

from __future__ import annotations

import os
from errno import ENXIO, EROFS
from typing import Any, Final

from ..kernel.file import File
from ..kernel.kernel import Kernel
from ..runtime.thread import SimThread
from ..stack.poll_bits import POLLIN, POLLOUT
from ..wire.address import is_loopback
from .real_files import lift
from .refusal import refuse

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_TRUNC | os.O_APPEND
_TERMINALS: Final = ("/dev/ptmx", "/dev/console")

_memfd_create: Final[Any] = getattr(os, "memfd_create", None)
_real_write: Final = os.write
_real_lseek: Final = os.lseek


class RandomDevice(File):
    """/dev/urandom of one process: its own random numbers; what is written to it changes nothing."""

    def __init__(self, thread: SimThread, flags: int) -> None:
        super().__init__(thread.process.kernel.next_ino(), flags, "/dev/urandom")
        self._stream = thread.state.stream

    def poll(self) -> int:
        return POLLIN | POLLOUT

    def read(self, count: int) -> bytes:
        self.check_readable()
        return self._stream.octets(count)

    def write(self, data: bytes) -> int:
        self.check_writable()
        return len(data)


def content_of(kernel: Kernel, path: str) -> str | None:
    """What the host has at ``path``, None where it has the machine's file. Raises OSError if refused."""
    if path == "/etc/hosts":
        own = [address for interface in kernel.stack.interfaces for address, _ in interface.addresses]
        return kernel.host_names.hosts_file(kernel.hostname, [ip for ip in own if not is_loopback(ip)])
    if path == "/etc/resolv.conf":
        return kernel.host_names.resolv_conf()
    if path == "/etc/hostname":
        return f"{kernel.hostname}\n"
    if path == "/dev/tty":
        # As for a process that has none.
        raise OSError(ENXIO, os.strerror(ENXIO), path)
    if path in _TERMINALS:
        refuse(f"opening {path}", "a simulated process has no terminal")
    return None


def open_own(thread: SimThread, path: Any, flags: int) -> int:
    """A real descriptor that reads what the host has at ``path``; -1 if that is the machine's file.

    Raises OSError: EROFS if it is to be written, others as :func:`content_of`.
    """
    try:
        text = os.fspath(path)
    except TypeError:
        return -1
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if not text.startswith(("/etc/", "/dev/")):
        return -1
    content = content_of(thread.process.kernel, text)
    if content is None:
        return -1
    if flags & _WRITING:
        raise OSError(EROFS, "it is made from what the network was told", text)
    fd = _memfd_create(os.path.basename(text), os.MFD_CLOEXEC)
    _real_write(fd, content.encode())
    _real_lseek(fd, 0, os.SEEK_SET)
    return lift(fd)
