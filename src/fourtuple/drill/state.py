"""What the calls of a script act on: the host, the script's descriptors, and its sockets."""

from __future__ import annotations

from errno import EBADF

from ..kernel.error import KernelError
from ..kernel.file import File
from ..kernel.sockaddr import AF_INET, AF_INET6, AF_UNSPEC, SockAddr, inet_address, unspecified_address
from ..wire.ip import PROTOCOL_TCP
from .flow import CONNECTING, LISTENING, NEW, SYN_RECEIVED, SYNACK_ACKED, SYNACK_SENT, Flow
from .settings import Settings
from .testbed import Testbed

FIRST_PEER_PORT = 40_001


class State:
    """``under_test`` is the flow that packets without more ado belong to: the newest."""

    def __init__(self, testbed: Testbed, settings: Settings) -> None:
        self.testbed = testbed
        self.settings = settings
        self.flows: list[Flow] = []
        """The newest first."""
        self.under_test: Flow | None = None
        self.descriptors: dict[int, int] = {}
        """The host's number of each open descriptor, by the script's."""
        self.disk: dict[str, bytes] = {}
        """Files of the script by path."""
        self._next_port = FIRST_PEER_PORT

    # Descriptors

    def file(self, script_fd: int) -> File:
        """Raises KernelError EBADF if the script has no such descriptor."""
        live = self.descriptors.get(script_fd)
        if live is None:
            raise KernelError(EBADF, f"the script has no open descriptor {script_fd}")
        return self.testbed.process.fds.get(live)

    def install(self, file: File) -> int:
        """Give ``file`` a descriptor of the host; the script's number follows from the expected result."""
        return self.testbed.process.fds.install(file, False, 0)

    def close(self, script_fd: int) -> None:
        self.file(script_fd)
        live = self.descriptors.pop(script_fd)
        for flow in self.flows:
            if flow.script_fd == script_fd:
                flow.closed = True
        self.testbed.process.fds.close(live)

    # Flows

    def add_flow(self, protocol: int, state: str) -> Flow:
        """A new flow, which is under test from now on."""
        flow = Flow(protocol, state)
        self.flows.insert(0, flow)
        self.under_test = flow
        return flow

    def flow_of(self, script_fd: int) -> Flow | None:
        """The flow of an open descriptor."""
        for flow in self.flows:
            if flow.script_fd == script_fd and not flow.closed:
                return flow
        return None

    def passive_flow(self, remote_port: int) -> Flow:
        """A flow for a connection the other end opens; ``remote_port`` 0 takes a fresh port."""
        settings = self.settings
        flow = self.add_flow(PROTOCOL_TCP, SYN_RECEIVED)
        flow.remote, flow.local = settings.remote, settings.local
        flow.local_port = settings.bind_port
        if not remote_port:
            remote_port = self._next_port
            self._next_port += 1
        flow.remote_port = remote_port
        return flow

    def flow_by_ports(self, ports: tuple[int, int], inbound: bool) -> Flow | None:
        """The connection of a packet whose source and destination port are written."""
        local, remote = (ports[1], ports[0]) if inbound else ports
        for flow in self.flows:
            if flow.protocol == PROTOCOL_TCP and (flow.local_port, flow.remote_port) == (local, remote):
                return flow
        return None

    def listens(self) -> bool:
        """Whether a socket of the script listens, so that the other end may open one more connection."""
        return any(flow.state == LISTENING and not flow.closed for flow in self.flows)

    def any_flow(self) -> Flow:
        """For packets that need no socket: what the other end sends to nobody, and the answers."""
        flow = Flow(0, NEW)
        self.complete(flow)
        return flow

    def complete(self, flow: Flow) -> None:
        """Give a flow whose socket was only bound the addresses packets come in with."""
        settings = self.settings
        flow.local = flow.local or settings.local
        flow.remote = flow.remote or settings.remote
        flow.local_port = flow.local_port or settings.bind_port
        flow.remote_port = flow.remote_port or settings.connect_port

    def connect(self, script_fd: int) -> None:
        """The socket is about to be connected to the other end, or to send there."""
        flow = self.flow_of(script_fd)
        if flow is not None and flow.state == NEW:
            flow.state = CONNECTING
            flow.remote, flow.remote_port = self.settings.remote, self.settings.connect_port

    def disconnect(self, script_fd: int) -> None:
        """connect() to AF_UNSPEC: the socket is as new."""
        flow = self.flow_of(script_fd)
        if flow is not None:
            flow.state = NEW

    def accepted(self, script_fd: int, peer_port: int) -> None:
        """accept() gave the connection from ``peer_port``."""
        for flow in self.flows:
            if flow.state in (SYNACK_SENT, SYNACK_ACKED) and flow.remote_port == peer_port:
                flow.script_fd = script_fd
                return

    # Addresses

    def bind_address(self) -> SockAddr:
        """What bind(fd, ..., ...) binds to."""
        return self._address(self.settings.local, self.settings.bind_port)

    def peer_address(self) -> SockAddr:
        """Where connect(fd, ..., ...) and sendto() go."""
        return self._address(self.settings.remote, self.settings.connect_port)

    def _address(self, ip: int, port: int) -> SockAddr:
        return inet_address(AF_INET6 if self.settings.sockets_v6() else AF_INET, ip, port)

    def family_address(self, family: int) -> SockAddr:
        """An address of which only the family is given: AF_UNSPEC dissolves a connection."""
        if family == AF_UNSPEC:
            return unspecified_address()
        return inet_address(family, 0, 0)

    def flush_metrics(self) -> None:
        """Forget what TCP remembers of other hosts."""
        self.testbed.stack.tcp.layer.metrics.flush()
