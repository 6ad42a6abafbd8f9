"""Runs random socket calls on the live Linux kernel and writes down what it answered.

Everything happens in a network namespace of its own, entered by one thread: the port space is
private, the traffic never leaves it, and it is gone when the thread ends. The result is a list of
events (see parity_ports_model.py), which a model can be held against at any time.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

CLONE_NEWNET = 0x40000000
SO_INCOMING_CPU = 49
IP_MULTICAST_ALL = 49

LOOPBACK, NEAR = 1, 2
DEVICE_NAMES = {LOOPBACK: "lo", NEAR: "near0"}
DEVICE_OF = {
    "127.0.0.1": LOOPBACK,
    "127.0.0.2": LOOPBACK,
    "10.77.0.1": NEAR,
    "::1": LOOPBACK,
    "fd77::1": NEAR,
}
V4_CONCRETE = ["127.0.0.1", "127.0.0.2", "10.77.0.1"]
V6_CONCRETE = ["::1", "fd77::1"]
GROUPS = ["239.77.0.1", "239.77.0.2"]
PEER_PORTS = [9001, 9002]
FAR_PORT = 9001
OTHER_UID = 1001

_libc = ctypes.CDLL(None, use_errno=True)

Event = list[object]


class NotAllowedError(Exception):
    """The namespace cannot be made here; the text says why."""


def record_in_namespace(work: Callable[[], list[Event]]) -> list[Event]:
    """Run ``work`` in a thread that has entered a new network namespace, and return its events.

    Raises NotAllowedError where that takes rights this process has not.
    """
    result: list[list[Event]] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            _enter_namespace()
            result.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def _enter_namespace() -> None:
    """Enter a namespace with lo and a second device that has addresses of its own."""
    if not hasattr(_libc, "unshare") or os.geteuid() != 0:
        raise NotAllowedError("a private network namespace and other uids need root on Linux")
    if _libc.unshare(CLONE_NEWNET) != 0:
        raise NotAllowedError(f"unshare(CLONE_NEWNET): {os.strerror(ctypes.get_errno())}")
    # Which CPU receives counts in the score; keep it the same one.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    commands = [
        "ip link set lo up",
        "ip link add near0 index 2 type veth peer name near1 index 3",
        "ip link set near1 up",
        "ip link set near0 up",
        "ip addr add 10.77.0.1/24 dev near0",
        "ip addr add fd77::1/64 dev near0 nodad",
        "ip route add 224.0.0.0/4 dev near0",
    ]
    for command in commands:
        try:
            done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise NotAllowedError("the ip command of iproute2 is not installed") from error
        if done.returncode != 0:
            raise NotAllowedError(f"{command}: {done.stderr.strip()}")
    _wait_until_up()


def _wait_until_up() -> None:
    """The link's state settles a moment later; until then its addresses are deaf."""
    for address in [*V4_CONCRETE, *V6_CONCRETE]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
            sock.settimeout(0.05)
            for _ in range(60):
                sock.sendto(b"up?", sock.getsockname())
                try:
                    sock.recv(16)
                    break
                except TimeoutError:
                    pass
            else:
                raise NotAllowedError(f"{address} does not reach itself in the new namespace")


