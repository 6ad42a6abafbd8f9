"""A host's kernel: its processes, files and sockets, on top of its IP stack."""

from __future__ import annotations

from errno import (
    EACCES,
    EAFNOSUPPORT,
    ECHILD,
    EINVAL,
    EOPNOTSUPP,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
    ESRCH,
)
from typing import TYPE_CHECKING, Any, Final

from ..clock.clock import Clock
from ..ports.endpoint import Endpoint
from .epoll import Epoll
from .error import KernelError
from .eventfd import EventFd
from .file import File
from .host_names import HostNames
from .inet_datagram import make_datagram
from .inet_ping import InetPing
from .inet_raw import InetRaw
from .inet_stream import make_stream
from .limits import OpenFiles
from .netlink import (
    NETLINK_ROUTE,
    NETLINK_SOCK_DIAG,
    NETLINK_USERSOCK,
    NetlinkPorts,
    NetlinkSocket,
)
from .packet import PacketSocket
from .pipe import PipeReader, PipeWriter, make_pipe
from .process import CAP_NET_RAW, CAP_SYS_ADMIN, INIT, Process
from .rtnetlink import RouteNetlink
from .sock_diag import SocketDiag
from .sockaddr import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    AF_PACKET,
    AF_UNIX,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_IP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    IPPROTO_UDPLITE,
    SOCK_DGRAM,
    SOCK_RAW,
    SOCK_SEQPACKET,
    SOCK_STREAM,
)
from .socket import Socket
from .socket_table import SocketRow, holders_of, socket_rows
from .stdio import Console, ConsoleSink, NullDevice
from .timerfd import TimerFd
from .unix import UnixSocket, connect_back
from .unix_datagram import UnixDatagram, UnixSeqpacket
from .unix_names import UnixNames
from .unix_stream import UnixStream

if TYPE_CHECKING:
    from ..stack.stack import Stack

EPOCH_NS: Final = 1767225600 * 10**9
"""Wall clock at virtual time 0: 2026-01-01 00:00:00 UTC."""

POLLIN: Final = 1
FIRST_INO: Final = 1000
FILE_MAX: Final = 1 << 20
SOCK_MAX: Final = 11
IPPROTO_MAX: Final = 263


