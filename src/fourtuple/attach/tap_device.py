"""A TAP interface of this machine (Linux's tun driver): Ethernet frames to and from its kernel."""

from __future__ import annotations

import fcntl
import os
from struct import Struct
from typing import Final

_PATH: Final = "/dev/net/tun"
_TUNSETIFF: Final = 0x400454CA
_IFF_TAP: Final = 0x0002
_IFF_NO_PI: Final = 0x1000
_IFREQ: Final = Struct("16sH22x")
_NAME_LIMIT: Final = 15
_LARGEST: Final = 65_536 + 18


class TapDevice:
    """The TAP interface ``name``, made if there is none, and gone when closed.

    Its kernel end is down and has no address: that is the caller's to set (``ip link``, ``ip addr``), also
    in another network namespace. Raises ValueError for a name no interface can have, OSError (EPERM,
    ENOENT, EBUSY) where this machine does not let us.
    """

    def __init__(self, name: str) -> None:
        encoded = name.encode()
        if not 0 < len(encoded) <= _NAME_LIMIT or "/" in name or name.split() != [name]:
            raise ValueError(
                f"interface name {name!r}: it has 1 to {_NAME_LIMIT} bytes, no space and no slash"
            )
        self.name = name
        self.refused: int = 0
        """Frames the kernel did not take, as it does while the interface is down."""
        self._file = os.open(_PATH, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(self._file, _TUNSETIFF, _IFREQ.pack(encoded, _IFF_TAP | _IFF_NO_PI))
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """For poll(): readable while a frame waits. Raises ValueError if the device is closed."""
        if self._file < 0:
            raise ValueError(f"the TAP interface {self.name} is closed")
        return self._file

    def read(self) -> bytes | None:
        """The next frame the kernel sent, None if none waits."""
        try:
            return os.read(self.fileno(), _LARGEST)
        except BlockingIOError:
            return None

    def write(self, frame: bytes) -> bool:
        """Hand a frame to the kernel; False if it does not take it."""
        try:
            os.write(self.fileno(), frame)
        except OSError:
            self.refused += 1
            return False
        return True

    def close(self) -> None:
        """Remove the interface. Harmless when closed already."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> TapDevice:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
