"""A simulated host joined to a network namespace of this machine, and the kernel's programs in there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kernel_peer import stream

from fourtuple.attach.outside import Outside
from fourtuple.attach.realtime import RealTime
from fourtuple.attach.tap_device import TapDevice
from fourtuple.capture.recorder import Annotator, PcapngRecorder
from fourtuple.clock.clock import MILLISECOND, SECOND
from fourtuple.network.addressing import parse_interface_address
from fourtuple.network.fabric import Fabric
from fourtuple.network.link import Direction
from fourtuple.network.node import Node
from fourtuple.ports.endpoint import AF_INET, AF_INET6, PROTOCOL_TCP, Endpoint
from fourtuple.stack.tcp.state import CLOSE, EAGAIN, HANDSHAKE
from fourtuple.stack.tcp.tcb import Tcb
from fourtuple.wire.address import V4_ANY, V6_ANY, parse_ip

PATIENCE = 60 * SECOND

KERNEL_V4, KERNEL_V6 = "10.77.0.1", "fd77::1"
OURS_V4, OURS_V6 = "10.77.0.2", "fd77::2"
ROUTER = "10.77.0.9"
FAR = "10.78.0.2"


def why_not() -> str:
    """Why this machine cannot do it, empty if it can."""
    if os.geteuid() != 0:
        return "needs root, to make a TAP interface and a network namespace"
    if not Path("/dev/net/tun").exists():
        return "this machine has no /dev/net/tun"
    if shutil.which("ip") is None:
        return "this machine has no ip(8)"
    try:
        TapDevice(f"ftprobe{os.getpid() % 10000}").close()
    except OSError as error:
        return f"no TAP interface may be made here: {error}"
    made = subprocess.run(["ip", "netns", "add", f"ftprobe{os.getpid()}"], capture_output=True, text=True)
    if made.returncode:
        return f"no network namespace may be made here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", f"ftprobe{os.getpid()}"], check=True)
    return ""


class KernelProgram:
    """A running ``kernel_peer.py``."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def ended(self) -> bool:
        return self.process.poll() is not None

    def result(self) -> dict[str, object]:
        """What it printed; it must have ended."""
        out, _ = self.process.communicate(timeout=5)
        found = json.loads(out)
        assert isinstance(found, dict)
        return found

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class OurEnd:
    """One connection of the simulated host: sends what it has to, reads what comes."""

    def __init__(self, tcb: Tcb) -> None:
        self.tcb = tcb
        self.to_send = b""
        self.sent = 0
        self.shut_when_sent = False
        self.reading = True
        self.received = 0
        self.digest = hashlib.sha256()
        self.eof = False
        self.error = 0

    def send(self, length: int, then_shut: bool) -> None:
        self.to_send = stream(length)
        self.sent = 0
        self.shut_when_sent = then_shut

    def step(self) -> None:
        tcb = self.tcb
        if HANDSHAKE >> tcb.endpoint.state & 1:
            return
        while self.sent < len(self.to_send) and not self.error:
            count = tcb.send(self.to_send[self.sent : self.sent + 65536], 0)
            if count == -EAGAIN:
                break
            if count < 0:
                self.error = -count
                return
            self.sent += count
        if self.shut_when_sent and self.sent == len(self.to_send):
            self.shut_when_sent = False
            tcb.shutdown(1)
        while self.reading and not self.eof and not self.error:
            code = tcb.recv_check()
            if code == EAGAIN:
                break
            if code:
                self.error = code
                break
            data = tcb.recv(1 << 20, False)
            if not data:
                self.eof = True
                break
            self.received += len(data)
            self.digest.update(data)


