"""A host's unix sockets: their names, and the rights in flight between them.

Paths are names of this host only; no file system lies behind them. The node a bind() makes stays
when its socket is gone, until it is unlinked, as in Linux.
"""

from __future__ import annotations

from errno import EACCES, EADDRINUSE, ECONNREFUSED, ENOENT, ENOSPC, EPROTOTYPE
from posixpath import join, normpath
from typing import TYPE_CHECKING

from .error import KernelError
from .process import Process

if TYPE_CHECKING:
    from .unix import UnixSocket


class SocketNode:
    """A path a socket was bound to."""

    __slots__ = ("gid", "ino", "mode", "path", "socket", "uid")

    def __init__(self, path: bytes, socket: UnixSocket, owner: Process) -> None:
        self.path = path
        self.socket: UnixSocket | None = socket
        """None once the socket is gone; connect() is then refused."""
        self.uid: int = owner.uid
        self.gid: int = owner.gid
        self.mode: int = 0o777 & ~owner.umask
        self.ino: int = socket.kernel.next_ino()

    def may_connect(self, process: Process) -> bool:
        """Whether the node's permission bits let ``process`` write."""
        if process.uid == 0:
            return True
        if process.uid == self.uid:
            return self.mode & 0o200 != 0
        if process.gid == self.gid:
            return self.mode & 0o020 != 0
        return self.mode & 0o002 != 0


class UnixNames:
    """The unix sockets of one host."""

    __slots__ = ("_abstract", "_autobound", "_nodes", "in_flight", "sockets")

    def __init__(self) -> None:
        self._nodes: dict[bytes, SocketNode] = {}
        self._abstract: dict[tuple[bytes, int], UnixSocket] = {}
        self._autobound: int = 0
        self.sockets: dict[int, UnixSocket] = {}
        """Every living socket by inode, oldest first."""
        self.in_flight: int = 0
        """Descriptors in unread messages."""

    # Names

    def bind(self, socket: UnixSocket, path: bytes) -> None:
        """Give ``socket`` the name ``path`` (abstract if it begins with NUL). Raises EADDRINUSE."""
        if path.startswith(b"\0"):
            if (path, socket.type) in self._abstract:
                raise KernelError(EADDRINUSE)
            self._abstract[path, socket.type] = socket
            return
        process = socket.caller()
        where = resolve(path, process)
        if where in self._nodes:
            raise KernelError(EADDRINUSE)
        self._nodes[where] = SocketNode(where, socket, process)

    def free_abstract(self, type: int) -> bytes:
        """An abstract name for autobind: NUL and five hex digits. Raises ENOSPC if none is left."""
        for _ in range(1 << 20):
            self._autobound = (self._autobound + 1) & 0xFFFFF
            name = b"\0%05x" % self._autobound
            if (name, type) not in self._abstract:
                return name
        raise KernelError(ENOSPC)

    def node(self, path: bytes, process: Process) -> SocketNode | None:
        """The node of a path, relative to the directory of ``process``."""
        return self._nodes.get(resolve(path, process))

    def unlink(self, path: bytes, process: Process) -> bool:
        """Remove a node; False if there is none. A bound socket lives on, unreachable by name."""
        return self._nodes.pop(resolve(path, process), None) is not None

    def rename(self, old: bytes, new: bytes, process: Process) -> bool:
        """Move a node, replacing what ``new`` was; False if there is none at ``old``."""
        node = self._nodes.pop(resolve(old, process), None)
        if node is None:
            return False
        node.path = resolve(new, process)
        self._nodes[node.path] = node
        return True

    def nodes(self) -> list[SocketNode]:
        """Every node, in the order they were made."""
        return list(self._nodes.values())

    def find(self, path: bytes, type: int, process: Process) -> UnixSocket:
        """The socket to connect or send to. Raises ENOENT, EACCES, ECONNREFUSED or EPROTOTYPE."""
        if path.startswith(b"\0"):
            found = self._abstract.get((path, type))
            if found is None:
                raise KernelError(ECONNREFUSED)
            return found
        node = self._nodes.get(resolve(path, process))
        if node is None:
            raise KernelError(ENOENT)
        if not node.may_connect(process):
            raise KernelError(EACCES)
        if node.socket is None:
            raise KernelError(ECONNREFUSED)
        if node.socket.type != type:
            raise KernelError(EPROTOTYPE)
        return node.socket

    def forget(self, socket: UnixSocket) -> None:
        """``socket`` is gone: its abstract name is free, its node leads nowhere."""
        self.sockets.pop(socket.ino, None)
        name = socket.name
        if name is None:
            return
        if name.startswith(b"\0"):
            if self._abstract.get((name, socket.type)) is socket:
                del self._abstract[name, socket.type]
            return
        for node in self._nodes.values():
            if node.socket is socket:
                node.socket = None

    # Rights in flight

    def collect(self) -> None:
        """Release sockets that only messages hold which nobody can ever read.

        A socket all of whose references are unread SCM_RIGHTS, on queues of sockets that cannot be
        reached either, is garbage (Linux ``unix_gc``). Their queues are emptied, which drops them.
        """
        if self.in_flight == 0:
            return
        flying: dict[int, int] = {}
        for socket in self.sockets.values():
            for file in socket.queued_files():
                if file.ino in self.sockets:
                    flying[file.ino] = flying.get(file.ino, 0) + 1
        pending = [
            socket
            for ino, socket in self.sockets.items()
            if socket.refs > flying.get(ino, 0) or (socket.refs == 0 and socket.listener is None)
        ]
        reached: dict[int, UnixSocket] = {}
        while pending:
            socket = pending.pop()
            if socket.ino in reached:
                continue
            reached[socket.ino] = socket
            for file in socket.queued_files():
                found = self.sockets.get(file.ino)
                if found is not None:
                    pending.append(found)
            pending.extend(socket.embryos)
        for ino, socket in list(self.sockets.items()):
            if ino not in reached:
                socket.purge()


def resolve(path: bytes, process: Process) -> bytes:
    """The path as seen from the root, from the directory of ``process``."""
    return normpath(join(process.cwd.encode("utf-8", "surrogateescape"), path))