class Kernel:
    """The kernel of one host.

    ``names`` is the network's name table (host name to addresses), which every host resolves from.
    """

    __slots__ = (
        "_next_ino",
        "_next_pid",
        "caller",
        "clock",
        "epoch_ns",
        "host_names",
        "hostname",
        "init",
        "max_dgram_qlen",
        "names",
        "netlink",
        "open_files",
        "processes",
        "shared",
        "stack",
        "unix",
    )

    def __init__(self, stack: Stack, names: dict[str, list[int]]) -> None:
        self.stack = stack
        self.clock: Clock = stack.clock
        self.names: dict[str, list[int]] = names
        self.host_names: HostNames = HostNames()
        self.hostname: str = stack.name
        self.epoch_ns: int = EPOCH_NS
        self.open_files: OpenFiles = OpenFiles(FILE_MAX)
        self.processes: dict[int, Process] = {}
        """Living processes and those not yet waited for, by pid, oldest first; the first is init."""
        self.caller: Process | None = None
        """Who makes the present call, for credentials and directory; None: who made the file."""
        self.unix: UnixNames = UnixNames()
        self.netlink: NetlinkPorts = NetlinkPorts()
        self.netlink.families[NETLINK_ROUTE] = RouteNetlink(stack, self.netlink)
        self.netlink.families[NETLINK_SOCK_DIAG] = SocketDiag(self)
        self.shared: dict[str, Any] = {}
        """What the runtime keeps for the host's processes together, by kind."""
        self.max_dgram_qlen: int = 10
        """net.unix.max_dgram_qlen."""
        self._next_pid: int = INIT + 1
        self._next_ino: int = FIRST_INO
        self.init: Process = Process(self, INIT, 0, "init", ["init"], 0, 0)
        self.processes[INIT] = self.init

    def next_ino(self) -> int:
        """A fresh inode number."""
        ino = self._next_ino
        self._next_ino = ino + 1
        return ino

    def next_pid(self) -> int:
        """A fresh process or thread id."""
        pid = self._next_pid
        self._next_pid = pid + 1
        return pid

    # Processes

    def spawn(
        self,
        name: str,
        argv: list[str],
        parent: Process | None,
        stdin: File,
        stdout: File,
        stderr: File,
    ) -> Process:
        """A new process whose only descriptors are 0, 1 and 2.

        It inherits credentials, limits, directory and environment from ``parent``; without one it
        is a child of init and runs as root.
        """
        process = self._make(name, argv, parent)
        for file in (stdin, stdout, stderr):
            process.fds.install(file, False, 0)
        return process

    def fork(self, parent: Process, name: str, argv: list[str]) -> Process:
        """A child that shares every file of its parent (fork(2)); exec is ``close_on_exec``."""
        process = self._make(name, argv, parent)
        process.image = parent.image
        process.fds = parent.fds.copy_for_child(process.limits, process.capable(CAP_SYS_ADMIN))
        return process

    def exec(self, process: Process, name: str, argv: list[str]) -> None:
        """Have ``process`` go on as another program (execve(2)): O_CLOEXEC descriptors are closed."""
        process.name = name
        process.argv = argv
        process.image = process.pid
        process.fds.close_on_exec()

    def exit(self, process: Process, code: int) -> None:
        """End ``process``: close all it held, tell who waits. Harmless if it has ended.

        ``code`` is its exit code, or -N if signal N ended it.
        """
        if process.exit_code is not None:
            return
        process.exit_code = code
        process.fds.close_all()
        for child in list(process.children.values()):
            child.ppid = INIT
            self.init.children[child.pid] = child
            if child.exit_code is not None:
                self.reap(self.init, child)
        process.children.clear()
        parent = self.parent_of(process)
        if parent is None:
            self.reap(self.init, process)
        else:
            if parent.reaps:
                self.reap(parent, process)
            parent.exit_queue.wake(POLLIN)
        process.exit_queue.wake(POLLIN)

    def parent_of(self, process: Process) -> Process | None:
        """Who may wait for ``process``; None if only init can, which does at once."""
        parent = self.processes.get(process.ppid)
        if parent is None or parent is self.init or process.pid not in parent.children:
            return None
        return parent

    def wait(self, process: Process, pid: int) -> Process | None:
        """Take an ended child of ``process`` (waitpid); None: would block on its ``exit_queue``.

        ``pid`` is a child's, -1 for any, 0 for any of the own process group, -N for any of group N.
        Raises ECHILD if there is no such child.
        """
        child = self.ended_child(process, pid)
        if child is not None:
            self.reap(process, child)
        return child

    def ended_child(self, process: Process, pid: int) -> Process | None:
        """What :meth:`wait` would take, left where it is (waitid with WNOWAIT)."""
        found = False
        for child in process.children.values():
            if pid > 0:
                fits = child.pid == pid
            elif pid == -1:
                fits = True
            else:
                fits = child.pgid == (-pid if pid else process.pgid)
            if fits:
                if child.exit_code is not None:
                    return child
                found = True
        if not found:
            raise KernelError(ECHILD)
        return None

    def reap(self, process: Process, child: Process) -> None:
        """Forget ``child`` of ``process``, which has ended."""
        process.children.pop(child.pid, None)
        self.processes.pop(child.pid, None)

    # Process groups and sessions

    def group(self, pgid: int) -> list[Process]:
        """The processes of a group, oldest first."""
        return [process for process in self.processes.values() if process.pgid == pgid]

    def setpgid(self, caller: Process, pid: int, pgid: int) -> None:
        """setpgid(2); 0 means the caller, and the process itself. Raises EINVAL, ESRCH, EPERM."""
        if pgid < 0:
            raise KernelError(EINVAL)
        target = caller if pid in (0, caller.pid) else caller.children.get(pid)
        if target is None:
            raise KernelError(ESRCH)
        wanted = pgid or target.pid
        if target.sid != caller.sid or target.sid == target.pid:
            raise KernelError(EPERM)
        if wanted != target.pid and not self._in_session(wanted, caller.sid):
            raise KernelError(EPERM)
        target.pgid = wanted

    def _in_session(self, pgid: int, sid: int) -> bool:
        return len([member for member in self.group(pgid) if member.sid == sid]) > 0

    def setsid(self, process: Process) -> int:
        """setsid(2). Raises EPERM for the leader of a group."""
        if self.group(process.pid):
            raise KernelError(EPERM)
        process.sid = process.pid
        process.pgid = process.pid
        return process.sid

    def _make(self, name: str, argv: list[str], parent: Process | None) -> Process:
        pid = self.next_pid()
        if parent is None:
            process = Process(self, pid, INIT, name, argv, 0, 0)
            process.environ["HOSTNAME"] = self.hostname
            self.init.children[pid] = process
        else:
            process = Process(self, pid, parent.pid, name, argv, parent.uid, parent.gid)
            process.set_uids(parent.real_uid, parent.uid, parent.saved_uid)
            process.set_gids(parent.real_gid, parent.gid, parent.saved_gid)
            process.capabilities = parent.capabilities
            process.permitted = parent.permitted
            process.limits = parent.limits.copy()
            process.fds.limits = process.limits
            process.fds.exempt = process.capable(CAP_SYS_ADMIN)
            process.pgid = parent.pgid
            process.sid = parent.sid
            process.cwd = parent.cwd
            process.umask = parent.umask
            process.environ = dict(parent.environ)
            parent.children[pid] = process
        self.processes[pid] = process
        return process

    # Sockets

    def socket(self, process: Process, family: int, type: int, protocol: int) -> Socket:
        """A new socket (not yet installed); ``type`` without SOCK_NONBLOCK and SOCK_CLOEXEC.

        Raises EAFNOSUPPORT, ESOCKTNOSUPPORT, EPROTONOSUPPORT, EINVAL or EPERM as socket(2).
        """
        if not 0 <= type < SOCK_MAX:
            raise KernelError(EINVAL)
        if family == AF_UNIX:
            return self._unix_socket(process, type, protocol)
        if family == AF_PACKET:
            return self._packet_socket(process, type, protocol)
        if family == AF_NETLINK:
            return self._netlink_socket(process, type, protocol)
        if family in (AF_INET, AF_INET6):
            return self._inet_socket(process, family, type, protocol)
        raise KernelError(EAFNOSUPPORT)

    def socketpair(self, process: Process, family: int, type: int, protocol: int) -> tuple[Socket, Socket]:
        """Two connected unix sockets (socketpair(2)). Raises EOPNOTSUPP for other families."""
        if family != AF_UNIX:
            self.socket(process, family, type, protocol).discard()
            raise KernelError(EOPNOTSUPP)
        one = self._unix_socket(process, type, protocol)
        other = self._unix_socket(process, type, protocol)
        connect_back(one, other)
        return one, other

    def _unix_socket(self, process: Process, type: int, protocol: int) -> UnixSocket:
        if protocol not in (0, AF_UNIX):
            raise KernelError(EPROTONOSUPPORT)
        if type == SOCK_STREAM:
            return UnixStream(self, process)
        if type in (SOCK_DGRAM, SOCK_RAW):
            return UnixDatagram(self, process)
        if type == SOCK_SEQPACKET:
            return UnixSeqpacket(self, process)
        raise KernelError(ESOCKTNOSUPPORT)

    def _inet_socket(self, process: Process, family: int, type: int, protocol: int) -> Socket:
        if not 0 <= protocol < IPPROTO_MAX:
            raise KernelError(EINVAL)
        if type == SOCK_STREAM:
            if protocol in (IPPROTO_IP, IPPROTO_TCP):
                return make_stream(self, process, family)
        elif type == SOCK_DGRAM:
            if protocol in (IPPROTO_IP, IPPROTO_UDP):
                return make_datagram(self, process, family, IPPROTO_UDP)
            if protocol == IPPROTO_UDPLITE:
                return make_datagram(self, process, family, IPPROTO_UDPLITE)
            if protocol == (IPPROTO_ICMP if family == AF_INET else IPPROTO_ICMPV6):
                low, high = self.stack.sysctl.ping_group_range
                if not low <= process.gid <= high:
                    raise KernelError(EACCES, "group is not in net.ipv4.ping_group_range")
                return InetPing(self, process, family, protocol)
        elif type == SOCK_RAW:
            if protocol != IPPROTO_IP:
                if not process.capable(CAP_NET_RAW):
                    raise KernelError(EPERM)
                return InetRaw(self, process, family, protocol)
        else:
            raise KernelError(ESOCKTNOSUPPORT)
        # There are no other protocols.
        raise KernelError(EPROTONOSUPPORT)

    def _packet_socket(self, process: Process, type: int, protocol: int) -> Socket:
        if not process.capable(CAP_NET_RAW):
            raise KernelError(EPERM)
        if type not in (SOCK_RAW, SOCK_DGRAM):
            # The obsolete SOCK_PACKET too.
            raise KernelError(ESOCKTNOSUPPORT)
        # The protocol is an ethertype in network byte order.
        ethertype = (protocol & 0xFF) << 8 | protocol >> 8 & 0xFF
        return PacketSocket(self, process, type, ethertype)

    def _netlink_socket(self, process: Process, type: int, protocol: int) -> Socket:
        if type not in (SOCK_RAW, SOCK_DGRAM):
            raise KernelError(ESOCKTNOSUPPORT)
        if protocol not in (NETLINK_ROUTE, NETLINK_USERSOCK, NETLINK_SOCK_DIAG):
            raise KernelError(EPROTONOSUPPORT)
        return NetlinkSocket(self, process, type, protocol)

    # Other files

    def pipe(self, flags: int) -> tuple[PipeReader, PipeWriter]:
        """pipe2(2); ``flags`` may hold O_NONBLOCK."""
        return make_pipe(self, flags)

    def epoll(self) -> Epoll:
        """epoll_create1(2)."""
        return Epoll(self)

    def eventfd(self, initial: int, flags: int) -> EventFd:
        """eventfd(2); ``flags`` may hold EFD_SEMAPHORE and O_NONBLOCK."""
        return EventFd(self, initial, flags)

    def timerfd(self, clock_id: int, flags: int) -> TimerFd:
        """timerfd_create(2); ``flags`` may hold O_NONBLOCK."""
        return TimerFd(self, clock_id, flags)

    def console(self, flags: int, name: str, sink: ConsoleSink | None) -> Console:
        """Standard input or output for a process to be spawned."""
        return Console(self, flags, name, sink)

    def null(self) -> NullDevice:
        """/dev/null."""
        return NullDevice(self)

    # What there is

    def holders(self, endpoint: Endpoint) -> list[tuple[Process, int]]:
        """The processes and descriptors that hold the socket of ``endpoint``."""
        return holders_of(self, endpoint)

    def sockets(self) -> list[SocketRow]:
        """Every socket of the host, as ``ss`` lists them: TCP, UDP, then unix, in a stable order."""
        return socket_rows(self)
