"""Random sequences about the ports a kernel chooses by itself, in ranges small enough to run out.

Loaded by the tests after parity_ports_live.py.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from pathlib import Path
from random import Random

from parity_ports_live import FAR_PORT, OTHER_UID, Event, Live

IP_BIND_ADDRESS_NO_PORT = 24
IP_LOCAL_PORT_RANGE = 51
SYSCTL = Path("/proc/sys/net/ipv4")
# Each sequence has 20 ports of its own: what an earlier one left in TIME_WAIT stays out of its way.
FIRST_WINDOW = 10_000
V4_PEERS = ["127.0.0.1", "127.0.0.2", "10.77.0.1"]


class Ports(Live):
    """Live sockets whose ports the kernel chooses."""

    def sysctl(self, name: str, value: str) -> None:
        (SYSCTL / name).write_text(value)
        self.events.append(["sysctl", name, value])

    def own_range(self, id: int, low: int, high: int) -> None:
        self.sockets[id].setsockopt(
            socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("I", high << 16 | low)
        )
        self.events.append(["own-range", id, low, high])

    def no_port(self, id: int) -> None:
        self.sockets[id].setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        self.events.append(["no-port", id])

    def connect_free(self, id: int, address: str) -> int:
        """connect() that has to find a port; the server is no part of the pool."""
        sock = self.sockets[id]
        code = sock.connect_ex((address, FAR_PORT))
        local: tuple[object, ...] = sock.getsockname()
        if code == errno.EINPROGRESS:
            self.far_children.append(self.far.accept()[0])
            self.info[id].update(state="far", peer=self.far_children[-1])
            code = 0
        self.events.append(["connect-free", id, address, FAR_PORT, code, local[0], local[1]])
        if code != 0:
            self.close(id)
        return code

    def close_to_timewait(self, id: int) -> None:
        """The client closes first: its four-tuple stays in TIME_WAIT."""
        child = self.info.pop(id)["peer"]
        self.sockets.pop(id).close()
        assert isinstance(child, socket.socket)
        child.close()
        self.far_children.remove(child)
        self.events.append(["timewait-free", id])

    def abort(self, id: int) -> None:
        """The client goes without a trace."""
        linger = struct.pack("ii", 1, 0)
        self.sockets[id].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close(id)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
        self.events.append(["wait", int(seconds * 10**9)])


def record_ephemeral_tcp(seed: int, sequences: int) -> list[Event]:
    random = Random(f"ephemeral tcp {seed}")
    events: list[Event] = []
    low = FIRST_WINDOW
    with socket.create_server(
        ("::", FAR_PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=500
    ) as far:
        far.setblocking(False)
        for _ in range(sequences):
            live = Ports(events, random, far)
            _window(live, low)
            low = low + 20 if low < 64_000 else FIRST_WINDOW
            for _ in range(random.randrange(10, 40)):
                _tcp_step(live, low - 20)
            live.end()
        _timewait_sequences(Ports(events, random, far), low)
    return events


def _window(live: Ports, low: int) -> None:
    """A port range of a few ports, some of them reserved, and the other switches."""
    random = live.random
    low += random.randrange(2)
    high = low + random.choice([0, 1, 2, 3, 5, 7, 12])
    live.sysctl("ip_local_reserved_ports", "\n")
    live.sysctl("ip_local_port_range", f"{low} {high}")
    if random.random() < 0.3:
        live.sysctl("ip_local_reserved_ports", f"{random.randint(low, high)}\n")
    live.sysctl("ip_autobind_reuse", str(int(random.random() < 0.3)))


def _tcp_step(live: Ports, low: int) -> None:
    random = live.random
    draw = random.random()
    if draw < 0.22 and live.info:
        id = random.choice(list(live.info))
        if live.info[id]["state"] != "far":
            live.close(id)
        elif random.random() < 0.3:
            live.close_to_timewait(id)
        else:
            live.abort(id)
        return
    v6 = random.random() < 0.25
    id = live.socket(
        "tcp",
        v6,
        OTHER_UID if random.random() < 0.2 else 0,
        random.random() < 0.5,
        random.random() < 0.4,
        False,
        0,
    )
    if random.random() < 0.3:
        own_low = low + random.randrange(8)
        live.own_range(id, own_low, own_low + random.randrange(8))
    if draw < 0.7:
        if random.random() < 0.3:
            live.no_port(id)
            if live.bind(id, "::1" if v6 else random.choice(["127.0.0.1", "127.0.0.2"]), 0):
                return
            live.connect_free(id, "::1" if v6 else "127.0.0.1")
            return
        mapped = "::ffff:" if v6 and random.random() < 0.5 else ""
        live.connect_free(id, "::1" if v6 and not mapped else mapped + random.choice(V4_PEERS))
        return
    if draw < 0.78:
        if live.listen(id) != 0:
            live.close(id)
        return
    address = random.choice(["::", "::1"]) if v6 else random.choice(["0.0.0.0", *V4_PEERS])
    live.bind(id, address, low + random.randrange(8) if draw < 0.86 else 0)


def _timewait_sequences(live: Ports, low: int) -> None:
    """When a TIME_WAIT may be taken over by connect()."""
    live.sysctl("ip_local_reserved_ports", "\n")
    cases = [
        (low + index, tw_reuse, address)
        for index, (tw_reuse, address) in enumerate(
            [(tw_reuse, address) for tw_reuse in (2, 0, 1) for address in ("127.0.0.1", "10.77.0.1")]
        )
    ]
    low += len(cases)

    def connect(port: int, tw_reuse: int, address: str) -> int:
        """A connect() that has one port to choose from; the socket, or 0 if it failed."""
        live.sysctl("tcp_tw_reuse", str(tw_reuse))
        live.sysctl("ip_local_port_range", f"{port} {port}")
        id = live.socket("tcp", False, 0, False, False, False, 0)
        return id if live.connect_free(id, address) == 0 else 0

    for case in cases:
        live.close_to_timewait(connect(*case))
        connect(*case)
    live.wait(1.05)
    for case in cases:
        connect(*case)
    # A socket that brings its own port needs no age.
    live.sysctl("tcp_tw_reuse", "2")
    id = live.socket("tcp", False, 0, True, False, False, 0)
    live.bind(id, "127.0.0.1", low)
    live.connect_far(id, "127.0.0.1")
    live.info[id]["peer"] = live.far_children[-1]
    live.close_to_timewait(id)
    again = live.socket("tcp", False, 0, True, False, False, 0)
    live.bind(again, "127.0.0.1", low)
    live.connect_far(again, "127.0.0.1")
    live.end()


def record_ephemeral_udp(seed: int, sequences: int) -> list[Event]:
    random = Random(f"ephemeral udp {seed}")
    events: list[Event] = []
    low = FIRST_WINDOW
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        for _ in range(sequences):
            live = Ports(events, random, far)
            _window(live, low)
            low = low + 20 if low < 64_000 else FIRST_WINDOW
            for _ in range(random.randrange(10, 40)):
                _udp_step(live, low - 20)
            live.end()
    return events


def _udp_step(live: Ports, low: int) -> None:
    random = live.random
    draw = random.random()
    if draw < 0.2 and live.info:
        live.close(random.choice(list(live.info)))
        return
    connected = live.ids("connected")
    if draw < 0.25 and connected:
        live.udp_disconnect(random.choice(connected))
        return
    v6 = random.random() < 0.3
    id = live.socket(
        "udp",
        v6,
        OTHER_UID if random.random() < 0.2 else 0,
        random.random() < 0.4,
        random.random() < 0.4,
        False,
        0,
    )
    if random.random() < 0.3:
        own_low = low + random.randrange(8)
        live.own_range(id, own_low, own_low + random.randrange(8))
    if draw < 0.55:
        if live.udp_connect(id, "::1" if v6 else random.choice(V4_PEERS), 9001) != 0:
            live.close(id)
        return
    address = random.choice(["::", "::1"]) if v6 else random.choice(["0.0.0.0", *V4_PEERS])
    live.bind(id, address, low + random.randrange(8) if draw < 0.7 else 0)