class Attached:
    """The simulated side ``host``, its link to the switch, and the namespace."""

    def __init__(self, pcap: Path | None = None) -> None:
        self.space = f"fourtuple{os.getpid()}"
        self.ends: list[OurEnd] = []
        self.programs: list[KernelProgram] = []
        self.fabric = Fabric(1, False, False)
        switch = self.fabric.add_switch("switch")
        self.host = self.add(OURS_V4 + "/24", OURS_V6 + "/64", name="host")
        self.link = self.fabric.connect(self.host, switch, [], [])
        self.outgoing: Direction = self.link.a.outgoing
        self.incoming: Direction = self.link.b.outgoing
        self.switch = switch
        subprocess.run(["ip", "netns", "add", self.space], check=True)
        self.tap = TapDevice(f"ft{os.getpid() % 100_000}")
        subprocess.run(["ip", "link", "set", self.tap.name, "netns", self.space], check=True)
        self.outside = Outside(switch, self.tap)
        self.inside("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
        self.inside("ip", "addr", "add", f"{KERNEL_V4}/24", "dev", self.tap.name)
        self.inside("ip", "addr", "add", f"{KERNEL_V6}/64", "dev", self.tap.name, "nodad")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "link", "set", self.tap.name, "up")
        self.recorder: PcapngRecorder | None = None
        if pcap is not None:
            self.recorder = PcapngRecorder(
                pcap.open("wb"), 0, Annotator(), lambda point: point.node == "host" and not point.loopback
            )
            self.fabric.add_tap(self.recorder)
        self.time = RealTime(self.fabric.clock, [self.outside])

    def add(self, *addresses: str, name: str) -> Node:
        return self.fabric.add_node(name, [parse_interface_address(text) for text in addresses])

    def inside(self, *command: str) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.space, *command], check=True, capture_output=True, text=True
        )
        return done.stdout

    @contextmanager
    def second_space(self) -> Iterator[str]:
        """Another namespace, which is gone afterwards with all links to it."""
        name = self.space + "b"
        subprocess.run(["ip", "netns", "add", name], check=True)
        try:
            yield name
        finally:
            for program in self.programs:
                program.kill()
            subprocess.run(["ip", "netns", "del", name], check=True)

    def kernel(self, *words: str, space: str = "") -> KernelProgram:
        program = KernelProgram(
            [
                *("ip", "netns", "exec", space or self.space),
                *(sys.executable, str(Path(__file__).with_name("kernel_peer.py")), *words),
            ]
        )
        self.programs.append(program)
        return program

    # Our side ---------------------------------------------------------------------------------

    def listen(self, port: int, node: Node | None = None, v6: bool = False) -> Tcb:
        node = node or self.host
        tcb = node.stack.tcp.create(Endpoint(PROTOCOL_TCP, AF_INET6 if v6 else AF_INET, 0), None)
        assert node.stack.tables.bind(tcb.endpoint, V6_ANY if v6 else V4_ANY, port) == 0
        assert tcb.listen(16) == 0
        return tcb

    def accept(self, listener: Tcb) -> OurEnd:
        found: list[OurEnd] = []

        def accepted() -> bool:
            child = listener.accept()
            if child is not None:
                found.append(OurEnd(child))
            return bool(found)

        assert self.time.run(accepted, PATIENCE), "no connection from the kernel"
        self.ends.append(found[0])
        return found[0]

    def connect(self, address: str, port: int, node: Node | None = None) -> OurEnd:
        node = node or self.host
        family = AF_INET6 if ":" in address else AF_INET
        end = OurEnd(node.stack.tcp.create(Endpoint(PROTOCOL_TCP, family, 0), None))
        assert end.tcb.connect(parse_ip(address), port) == 0
        self.ends.append(end)
        assert self.time.run(lambda: not HANDSHAKE >> end.tcb.endpoint.state & 1, PATIENCE)
        assert end.tcb.endpoint.state != CLOSE, end.tcb.take_error()
        return end

    def until(self, condition: Callable[[], bool], patience: int = PATIENCE) -> bool:
        def stepped() -> bool:
            for end in self.ends:
                end.step()
            return condition()

        return self.time.run(stepped, patience)

    def wait(self, milliseconds: int) -> None:
        self.until(lambda: False, milliseconds * MILLISECOND)

    def finish(self, program: KernelProgram) -> dict[str, object]:
        assert self.until(program.ended), "the kernel's program does not end"
        return program.result()

    def close(self) -> None:
        try:
            for program in self.programs:
                program.kill()
            if self.recorder is not None:
                self.fabric.remove_tap(self.recorder)
                self.recorder.close()
        finally:
            self.tap.close()
            subprocess.run(["ip", "netns", "del", self.space], check=True)
