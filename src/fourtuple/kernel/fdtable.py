"""A process's descriptor table."""

from __future__ import annotations

from errno import EBADF, EINVAL, EMFILE, ENFILE

from .error import KernelError
from .file import File
from .limits import Limits, OpenFiles


class FdTable:
    """Descriptors of one process: the lowest free number is given, as POSIX demands.

    ``exempt`` processes (CAP_SYS_ADMIN) may exceed the host's fs.file-max.
    """

    __slots__ = (
        "_cloexec",
        "_files",
        "_lowest",
        "exempt",
        "limits",
        "open_files",
        "reserved_base",
        "reserved_top",
    )

    def __init__(self, limits: Limits, open_files: OpenFiles, exempt: bool) -> None:
        self.limits = limits
        self.open_files = open_files
        self.exempt = exempt
        self._files: list[File | None] = []
        self._cloexec: list[bool] = []
        # No descriptor below this is free.
        self._lowest: int = 0
        self.reserved_base: int = -1
        """Numbers from this to below ``reserved_top`` are never given, nor counted by RLIMIT_NOFILE."""
        self.reserved_top: int = -1

    def check_room(self) -> None:
        """Raises EMFILE if no descriptor could be installed, ENFILE if no file could be opened.

        accept() tests this before it takes a connection off the queue.
        """
        if self._beyond(self._free(0)):
            raise KernelError(EMFILE)
        self._check_system()

    def install(self, file: File, cloexec: bool, lowest: int) -> int:
        """Give ``file`` the lowest free descriptor >= ``lowest``.

        Raises EMFILE beyond RLIMIT_NOFILE and ENFILE beyond the host's limit; a file nobody else
        holds is then released.
        """
        fd = self._free(lowest)
        if self._beyond(fd):
            if file.refs == 0:
                file.discard()
            raise KernelError(EMFILE)
        if file.open_files is None:
            try:
                self._check_system()
            except KernelError:
                if file.refs == 0:
                    file.discard()
                raise
        self._place(fd, file, cloexec)
        return fd

    def get(self, fd: int) -> File:
        """The file of ``fd``. Raises EBADF if it is not open."""
        if 0 <= fd < len(self._files):
            file = self._files[fd]
            if file is not None:
                return file
        raise KernelError(EBADF)

    def has(self, fd: int) -> bool:
        return 0 <= fd < len(self._files) and self._files[fd] is not None

    def had(self, fd: int) -> bool:
        """Whether ``fd`` is, or may once have been, a descriptor of the process."""
        return 0 <= fd < len(self._files)

    def close(self, fd: int) -> None:
        """Close one descriptor. Raises EBADF if it is not open."""
        file = self.get(fd)
        self._files[fd] = None
        if fd < self._lowest:
            self._lowest = fd
        file.drop()

    def dup(self, fd: int, lowest: int, cloexec: bool) -> int:
        """fcntl(F_DUPFD): the lowest free descriptor >= ``lowest``.

        Raises EBADF, EINVAL if ``lowest`` is not below RLIMIT_NOFILE, EMFILE.
        """
        file = self.get(fd)
        if lowest < 0 or self._beyond(lowest):
            raise KernelError(EINVAL)
        return self.install(file, cloexec, lowest)

    def dup2(self, fd: int, target: int, cloexec: bool) -> int:
        """Make ``target`` refer to the file of ``fd``, closing what it was.

        With both equal nothing happens (dup3() refuses that itself). Raises EBADF also if
        ``target`` is not below RLIMIT_NOFILE.
        """
        file = self.get(fd)
        if fd != target:
            self.put(file, target, cloexec)
        elif self._beyond(target):
            raise KernelError(EBADF)
        return target

    def put(self, file: File, target: int, cloexec: bool) -> None:
        """Make ``target`` refer to ``file``, closing what it was. Raises EBADF as :meth:`dup2`."""
        if target < 0 or self._beyond(target) or self.reserved_base <= target < self.reserved_top:
            raise KernelError(EBADF)
        # Held first: the closed one may be the last other holder.
        old = self._files[target] if target < len(self._files) else None
        self._place(target, file, cloexec)
        if old is not None:
            old.drop()

    def cloexec(self, fd: int) -> bool:
        """Whether exec closes ``fd``. Raises EBADF."""
        self.get(fd)
        return self._cloexec[fd]

    def set_cloexec(self, fd: int, cloexec: bool) -> None:
        """fcntl(F_SETFD). Raises EBADF."""
        self.get(fd)
        self._cloexec[fd] = cloexec

    def items(self) -> list[tuple[int, File]]:
        """Open descriptors and their files, ascending."""
        result: list[tuple[int, File]] = []
        for fd, file in enumerate(self._files):
            if file is not None:
                result.append((fd, file))
        return result

    def __len__(self) -> int:
        return sum(1 for file in self._files if file is not None)

    def copy_for_child(self, limits: Limits, exempt: bool) -> FdTable:
        """The table fork() gives a child: the same files, O_CLOEXEC flags kept."""
        child = FdTable(limits, self.open_files, exempt)
        child._files = self._files[:]
        child._cloexec = self._cloexec[:]
        child._lowest = self._lowest
        child.reserved_base = self.reserved_base
        child.reserved_top = self.reserved_top
        for file in child._files:
            if file is not None:
                file.hold()
        return child

    def close_on_exec(self) -> None:
        """What exec() does: close every descriptor with O_CLOEXEC."""
        for fd, file in enumerate(self._files):
            if file is not None and self._cloexec[fd]:
                self.close(fd)

    def close_range(self, first: int, last: int) -> None:
        """Close every open descriptor from ``first`` to ``last`` inclusive (close_range(2))."""
        if first > last:
            raise KernelError(EINVAL)
        for fd in range(max(first, 0), min(last + 1, len(self._files))):
            if self._files[fd] is not None:
                self.close(fd)

    def close_all(self) -> None:
        """Close every descriptor, ascending, as exit does."""
        for fd in range(len(self._files)):
            if self._files[fd] is not None:
                self.close(fd)

    def _free(self, lowest: int) -> int:
        fd = max(lowest, self._lowest)
        size = len(self._files)
        while fd < size and self._files[fd] is not None:
            fd += 1
        if self.reserved_base <= fd < self.reserved_top:
            fd = self.reserved_top
            while fd < size and self._files[fd] is not None:
                fd += 1
        if lowest <= self._lowest:
            self._lowest = fd
        return fd

    def _beyond(self, fd: int) -> bool:
        if fd >= self.reserved_top:
            fd -= self.reserved_top - self.reserved_base
        return fd >= self.limits.nofile

    def _check_system(self) -> None:
        if self.open_files.count >= self.open_files.limit and not self.exempt:
            raise KernelError(ENFILE)

    def _place(self, fd: int, file: File, cloexec: bool) -> None:
        while len(self._files) <= fd:
            self._files.append(None)
            self._cloexec.append(False)
        self._files[fd] = file
        self._cloexec[fd] = cloexec
        file.hold()
        if file.open_files is None:
            file.open_files = self.open_files
            self.open_files.count += 1
