"""One measurement in a fresh process: ``python -m bench.measure SCENARIO PLACE AMOUNT``.

PLACE is ``simulated`` (the rooms compiled or not as FOURTUPLE_PURE_PYTHON says) or ``loopback``, the
same program on the real kernel. Prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from . import programs

PAGE = resource.getpagesize()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def slab_bytes() -> int:
    """Kernel memory in slabs, where sockets live."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo has no line Slab:")


# -- on simulated hosts ------------------------------------------------------------------------


def simulated(server: Callable[..., Any], client: Callable[..., Any], amount: int) -> tuple[float, Any]:
    """Run the pair over a 10 Gbit/s link of 10 us; returns (wall seconds, the client's result)."""
    from fourtuple import Network

    with Network(seed=1) as net:
        a = net.host("server", address="10.0.0.1")
        b = net.host("client", address="10.0.0.2")
        net.link(a, b, latency="10us", bandwidth="10gbit")
        a.spawn(lambda: server(programs.listen("10.0.0.1")), daemon=True)
        process = b.spawn(lambda: client("10.0.0.1", amount), start="1ms")
        start = time.perf_counter()
        net.run()
        return time.perf_counter() - start, process.result


def simulated_idle(count: int) -> dict[str, float]:
    from fourtuple import Network

    with Network(seed=1) as net:
        a = net.host("server", address="10.0.0.1")
        b = net.host("client", address="10.0.0.2")
        net.link(a, b, latency="10us")
        held: list[Any] = []

        def hold(make: Callable[[], list[Any]]) -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, count + 64))
            held.append(make())
            time.sleep(3600)

        def serve() -> list[Any]:
            return programs.idle_server(programs.listen("10.0.0.1", backlog=4096), count)

        def connect() -> list[Any]:
            return programs.idle_client("10.0.0.1", count)

        a.spawn(hold, serve, daemon=True)
        b.spawn(hold, connect, start="1ms", daemon=True)
        gc.collect()
        before = resident_bytes()
        net.run(until="60s")
        gc.collect()
        if [len(sockets) for sockets in held] != [count, count]:
            raise AssertionError(f"not all of {count} connections stand")
        return {"bytes_per_connection": (resident_bytes() - before) / count}


# -- on the real loopback ----------------------------------------------------------------------


def _serve(server: Callable[..., Any], ready: Connection) -> None:
    listener = programs.listen("127.0.0.1")
    ready.send(True)
    server(listener)


def loopback(server: Callable[..., Any], client: Callable[..., Any], amount: int) -> tuple[float, Any]:
    context = get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(server, theirs))
    child.start()
    ours.recv()
    start = time.perf_counter()
    result = client("127.0.0.1", amount)
    elapsed = time.perf_counter() - start
    child.join(30)
    return elapsed, result


def loopback_idle(count: int) -> dict[str, float]:
    """Both ends in this process; the kernel's share is the growth of its slabs."""
    import socket

    limit = 2 * count + 64
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(hard, limit)))
    gc.collect()
    before = resident_bytes() + slab_bytes()
    listener = programs.listen("127.0.0.1", backlog=128)
    pairs = []
    for _ in range(count):
        near = socket.create_connection(("127.0.0.1", programs.PORT))
        pairs.append((near, listener.accept()[0]))
    gc.collect()
    per_connection = (resident_bytes() + slab_bytes() - before) / count
    listener.close()
    for near, far in pairs:
        near.close()
        far.close()
    return {"bytes_per_connection": per_connection}


# -- scenarios ---------------------------------------------------------------------------------


def bulk(place: Callable[..., tuple[float, Any]], amount: int) -> dict[str, float]:
    seconds, segments = place(programs.bulk_server, programs.bulk_client, amount)
    return {"segments_per_s": segments / seconds, "mbytes_per_s": amount / seconds / 1e6}


def echo(place: Callable[..., tuple[float, Any]], amount: int) -> dict[str, float]:
    seconds, rounds = place(programs.echo_server, programs.echo_client, amount)
    return {"round_trips_per_s": rounds / seconds}


def main() -> None:
    scenario, place, amount = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if scenario == "idle":
        figures = simulated_idle(amount) if place == "simulated" else loopback_idle(amount)
    else:
        run = {"bulk": bulk, "echo": echo}[scenario]
        figures = run(simulated if place == "simulated" else loopback, amount)
    if place == "simulated":
        from fourtuple._compiled import is_compiled

        wanted = os.environ.get("FOURTUPLE_PURE_PYTHON", "0") == "0"
        if is_compiled() != wanted:
            sys.exit(f"asked for {'compiled' if wanted else 'interpreted'} rooms; that is not what ran")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
