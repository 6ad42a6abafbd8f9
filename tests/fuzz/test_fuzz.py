"""Any bytes, at every parser and at the input path of a host with connections in all states."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_host import FuzzHost, repaired
from fuzz_targets import TARGETS, Target
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fourtuple._compiled import is_compiled
from fourtuple.drill.drill import PASSED, Options, drill_text

_PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
_SETTINGS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=_PHASES,
    suppress_health_check=list(HealthCheck),
)

SCRIPTS = sorted((Path(__file__).parents[1] / "scripts").rglob("*.pkt"))[:12]

NETWORK = b"""
seed = 7
until = "30s"
[hosts.a]
address = "10.0.0.1/24"
sysctl = { "net.ipv4.tcp_sack" = 0 }
[[hosts.a.programs]]
run = "python server.py"
daemon = true
[hosts.b]
address = ["10.0.0.2", "fd00::2/64"]
[[links]]
between = ["a", "b"]
latency = "20ms"
loss = 0.01
"""


@pytest.fixture(scope="module")
def hosts() -> list[FuzzHost]:
    return [FuzzHost(False), FuzzHost(True)]


@pytest.fixture(scope="module")
def valid(hosts: list[FuzzHost]) -> list[bytes]:
    """Packets in good order, layer by layer, to be damaged."""
    frames = [frame for host in hosts for frame in host.seen]
    packets = [frame[14:] for frame in frames]
    texts = [script.read_bytes() for script in SCRIPTS]
    return frames + packets + [packet[20:] for packet in packets] + [NETWORK, *texts]


@st.composite
def damage(draw: st.DrawFn) -> list[tuple[int, int, bytes]]:
    """What to put in place of how many bytes, where."""
    return draw(
        st.lists(
            st.tuples(st.integers(0, 4000), st.integers(0, 9), st.binary(max_size=9)), min_size=0, max_size=6
        )
    )


def damaged(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for where, count, new in changes:
        at = where % (len(data) + 1)
        data = data[:at] + new + data[at + count :]
    return data


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@_SETTINGS
@given(data=st.binary(max_size=300))
def test_any_bytes(target: Target, data: bytes) -> None:
    target(data)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@_SETTINGS
@given(which=st.integers(0, 10_000), changes=damage(), repair=st.booleans())
def test_valid_bytes_damaged(
    target: Target, valid: list[bytes], which: int, changes: list[tuple[int, int, bytes]], repair: bool
) -> None:
    data = damaged(valid[which % len(valid)], changes)
    target(repaired(data) if repair else data)


@settings(_SETTINGS, max_examples=60)
@given(
    script=st.sampled_from(SCRIPTS),
    tokens=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), min_size=1, max_size=3),
    bytes_on_wire=st.booleans(),
)
def test_damaged_scripts(script: Path, tokens: list[tuple[int, int]], bytes_on_wire: bool) -> None:
    """Words of a script in other places: it runs, or one line says what is wrong."""
    words = re.findall(r"\s+|\w+|.", script.read_text(), re.DOTALL)
    for where, other in tokens:
        words[where % len(words)] = words[other % len(words)]
    outcome = drill_text(str(script), "".join(words), Options(bytes_on_wire=bytes_on_wire))
    if outcome.status != PASSED:
        assert outcome.message
        assert "\n" not in outcome.message


@_SETTINGS
@given(
    v6=st.booleans(),
    which=st.integers(0, 10_000),
    changes=damage(),
    repair=st.booleans(),
    lenient=st.booleans(),
    pause=st.sampled_from((0, 0, 1, 50)),
)
def test_input_path(
    hosts: list[FuzzHost],
    v6: bool,
    which: int,
    changes: list[tuple[int, int, bytes]],
    repair: bool,
    lenient: bool,
    pause: int,
) -> None:
    host = hosts[v6]
    data = damaged(host.seen[which % len(host.seen)], changes)
    host.feed(repaired(data) if repair else data, lenient)
    host.run(pause)
    host.check()


@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_damaged_conversations(v6: bool) -> None:
    _damaged_conversations(v6, 1, 800)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("v6", [False, True], ids=["ipv4", "ipv6"])
def test_many_damaged_conversations(v6: bool, seed: int) -> None:
    _damaged_conversations(v6, seed + 10, 1000)


def _damaged_conversations(v6: bool, seed: int, count: int) -> None:
    """Frames the peer sent, again and again, with fields changed and sums made right: most are taken."""
    chance = random.Random(seed)
    host = FuzzHost(v6)
    header = 54 if v6 else 34
    for number in range(count):
        frame = bytearray(chance.choice(host.seen))
        for _ in range(chance.randrange(4)):
            # Mostly in the transport header, where the interesting fields are.
            at = chance.randrange(header, min(len(frame), header + 40)) if chance.random() < 0.8 else 0
            at = at or chance.randrange(12, len(frame))
            frame[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256), frame[at] ^ 1))
        if chance.random() < 0.1:
            del frame[chance.randrange(14, len(frame)) :]
        host.feed(repaired(bytes(frame)) if chance.random() < 0.95 else bytes(frame), chance.random() < 0.3)
        if number % 50 == 0:
            host.run(chance.choice((0, 1, 20, 300, 3000)))
            host.check()
    assert host.taken > count // 2
    host.run(600_000)
    host.check()


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    "name", ["input", "frame", "frame, lenient", "tcp options", "icmpv6", "packet filter", "packet script"]
)
def test_coverage_guided(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install -e .[fuzz]")
    if is_compiled():
        pytest.skip("compiled modules cannot be instrumented")
    script = Path(__file__).with_name("coverage_guided.py")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, str(script), name, "-runs=4000", "-seed=1", "-max_len=600"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "no interesting inputs" not in done.stderr, "nothing was instrumented"
    assert not list(temporary.iterdir()), "its inputs are left behind"
