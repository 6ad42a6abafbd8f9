"""Netlink on a simulated host against what Linux 6.18 said, recorded, and against the live kernel.

``python tests/parity/test_netlink_parity.py`` records anew (as root).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import parity_netlink
import pytest

from fourtuple import Network
from fourtuple.wire.address import parse_ip

RECORDED = Path(__file__).parent / "parity_netlink_recorded.json"
NAMES = ("dumps", "requests", "notifications", "names")


@contextlib.contextmanager
def namespaces() -> Iterator[str]:
    """A network namespace with lo and eth0, whose other end is in another; gives its name."""
    a, b = (f"ftn{os.getpid()}{side}" for side in "ab")

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    for name in (a, b):
        ip("netns", "add", name)
    try:
        ip("link", "add", "eth0", "netns", a, "type", "veth", "peer", "name", "eth0", "netns", b)
        for name, end in ((a, 1), (b, 2)):
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "addr", "add", f"10.0.0.{end}/24", "brd", "+", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "addr", "add", f"fd00::{end}/64", "dev", "eth0")
        ip("-n", a, "route", "add", "default", "via", "10.0.0.2")
        # The addresses of IPv6 are being checked for somebody else's.
        for _ in range(50):
            done = subprocess.run(["ip", "-n", a, "-6", "addr"], capture_output=True, text=True, check=True)
            if "tentative" not in done.stdout:
                break
            subprocess.run(["sleep", "0.2"], check=True)
        yield a
    finally:
        for name in (a, b):
            ip("netns", "del", name)


def on_linux() -> list[Any]:
    with namespaces() as name:
        command = ["ip", "netns", "exec", name, sys.executable, parity_netlink.__file__]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def on_ours() -> list[Any]:
    with Network(seed=1) as net:
        a = net.host("a", address=["10.0.0.1/24", "fd00::1/64"])
        net.link(a, net.host("b", address=["10.0.0.2/24", "fd00::2/64"]))
        a.node.stack.add_route(parse_ip("0.0.0.0"), 0, parse_ip("10.0.0.2"), None, 0, -1)
        for entry in a.node.stack.routes.entries():
            # A host of a network has a route for multicasts, which Linux leaves to its administrator.
            if entry.prefix == parse_ip("224.0.0.0"):
                a.node.stack.remove_route(entry)
        process = a.spawn(parity_netlink.everything)
        net.run()
        return process.result  # type: ignore[no-any-return]


def recorded() -> list[Any]:
    return json.loads(RECORDED.read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def ours() -> list[Any]:
    return on_ours()


@pytest.mark.parametrize("part", range(len(NAMES)), ids=NAMES)
def test_a_simulated_host_answers_as_recorded(ours: list[Any], part: int) -> None:
    for mine, linux in zip(ours[part], recorded()[part], strict=True):
        assert mine == linux


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and ip")
def test_linux_still_answers_as_recorded() -> None:
    assert on_linux() == recorded()


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(on_linux(), indent=None, separators=(",", ":")) + "\n")
