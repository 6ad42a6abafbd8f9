"""Random sequences of socket calls, made on the live kernel by parity_ports_live.py.

Loaded by the tests after that.
"""

from __future__ import annotations

import socket
from random import Random

from parity_ports_live import (
    FAR_PORT,
    GROUPS,
    LOOPBACK,
    NEAR,
    OTHER_UID,
    PEER_PORTS,
    V4_CONCRETE,
    V6_CONCRETE,
    Event,
    Live,
)


def random_socket(live: Live, kind: str, reuse: float, lean: str) -> int:
    """A socket with random options; ``lean`` makes one option likelier, so that sockets agree."""
    random = live.random
    v6 = random.random() < 0.4
    return live.socket(
        kind,
        v6,
        OTHER_UID if random.random() < 0.2 else 0,
        random.random() < (0.85 if "a" in lean else reuse),
        random.random() < (0.85 if "p" in lean else reuse),
        v6 and random.random() < 0.25,
        random.choice([LOOPBACK, NEAR]) if random.random() < 0.25 else 0,
    )


def random_address(live: Live, id: int) -> str:
    random = live.random
    info = live.info[id]
    if not info["v6"]:
        return "0.0.0.0" if random.random() < 0.35 else random.choice(V4_CONCRETE)
    draw = random.random()
    if draw < 0.4:
        return "::"
    if draw < 0.75 or info["v6only"]:
        # ::1 and link-local addresses must belong to the bound device; others need not.
        return "fd77::1" if info["device"] == NEAR else random.choice(V6_CONCRETE)
    return "::ffff:" + random.choice(["0.0.0.0", *V4_CONCRETE])


def record_tcp(seed: int, checks: int, lookups: int) -> list[Event]:
    """Sequences of TCP calls with at least so many bind/listen checks and lookups."""
    random = Random(f"tcp {seed}")
    events: list[Event] = []
    done_checks = done_lookups = 0
    port = 10_000
    with socket.create_server(("::", FAR_PORT), family=socket.AF_INET6, dualstack_ipv6=True) as far:
        far.setblocking(False)
        while done_checks < checks or done_lookups < lookups:
            live = Live(events, random, far)
            port = port + 1 if port < 26_000 else 10_000
            reuse = random.choice([0.3, 0.6, 0.9])
            lean = random.choice(["", "", "a", "p", "ap"])
            for _ in range(random.randrange(5, 14)):
                done_checks += _tcp_step(live, port, reuse, lean)
            for _ in range(random.randrange(1, 5)):
                address = random.choice([*V4_CONCRETE, *V6_CONCRETE])
                live.probe_tcp(address, address, port)
                done_lookups += 1
            live.end()
    return events


def _tcp_step(live: Live, port: int, reuse: float, lean: str) -> int:
    """One random call; returns the number of verdicts it asked the kernel for."""
    random = live.random
    draw = random.random()
    bound = live.ids("bound")
    listening = live.ids("listen")
    connected = live.ids("connected")
    if draw < 0.2 and bound:
        live.listen(random.choice(bound))
        return 1
    if draw < 0.25 and bound + listening:
        id = random.choice(bound + listening)
        if random.random() < 0.6:
            live.option(id, random.choice(["ra", "rp"]), random.randrange(2))
        elif random.random() < 0.6:
            live.incoming_cpu(id, random.random() < 0.5)
        elif id in bound:
            # Members of a group would be chosen by chance, whatever their device.
            live.device(id, random.randrange(3))
        return 0
    if draw < 0.32 and bound + listening + live.ids("close-wait"):
        live.close(random.choice(bound + listening + live.ids("close-wait")))
        return 0
    if draw < 0.34 and listening:
        live.unlisten(random.choice(listening))
        return 0
    if draw < 0.38 and connected:
        live.close_pair(random.choice(connected))
        return 0
    if draw < 0.40 and connected:
        live.half_close(random.choice(connected))
        return 0
    if draw < 0.50 and listening:
        _tcp_connect(live, port, reuse)
        return 0
    if draw < 0.60 and bound:
        return _tcp_connect_far(live, random.choice(bound))
    id = random_socket(live, "tcp", reuse, lean)
    live.bind(id, random_address(live, id), port if random.random() < 0.97 else 0)
    return 1


def _tcp_connect(live: Live, port: int, reuse: float) -> None:
    """A fresh client connects to whoever listens."""
    random = live.random
    address = random.choice([*V4_CONCRETE, *V6_CONCRETE])
    v6 = ":" in address
    if not v6 and random.random() < 0.2:
        v6 = True
        address = "::ffff:" + address
    id = live.socket("tcp", v6, 0, random.random() < reuse, random.random() < reuse, False, 0)
    live.connect(id, address, port, OTHER_UID if random.random() < 0.2 else 0)
    if live.info[id]["state"] != "connected":
        live.close(id)


