"""The network: hosts, links and switches, and the run."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ..capture.recorder import PcapngRecorder
from ..capture.tap import TapPoint
from ..capture.trace import TraceEvent
from ..clock.clock import SECOND, Clock, Event
from ..kernel.kernel import EPOCH_NS
from ..kernel.process import INIT
from ..network.addressing import next_automatic, parse_interface_address
from ..network.annotate import SocketAnnotator
from ..network.fabric import Fabric
from ..network.link import DEFAULT_MTU, DEFAULT_QUEUE
from ..network.node import Node
from ..network.switch import Switch as FabricSwitch
from ..network.units import parse_duration
from ..runtime.process_state import ProcessState
from ..runtime.scheduler import Scheduler
from ..shim.patch import install
from ..wire.address import parse_ip
from .dns_server import DnsServer
from .dns_zone import DnsZone
from .host import Host
from .link import Link, LinkSettings, Switch, parse_mtu
from .process import SIGKILL, SIGTERM, Process, Start
from .wall_clock import parse_start

SETTLE_LIMIT = SECOND
"""How long, in ns, a run goes on for the sake of packets still on the wire when its programs have ended."""

Printer = Callable[[str], None]


class Network:
    """A network of simulated hosts on one virtual clock.

    ``seed`` decides everything random: the same programs with the same seed do the same, to the
    nanosecond. ``start`` is the wall-clock time at which virtual time begins, a datetime or text such
    as ``"2030-05-01T12:00:00Z"`` (UTC unless it says otherwise; default 2026-01-01). ``live`` prints
    each line a program writes, as ``host | line``, to the real stdout or stderr. ``bytes_on_wire``
    serialises and parses every packet on every hop (slower; the run is the same). ``keep_trace``
    keeps every packet's story in :attr:`events`.

    Use it as a context manager, or call :meth:`close`: neither threads nor open files stay behind.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        start: datetime.datetime | str | None = None,
        live: bool = False,
        bytes_on_wire: bool = False,
        keep_trace: bool = False,
    ) -> None:
        install()
        self.epoch_ns = EPOCH_NS if start is None else parse_start(start)
        """Wall-clock time, in ns since 1970, at which virtual time begins."""
        self.fabric = Fabric(seed, bytes_on_wire, keep_trace)
        streams = self.fabric.streams
        self.scheduler = Scheduler(self.fabric.clock, streams.stream("scheduler"), streams)
        self.scheduler.owner = self
        self.hosts: dict[str, Host] = {}
        self.switches: dict[str, Switch] = {}
        self.links: list[Link] = []
        self.processes: list[Process] = []
        """Every process spawned by :meth:`Host.spawn`, in order."""
        # Those the run waits for, without the last ones that have ended.
        self._foreground: list[Process] = []
        # Of resolv.conf: addresses, and domains to search in.
        self._nameservers: list[tuple[int, str]] = []
        self._ask_dns = False
        self._soon: list[Callable[[], object]] = []
        # The real streams: inside a simulated process sys.stdout is that process's own.
        self._live = (sys.stdout, sys.stderr) if live else None
        if live:
            self.scheduler.tell_failure = self._tell_failure
        self._recorders: list[PcapngRecorder] = []
        self._closed = False

    # What there is

    def host(
        self,
        name: str,
        address: str | Sequence[str] | None = None,
        *,
        names: Sequence[str] = (),
    ) -> Host:
        """A new host. Every other resolves its name, and ``names``, to its addresses.

        ``address`` is an IP address with or without prefix length (default 24, for IPv6 64), or several,
        each for one of the interfaces eth0, eth1 …, where an IPv4 and an IPv6 address next to each
        other share one. None takes the next free one of 10.0.0.0/16; an empty list leaves the host
        with the loopback alone.

        Raises ValueError for a bad address, or a name or address that is taken.
        """
        _check_name(name)
        for other in names:
            _check_name(other)
        if address is None:
            taken = {own for node in self.fabric.nodes.values() for own in node.addresses()}
            addresses = [next_automatic(taken)]
        else:
            texts = [address] if isinstance(address, str) else address
            addresses = [parse_interface_address(text) for text in texts]
        host = Host(self, self.fabric.add_node(name, addresses))
        host.node.kernel.epoch_ns = self.epoch_ns
        self._tell_nameservers(host)
        self.hosts[name] = host
        for other in names:
            self.add_name(other, host)
        return host

    def add_name(self, name: str, host: Host) -> None:
        """Another name ``host`` is found by. Raises ValueError if it is taken or none."""
        _check_name(name)
        self.fabric.add_name(name, host.node)

    def switch(self, name: str) -> Switch:
        """A new learning switch. Raises ValueError if the name is taken."""
        _check_name(name)
        switch = Switch(self.fabric.add_switch(name))
        self.switches[name] = switch
        return switch

    def dns(
        self, host: Host | str, *, domain: str = "", port: int = 53, ttl: int = 60, ask: bool = False
    ) -> DnsServer:
        """A name server on ``host``, a daemon that answers DNS by UDP and TCP on ``port``.

        It knows the hosts of the network, also as ``name.domain``, and records added to it; every host's
        ``/etc/resolv.conf`` names it (if ``port`` is 53), with ``domain`` to search in. ``ttl`` is
        in seconds. With ``ask`` every host's ``getaddrinfo`` and its kin ask it by packets, as after
        :meth:`Host.use_dns`; else they answer without.

        Raises ValueError for an unknown host, or one without an address, and for ``ask`` at another
        port, where resolvers ask nobody.
        """
        if ask and port != 53:
            raise ValueError(f"ask needs port 53, which resolvers ask, not {port}")
        place = self._place(host)
        if not isinstance(place, Node):
            raise ValueError(f"{place.name} is a switch; a name server needs a host")
        where = self.hosts[place.name]
        if port == 53:
            self._nameservers.append((parse_ip(where.address), domain))
            self._ask_dns = self._ask_dns or ask
            for each in self.hosts.values():
                self._tell_nameservers(each)
        server = DnsServer(DnsZone(self.fabric, domain, ttl), port)
        where.spawn(server.serve, daemon=True)
        return server

    def _tell_nameservers(self, host: Host) -> None:
        names = host.node.kernel.host_names
        names.asks_dns = names.asks_dns or self._ask_dns
        if names.told:
            return
        names.nameservers = [address for address, _ in self._nameservers]
        names.search = [domain for domain in dict.fromkeys(each for _, each in self._nameservers) if domain]

    def link(
        self,
        a: Host | Switch | str,
        b: Host | Switch | str,
        *,
        latency: int | str = "100us",
        jitter: int | str = 0,
        in_order: bool = False,
        bandwidth: int | str = 0,
        queue: int | str = DEFAULT_QUEUE,
        mtu: int = DEFAULT_MTU,
        loss: float = 0.0,
        duplicate: float = 0.0,
        corrupt: float = 0.0,
        addresses: tuple[str | Sequence[str], str | Sequence[str]] = ("", ""),
    ) -> Link:
        """A link between two hosts or switches, or their names.

        ``latency`` and ``jitter`` (the latency varies by this much either way; unless ``in_order``
        frames reorder) in ns or as ``"10ms"``; ``bandwidth`` in bit/s or as ``"10mbit"``, 0 for no
        limit; ``queue`` in packets, or bytes as ``"64kB"``, that may wait to be sent; ``mtu`` in bytes;
        ``loss``, ``duplicate`` and ``corrupt`` are probabilities of each packet. ``addresses`` gives the
        ends new interfaces with an address or several of their own, ``""`` for none; else each host's
        next interface is used, and the first one's addresses again when all are.

        All but the ends and addresses can be changed by :meth:`Link.set`, also for one direction.

        Raises ValueError for a bad setting or address, an unknown name, or a loop of switches.
        """
        settings = LinkSettings(
            latency=latency,
            jitter=jitter,
            in_order=in_order,
            bandwidth=bandwidth,
            queue=queue,
            loss=loss,
            duplicate=duplicate,
            corrupt=corrupt,
        )
        size = parse_mtu(mtu) or DEFAULT_MTU
        ends = [[parse_interface_address(text) for text in _texts(end)] for end in addresses]
        made = self.fabric.connect(self._place(a), self._place(b), ends[0], ends[1])
        if size != DEFAULT_MTU:
            self.fabric.set_mtu(made, size)
        for direction in made.directions(""):
            settings.apply(direction)
        link = Link(made, self._call_out)
        self.links.append(link)
        return link

    def check_link_address(self, place: Host | Switch | str, address: str) -> None:
        """Raises ValueError, as :meth:`link` would, if ``place`` cannot have ``address``."""
        where = self._place(place)
        if isinstance(where, FabricSwitch):
            raise ValueError(f"switch {where.name} takes no address")
        self.fabric.check_address(parse_interface_address(address)[0])

    def _place(self, place: Host | Switch | str) -> Node | FabricSwitch:
        if isinstance(place, Host):
            return place.node
        if isinstance(place, Switch):
            return place.switch
        if place in self.hosts:
            return self.hosts[place].node
        if place in self.switches:
            return self.switches[place].switch
        known = ", ".join([*self.hosts, *self.switches])
        raise ValueError(f"there is no host or switch {place!r}, only {known}")

    # Running

    @property
    def clock(self) -> Clock:
        return self.fabric.clock

    @property
    def now(self) -> int:
        """Virtual time in ns since the run began."""
        return self.fabric.clock.now

    @property
    def seed(self) -> int:
        return self.fabric.seed

    def at(self, when: int | str, call: Callable[[], object]) -> None:
        """Have ``call()`` made at a virtual time (ns, or ``"2s"``), outside of every process."""
        self.fabric.clock.at(parse_duration(when), _Call(self.scheduler, call))

    def call_soon(self, call: Callable[[], object]) -> None:
        """Have ``call()`` made outside of every process as soon as the running one blocks.

        The one method that may be called from a signal handler. What it raises, :meth:`run` raises.
        """
        self._soon.append(call)
        self.clock.stopped = True

    def run(self, until: int | str | None = None, *, stop_daemons: bool = True) -> bool:
        """Run until every program that is no daemon has ended, or virtual time ``until`` (ns, or
        ``"5s"``) is reached.

        When they have ended, and what was on the wire has arrived (for at most a second), daemons, and
        children that programs left running, are ended as if by SIGTERM, everything they held is closed,
        and it returns True. When ``until`` comes first it returns False, and another run goes on from
        there. With nothing but daemons to run it goes on to ``until`` and leaves them running, as
        ``stop_daemons=False`` always does.

        Raises Stuck, with who waits for what, if nothing can happen any more although a program has
        not ended; BusyLoop if one computes for too long without a call that blocks; ValueError if
        only daemons are there and ``until`` is not given.
        """
        self._check_open()
        limit = -1 if until is None else parse_duration(until)
        if len(self.fabric.taps) > 1 + len(self._recorders):
            self._call_out()
        self.scheduler.hold_garbage()
        try:
            return self._run(limit, stop_daemons)
        finally:
            self.scheduler.release_garbage()

    def _run(self, limit: int, stop_daemons: bool) -> bool:
        if self._all_ended():
            if limit >= 0:
                self.scheduler.run(limit, self._turned)
            elif not all(process.ended() for process in self.processes):
                raise ValueError("only daemons are there to run, which nothing ends: give a time, until=…")
            return True
        self.scheduler.run(limit, self._finished)
        if not self._all_ended():
            return False
        self._settle(limit)
        if stop_daemons:
            self._stop_daemons()
        return True

    def _turned(self) -> bool:
        """Between two turns of the scheduler: nothing is half done. Never the end of a run."""
        while self._soon:
            self.scheduler.go_outside()
            self._soon.pop(0)()
        return False

    def _finished(self) -> bool:
        return self._turned() or self._all_ended()

    def _all_ended(self) -> bool:
        foreground = self._foreground
        while foreground and foreground[-1].ended():
            foreground.pop()
        return not foreground

    def _settle(self, limit: int) -> None:
        """Let what is on the wire arrive, and what it brings about."""
        end = self.now + SETTLE_LIMIT
        if limit >= 0:
            end = min(end, limit)
        while self.now <= (arrival := self.fabric.last_arrival()) <= end:
            self.scheduler.run(arrival, self._turned)

    def _call_out(self) -> None:
        self.scheduler.calls_out = True

    def schedule(self, process: Process, delay: int) -> None:
        """Take up a new process, to be started in ``delay`` ns."""
        self._check_open()
        self.processes.append(process)
        if not process.daemon:
            self._foreground.append(process)
        self.fabric.clock.after(delay, Start(process))

    def _stop_daemons(self) -> None:
        for process in self.processes:
            if process.daemon:
                process.kill(SIGTERM)
        self._end_children(SIGTERM)
        # One turn of the scheduler unwinds the threads.
        self.scheduler.run(self.now, lambda: True)

    def _end_children(self, signal: int) -> None:
        """End what programs have started and left running."""
        for host in self.hosts.values():
            for process in list(host.node.kernel.processes.values()):
                if process.exit_code is None and process.pid != INIT:
                    self.scheduler.state_of(process).terminate(-signal)

    # Watching

    @property
    def digest(self) -> str:
        """Digest of everything that was on any wire so far, with its times. Equal for equal runs."""
        return self.fabric.trace.digest()

    @property
    def events(self) -> list[TraceEvent]:
        """What was on the wires, in order; stays empty unless made with ``keep_trace``."""
        return self.fabric.trace.events

    def capture(
        self,
        path: str | os.PathLike[str],
        *,
        hosts: Sequence[Host | str] | None = None,
        arrivals: bool = True,
    ) -> None:
        """Write what is on the wires from now on to a pcapng file at ``path``, until closed.

        Each interface is one of the file's, times are virtual (from ``start``), and comments name
        host, process and descriptor of the socket that sent or took a packet. ``hosts`` limits it to
        their interfaces. A packet shows where it was sent and where it arrived, which Wireshark may
        call a retransmission; ``arrivals=False`` leaves out the second. Raises OSError if the file
        cannot be written, ValueError for an unknown host.
        """
        self._check_open()
        wanted: Callable[[TapPoint], bool] | None = None
        if hosts is not None:
            names = [host if isinstance(host, str) else host.name for host in hosts]
            for name in names:
                if name not in self.hosts:
                    raise ValueError(f"there is no host {name!r}, only {', '.join(self.hosts)}")
            wanted = _Among(names)
        annotator = SocketAnnotator(self.fabric.nodes)
        file = Path(path).open("wb")  # noqa: SIM115  the recorder closes it
        recorder = PcapngRecorder(file, self.epoch_ns, annotator, wanted, arrivals)
        for point in self.fabric.points:
            recorder.add_point(point)
        self._recorders.append(recorder)
        self.fabric.add_tap(recorder)

    def line_printers(self, host: str) -> tuple[Printer | None, Printer | None]:
        """What prints a line of a program's stdout and stderr while it runs, if it is to be."""
        if self._live is None:
            return None, None
        stdout, stderr = self._live

        def to_stdout(line: str) -> None:
            print(self._prefixed(host, line), file=stdout, flush=True)

        def to_stderr(line: str) -> None:
            print(self._prefixed(host, line), file=stderr, flush=True)

        return to_stdout, to_stderr

    @property
    def unhandled(self) -> list[str]:
        """A line for each exception that nobody handled so far, in any process or child of one: its type,
        what became of it, host, process and virtual time. A live run prints them as they come."""
        return list(self.scheduler.unhandled)

    def _tell_failure(self, state: ProcessState, line: str) -> None:
        assert self._live is not None
        print(self._prefixed(state.process.kernel.hostname, line), file=self._live[1], flush=True)

    def _prefixed(self, host: str, line: str) -> str:
        width = max(len(name) for name in self.hosts)
        return f"{host:<{width}} | {line}"

    # The end

    def close(self) -> None:
        """End every process and thread, close captures. Harmless when called again."""
        if self._closed:
            return
        self._closed = True
        try:
            for process in self.processes:
                process.kill()
            self._end_children(SIGKILL)
            self.scheduler.close()
        finally:
            for recorder in self._recorders:
                recorder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the network is closed")

    def __repr__(self) -> str:
        return f"<Network seed={self.seed} {len(self.hosts)} hosts at {self.now / SECOND:.9f} s>"


class _Call(Event):
    """A call that is to be made at a virtual time."""

    def __init__(self, scheduler: Scheduler, call: Callable[[], object]) -> None:
        self._scheduler = scheduler
        self._call = call

    def fire(self) -> None:
        self._scheduler.go_outside()
        self._call()
        # It may have made a thread runnable or killed one.
        self._scheduler.clock.stopped = True


class _Among:
    """Whether a point is at one of some hosts."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def __call__(self, point: TapPoint) -> bool:
        return point.node in self._names


def _texts(value: str | Sequence[str]) -> Sequence[str]:
    if isinstance(value, str):
        return [value] if value else []
    return value


def _check_name(name: str) -> None:
    """A name of a host or switch is one a resolver takes (RFC 1123 §2.1, and underscores)."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum()) or len(name) > 253 or name[0] in "-.":
        raise ValueError(f"{name!r} is not a host name: letters, digits, '-', '_' and '.'")