class Live:
    """The live sockets of one sequence; each call is made and written down."""

    def __init__(self, events: list[Event], random: Random, far: socket.socket) -> None:
        self.events = events
        self.random = random
        self.far = far
        self.far_children: list[socket.socket] = []
        self.sockets: dict[int, socket.socket] = {}
        self.info: dict[int, dict[str, object]] = {}
        self.next_id = 0

    def _new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    # --- making -------------------------------------------------------------------------------

    def socket(self, kind: str, v6: bool, uid: int, ra: bool, rp: bool, v6only: bool, device: int) -> int:
        _libc.setfsuid(uid)
        family = socket.AF_INET6 if v6 else socket.AF_INET
        type = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        sock = socket.socket(family, type | socket.SOCK_NONBLOCK)
        _libc.setfsuid(0)
        if ra:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if rp:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if v6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
        if device:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, DEVICE_NAMES[device].encode())
        id = self._new_id()
        self.sockets[id] = sock
        self.info[id] = {"kind": kind, "v6": v6, "state": "new", "v6only": v6only, "device": device}
        self.events.append(["socket", id, kind, v6, uid, ra, rp, v6only, device])
        return id

    def option(self, id: int, name: str, value: int) -> None:
        number = socket.SO_REUSEADDR if name == "ra" else socket.SO_REUSEPORT
        self.sockets[id].setsockopt(socket.SOL_SOCKET, number, value)
        self.events.append(["option", id, name, bool(value)])

    def incoming_cpu(self, id: int, here: bool) -> None:
        cpu = min(os.sched_getaffinity(0)) + (not here)
        self.sockets[id].setsockopt(socket.SOL_SOCKET, SO_INCOMING_CPU, cpu)
        self.events.append(["cpu", id, here])

    def device(self, id: int, device: int) -> None:
        name = DEVICE_NAMES.get(device, "").encode()
        self.sockets[id].setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name)
        self.info[id]["device"] = device
        self.events.append(["device", id, device])

    # --- binding ------------------------------------------------------------------------------

    def bind(self, id: int, address: str, port: int) -> int:
        sock = self.sockets[id]
        code = _errno_of(lambda: sock.bind((address, port)))
        chosen = sock.getsockname()[1] if code == 0 else 0
        self.events.append(["bind", id, address, port, code, chosen])
        if code == 0:
            self.info[id].update(state="bound", address=address, port=chosen)
        else:
            self.close(id)
        return code

    def listen(self, id: int) -> int:
        sock = self.sockets[id]
        code = _errno_of(lambda: sock.listen(64))
        self.events.append(["listen", id, code, sock.getsockname()[1]])
        if code == 0:
            self.info[id]["state"] = "listen"
        return code

    def unlisten(self, id: int) -> None:
        self.sockets[id].shutdown(socket.SHUT_RD)
        self.events.append(["unlisten", id])
        # Its port is kept or not, getsockname() shows the old one in any case: try and see.
        port = int(str(self.info[id].pop("port")))
        self.bind(self.socket("tcp", False, 0, False, False, False, 0), "0.0.0.0", port)
        self.info[id]["state"] = "unlistened"

    def close(self, id: int) -> None:
        self.sockets.pop(id).close()
        self.info.pop(id)
        self.events.append(["close", id])

    # --- TCP ----------------------------------------------------------------------------------

    def accept(self, uid: int) -> tuple[int, socket.socket] | None:
        """The one listener that has a connection waiting, and the connection."""
        for id, info in self.info.items():
            if info["state"] == "listen":
                _libc.setfsuid(uid)
                try:
                    child = self.sockets[id].accept()[0]
                except BlockingIOError:
                    continue
                finally:
                    _libc.setfsuid(0)
                return id, child
        return None

    def probe_tcp(self, source: str, address: str, port: int) -> None:
        """A connection from outside the pool: who accepts it? Nothing of it is left behind."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.bind((source, 0))
            source_port = client.getsockname()[1]
            client.connect_ex((address, port))
            found = self.accept(0)
            receiver = 0
            if found is not None:
                receiver = found[0]
                client.close()
                found[1].close()
        self.events.append(["tcp", source, source_port, address, port, DEVICE_OF[address], receiver])

    def connect(self, id: int, address: str, port: int, uid: int) -> int:
        """connect() of a socket of the pool; its child joins the pool. Returns the child or 0."""
        sock = self.sockets[id]
        code = sock.connect_ex((address, port))
        if code == errno.EINPROGRESS:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        local: tuple[object, ...] = sock.getsockname()
        found = self.accept(uid)
        if found is None:
            assert code != 0, "connected to nobody"
            self.events.append(["connect", id, address, port, code, "", local[1], 0, 0, uid])
            return 0
        assert code == 0, os.strerror(code)
        listener, child_sock = found
        child_sock.setblocking(False)
        child = self._new_id()
        self.sockets[child] = child_sock
        listener_info = self.info[listener]
        self.info[child] = {"kind": "tcp", "v6": listener_info["v6"], "state": "connected", "other": id}
        self.info[id].update(state="connected", other=child)
        self.events.append(["connect", id, address, port, 0, local[0], local[1], listener, child, uid])
        return child

    def connect_far(self, id: int, address: str) -> int:
        """connect() to the server outside the pool; a failed one keeps what it had bound."""
        sock = self.sockets[id]
        code = sock.connect_ex((address, FAR_PORT))
        if code == errno.EINPROGRESS:
            child = self.far.accept()[0]
            self.far_children.append(child)
            code = 0
            self.info[id]["state"] = "far"
        local: tuple[object, ...] = sock.getsockname()
        if code != 0:
            self.info[id]["state"] = "unlistened"
        self.events.append(["connect-far", id, address, FAR_PORT, code, local[0], local[1]])
        return code

    def close_pair(self, id: int) -> None:
        """Close both ends of a connection, ``id`` first: it stays behind in TIME_WAIT."""
        other = int(str(self.info[id]["other"]))
        self.sockets.pop(id).close()
        self.info.pop(id)
        self.sockets.pop(other).close()
        self.info.pop(other)
        self.events.append(["timewait", id, other])

    def half_close(self, id: int) -> None:
        """Close one end: FIN_WAIT2, a mini socket already."""
        other = int(str(self.info[id]["other"]))
        left = self.sockets.pop(id)
        ports = left.getsockname()[1], left.getpeername()[1]
        left.close()
        self.info.pop(id)
        # Until the FIN's ACK, which may be delayed, the end is in FIN_WAIT1.
        while _is_in_fin_wait_1(*ports):
            self.sockets[other].setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self.info[other]["state"] = "close-wait"
        self.events.append(["halfclose", id])

    # --- UDP ----------------------------------------------------------------------------------

    def udp_connect(self, id: int, address: str, port: int) -> int:
        sock = self.sockets[id]
        code = sock.connect_ex((address, port))
        local: tuple[object, ...] = sock.getsockname()
        if code != errno.EAFNOSUPPORT:
            self.events.append(["udp-connect", id, address, port, code, local[0], local[1]])
        if code == 0:
            self.info[id]["state"] = "connected"
        return code

    def udp_disconnect(self, id: int) -> None:
        sock = self.sockets[id]
        unspecified = struct.pack("H14x", socket.AF_UNSPEC)
        assert _libc.connect(sock.fileno(), unspecified, len(unspecified)) == 0
        local: tuple[object, ...] = sock.getsockname()
        self.events.append(["udp-disconnect", id, local[0], local[1]])
        self.info[id]["state"] = "bound" if local[1] else "new"

    def probe_udp(self, sender: socket.socket, source: str, address: str, port: int) -> None:
        source_port = sender.getsockname()[1]
        sender.sendto(b"?", (address, port))
        receivers = self._received()
        device = NEAR if address in GROUPS else DEVICE_OF[address]
        self.events.append(["udp", source, source_port, address, port, device, receivers])

    def _received(self) -> list[int]:
        receivers = []
        for id, info in self.info.items():
            if info["kind"] == "udp":
                try:
                    self.sockets[id].recv(16)
                except (BlockingIOError, ConnectionRefusedError):
                    continue
                receivers.append(id)
        return receivers

    def join(self, id: int, group: str, sources: list[str], block: bool) -> None:
        """Join ``group`` on the near device, with a source filter unless ``sources`` is empty."""
        sock = self.sockets[id]
        interface = socket.inet_aton("10.77.0.1")
        packed = socket.inet_aton(group)
        if block or not sources:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, packed + interface)
        for source in sources:
            # struct ip_mreq_source: group, interface, source. 38 blocks a source, 39 joins one.
            value = packed + interface + socket.inet_aton(source)
            sock.setsockopt(socket.IPPROTO_IP, 38 if block else 39, value)
        self.events.append(["join", id, group, sources, not block and bool(sources)])

    def multicast_all(self, id: int, value: bool) -> None:
        self.sockets[id].setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, int(value))
        self.events.append(["multicast-all", id, value])

    def end(self) -> None:
        for sock in [*self.sockets.values(), *self.far_children]:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        self.sockets.clear()
        self.far_children.clear()
        self.info.clear()
        self.events.append(["end"])

    def ids(self, *states: str) -> list[int]:
        return [id for id, info in self.info.items() if info["state"] in states]


def _is_in_fin_wait_1(port: int, peer_port: int) -> bool:
    """Whether a connection of these ports is, as /proc shows it to this thread's namespace."""
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/thread-self/net", name).read_text().splitlines()[1:]:
            _, local, peer, state = line.split()[:4]
            if state == "04" and local.endswith(f":{port:04X}") and peer.endswith(f":{peer_port:04X}"):
                return True
    return False


def _errno_of(call: Callable[[], object]) -> int:
    try:
        call()
    except OSError as error:
        return error.errno or 0
    return 0