def _tcp_connect_far(live: Live, id: int) -> int:
    """A bound socket connects away from its port: to a server that is no part of the pool."""
    info = live.info[id]
    if info["device"]:
        return 0
    address = _reachable(live, str(info["address"]), bool(info["v6"]), bool(info["v6only"]))
    live.connect_far(id, address)
    return 1


def _reachable(live: Live, local: str, v6: bool, v6only: bool) -> str:
    """An address a socket bound to ``local`` can connect to."""
    random = live.random
    if not v6:
        return random.choice(V4_CONCRETE) if local == "0.0.0.0" else local
    if local == "::":
        mapped = [] if v6only else ["::ffff:" + address for address in V4_CONCRETE]
        return random.choice(V6_CONCRETE + mapped)
    if local == "::ffff:0.0.0.0":
        return "::ffff:" + random.choice(V4_CONCRETE)
    return local


def record_udp(seed: int, checks: int, lookups: int) -> list[Event]:
    """Sequences of UDP calls with at least so many bind checks and lookups."""
    random = Random(f"udp {seed}")
    events: list[Event] = []
    done_checks = done_lookups = 0
    port = 10_000
    senders: list[tuple[socket.socket, str]] = []
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for group in GROUPS:
            value = socket.inet_aton(group) + socket.inet_aton("10.77.0.1")
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, value)
        for address in [*V4_CONCRETE, *V6_CONCRETE]:
            for peer_port in PEER_PORTS:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                sender = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                sender.bind((address, peer_port))
                senders.append((sender, address))
        while done_checks < checks or done_lookups < lookups:
            live = Live(events, random, member)
            port = port + 1 if port < 26_000 else 10_000
            reuse = random.choice([0.3, 0.6, 0.9])
            lean = random.choice(["", "", "a", "p", "ap", "crowd"])
            steps = random.randrange(22, 30) if lean == "crowd" else random.randrange(5, 14)
            for _ in range(steps):
                done_checks += _udp_step(live, port, reuse, "ap" if lean == "crowd" else lean)
            for _ in range(random.randrange(1, 5)):
                sender, source = random.choice(senders)
                if source == "10.77.0.1" and random.random() < 0.5:
                    address = random.choice(GROUPS)
                else:
                    # To the sender's own address: any other may lie on another device.
                    address = source
                live.probe_udp(sender, source, address, port)
                done_lookups += 1
            live.end()
    finally:
        member.close()
        for sender, _ in senders:
            sender.close()
    return events


def _udp_step(live: Live, port: int, reuse: float, lean: str) -> int:
    """One random call; returns the number of verdicts it asked the kernel for."""
    random = live.random
    draw = random.random()
    bound = live.ids("bound")
    connected = live.ids("connected")
    if draw < 0.02 and bound:
        live.option(random.choice(bound), random.choice(["ra", "rp"]), random.randrange(2))
        return 0
    if draw < 0.04 and bound + connected:
        live.incoming_cpu(random.choice(bound + connected), random.random() < 0.5)
        return 0
    if draw < 0.06 and bound + connected:
        live.device(random.choice(bound + connected), random.randrange(3))
        return 0
    if draw < 0.10 and bound + connected:
        live.close(random.choice(bound + connected))
        return 0
    if draw < 0.18 and bound + connected:
        id = random.choice(bound + connected)
        info = live.info[id]
        if info["device"] or (info["state"] == "connected" and random.random() < 0.5):
            return 0
        address = _reachable(live, str(info["address"]), bool(info["v6"]), bool(info["v6only"]))
        if address in GROUPS:
            return 0
        live.udp_connect(id, address, random.choice(PEER_PORTS))
        return 0
    if draw < 0.22 and connected:
        live.udp_disconnect(random.choice(connected))
        return 0
    if draw < 0.26 and bound:
        id = random.choice(bound)
        if not live.info[id]["v6"] and "joined" not in live.info[id]:
            live.info[id]["joined"] = True
            if random.random() < 0.3:
                live.multicast_all(id, False)
            else:
                sources = random.sample(["10.77.0.1", "10.77.0.9"], random.randrange(3))
                live.join(id, random.choice(GROUPS), sources, random.random() < 0.5)
        return 0
    id = random_socket(live, "udp", reuse, lean)
    address = random_address(live, id)
    if not live.info[id]["v6"] and random.random() < 0.08:
        address = random.choice(GROUPS)
    live.bind(id, address, port if random.random() < 0.97 else 0)
    return 1
