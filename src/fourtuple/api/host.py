"""A host: where processes run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..kernel.file import File
from ..kernel.host_names import (
    ATTEMPTS,
    FATAL,
    FOUND,
    NDOTS,
    NOT_FOUND,
    TEMPORARY,
    TIMEOUT,
    HostsEntry,
    NameFault,
)
from ..kernel.socket_table import SocketRow
from ..network.node import Node
from ..network.units import parse_duration
from ..runtime.command_line import parse_command
from ..runtime.interpreter import check_isolated
from ..runtime.program import CallableProgram, Program
from ..wire.address import format_ip, parse_ip
from .process import Process
from .streams import InputFile, OutputFile

if TYPE_CHECKING:
    from .network import Network


_OUTCOMES: Final = {"temporary": TEMPORARY, "not found": NOT_FOUND, "fatal": FATAL, "slow": FOUND}


class Host:
    """A host of a network. Made by :meth:`Network.host`."""

    def __init__(self, network: Network, node: Node) -> None:
        self.network = network
        self.node = node
        self.sysctl = SysctlView(node)
        """Settings under Linux's names: ``host.sysctl["net.ipv4.tcp_sack"] = 0``."""
        self.processes: list[Process] = []
        """Its processes in the order they were spawned."""

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def address(self) -> str:
        """Its first address as text. Raises ValueError if it has none but 127.0.0.1."""
        addresses = self.addresses
        if not addresses:
            raise ValueError(f"host {self.name} has no address")
        return addresses[0]

    @property
    def addresses(self) -> list[str]:
        """Its addresses as text, without the loopback's, in the order of its interfaces."""
        return [format_ip(address) for address in self.node.addresses()]

    def spawn(
        self,
        program: Callable[..., object] | str | Sequence[str],
        *args: object,
        start: int | str = 0,
        daemon: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        uid: int = 0,
        stdin: str | bytes = b"",
        isolate: Sequence[str] = (),
        **kwargs: object,
    ) -> Process:
        """A new process that runs ``program`` when the network runs.

        ``program`` is a callable, called with ``args`` and ``kwargs`` (a coroutine function runs under
        ``asyncio.run``), or a command: ``"python server.py 9999"``, ``"python -m http.server"``,
        ``"python -c …"``, a script alone, or a list of words; further words may follow as ``args``.

        ``start``: when, from now, in ns or as ``"100ms"``. ``daemon``: the run does not wait for it.
        ``env`` is added to the environment, ``cwd`` is its working directory (default: the real
        one), ``uid`` its user (0: root, who may bind any port), ``stdin`` what it reads. ``isolate`` names
        packages it imports for itself alone (docs/processes.md).

        Raises ValueError for a command that cannot be simulated, a bad duration, a missing script, or a
        package that cannot be isolated.
        """
        data = stdin.encode() if isinstance(stdin, str) else stdin
        kernel = self.node.kernel
        output, errors = self.network.line_printers(self.name)
        streams = (InputFile(kernel, data), OutputFile(kernel, output), OutputFile(kernel, errors))
        directory = None if cwd is None else os.path.abspath(cwd)
        return self.spawn_program(
            self._program(program, args, kwargs, directory),
            start=parse_duration(start),
            daemon=daemon,
            env=dict(env or {}),
            directory=directory,
            uid=uid,
            streams=streams,
            isolate=check_isolated(isolate),
        )

    def spawn_program(
        self,
        program: Program,
        *,
        streams: tuple[File, File, File],
        start: int = 0,
        daemon: bool = False,
        env: dict[str, str] | None = None,
        directory: str | None = None,
        uid: int = 0,
        isolate: tuple[str, ...] = (),
    ) -> Process:
        """As :meth:`spawn`, for a program and standard streams made by the caller."""
        process = Process(
            self,
            program,
            daemon=daemon,
            environ=env or {},
            directory=directory,
            uid=uid,
            streams=streams,
            isolate=isolate,
        )
        self.processes.append(process)
        self.network.schedule(process, start)
        return process

    # Names

    def add_hosts_entry(self, address: str, *names: str) -> None:
        """A line of the host's ``/etc/hosts``: ``names`` are found at ``address``, here alone and
        before the network is asked. Raises ValueError for a bad address or no name."""
        if not names or not all(name and name.split() == [name] for name in names):
            raise ValueError(f"{' '.join(names)!r} are not names of {address}")
        self.node.kernel.host_names.entries.append(HostsEntry(parse_ip(address), list(names)))

    def use_dns(
        self,
        *servers: str,
        search: Sequence[str] = (),
        timeout: int = TIMEOUT,
        attempts: int = ATTEMPTS,
        ndots: int = NDOTS,
    ) -> None:
        """Let the host find names by DNS alone, as if by its ``/etc/resolv.conf``, which says the same.

        ``getaddrinfo`` and its kin ask ``servers``, up to three addresses (none: the network's), for
        what ``/etc/hosts`` has not, by UDP and TCP packets to port 53 that can be lost. ``search`` lists
        domains, looked in first for names with fewer than ``ndots`` dots (0 to 15). Each server is waited
        for ``timeout`` seconds (1 to 30) and asked ``attempts`` times (1 to 5).

        Raises ValueError for a bad address, domain or number.
        """
        for option, value, low, high in (
            ("timeout", timeout, 1, 30),
            ("attempts", attempts, 1, 5),
            ("ndots", ndots, 0, 15),
        ):
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"{option} {value!r} is not a whole number from {low} to {high}")
        if len(servers) > 3:
            raise ValueError(f"{len(servers)} name servers, of which a resolver asks only three")
        for domain in search:
            if not domain or domain.split() != [domain]:
                raise ValueError(f"search {domain!r} is not a domain")
        names = self.node.kernel.host_names
        if servers:
            names.nameservers = [parse_ip(server) for server in servers]
            names.told = True
        if search:
            names.search = [domain.strip(".") for domain in search]
            names.told = True
        names.timeout, names.attempts, names.ndots = timeout, attempts, ndots
        names.asks_dns = True

    def fail_names(
        self, names: str = "*", outcome: str = "temporary", *, delay: int | str = 0
    ) -> Callable[[], None]:
        """Let the host's resolver fail, or be slow, for ``names`` from now on; returns what ends that.

        ``names`` is a name, or a pattern with one ``*`` such as ``"*.internal"``; a question for
        the name of an address asks for the address. ``outcome``: ``"temporary"`` (EAI_AGAIN, "Temporary
        failure in name resolution"), ``"not found"`` (EAI_NONAME), ``"fatal"`` (EAI_FAIL) or ``"slow"``,
        which finds them after ``delay`` (ns, or ``"5s"``). What ``/etc/hosts`` has is found as ever.

        Raises ValueError for an unknown outcome or a bad delay.
        """
        if outcome not in _OUTCOMES:
            raise ValueError(f"outcome {outcome!r} is none of {', '.join(_OUTCOMES)}")
        fault = NameFault(names, _OUTCOMES[outcome], parse_duration(delay))
        faults = self.node.kernel.host_names.faults
        faults.insert(0, fault)

        def end() -> None:
            if fault in faults:
                faults.remove(fault)

        return end

    def sockets(self) -> list[SocketRow]:
        """Every socket of the host as ``ss`` lists them: state, queues, addresses, holders."""
        return self.node.kernel.sockets()

    def _program(
        self,
        program: Callable[..., object] | str | Sequence[str],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        directory: str | None,
    ) -> Program:
        if callable(program):
            return CallableProgram(program, args, kwargs)
        if kwargs:
            raise TypeError(f"a command takes no keyword arguments: {', '.join(kwargs)}")
        command = parse_command(program)
        command.args.extend(str(arg) for arg in args)
        command.check(Path(directory or "."))
        return command.program()

    def __repr__(self) -> str:
        return f"<Host {self.name} {' '.join(self.addresses)}>"


class SysctlView(MutableMapping[str, str]):
    """The settings of a host, read and written as the files below /proc/sys are.

    Raises ValueError, naming it, for an unknown name or a value Linux would not take.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def __getitem__(self, name: str) -> str:
        return self._node.stack.sysctl.get(name)

    def __setitem__(self, name: str, value: str | int) -> None:
        self._node.stack.sysctl.set(name, value)

    def __delitem__(self, name: str) -> None:
        raise TypeError("a setting cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(self._node.stack.sysctl.names())

    def __len__(self) -> int:
        return len(self._node.stack.sysctl.names())
