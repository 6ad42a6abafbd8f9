"""A TCP socket's own state, beside that of its connection (Linux ``enum socket_state``)."""

from __future__ import annotations

from typing import Final

UNCONNECTED: Final = 1
CONNECTING: Final = 2
CONNECTED: Final = 3
DISCONNECTING: Final = 4
