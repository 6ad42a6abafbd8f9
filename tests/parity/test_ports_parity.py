"""The port tables against Linux: the same random socket calls, the same errno, the same receiver."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from fourtuple.ports.settings import Rules


def _load(name: str) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


live = _load("parity_ports_live")
sequences = _load("parity_ports_sequences")
ephemeral = _load("parity_ports_ephemeral")
model = _load("parity_ports_model")

RECORDING = json.loads(
    gzip.decompress(Path(__file__).with_name("parity_ports_recorded.json.gz").read_bytes())
)["parts"]


def record(name: str, seed: int, checks: int, lookups: int) -> list[list[object]]:
    """Ask the live kernel, or skip and say why that is not possible here."""
    calls = {
        "tcp": lambda: sequences.record_tcp(seed, checks, lookups),
        "udp": lambda: sequences.record_udp(seed, checks, lookups),
        "ephemeral tcp": lambda: ephemeral.record_ephemeral_tcp(seed, checks // 10),
        "ephemeral udp": lambda: ephemeral.record_ephemeral_udp(seed, checks // 10),
    }
    try:
        events: list[list[object]] = live.record_in_namespace(calls[name])
    except live.NotAllowedError as error:
        pytest.skip(f"the live kernel cannot be asked: {error}")
    return events


def assert_no_mismatch(report: object) -> None:
    mismatches = report.mismatches  # type: ignore[attr-defined]
    shortest = sorted(mismatches, key=lambda mismatch: len(mismatch.history))[:2]
    assert not mismatches, f"{len(mismatches)} differ:\n" + "\n".join(map(str, shortest))


@pytest.mark.parametrize("name", list(RECORDING))
def test_model_repeats_recorded_kernel(name: str) -> None:
    report = model.replay(RECORDING[name])
    assert_no_mismatch(report)
    assert report.binds > 500


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("bucket_cache", "tcp"),
        ("reuseport_at_once", "tcp"),
        ("udp_first_decides", "udp"),
        ("udp_two_chains", "udp"),
        ("udp_exact_table", "udp"),
        ("connect_shares_again", "ephemeral tcp"),
    ],
)
def test_model_without_one_rule_is_caught(rule: str, name: str) -> None:
    rules = Rules()
    setattr(rules, rule, False)
    assert model.replay(RECORDING[name], rules).mismatches


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["tcp", "udp", "ephemeral tcp", "ephemeral udp"])
def test_model_agrees_with_live_kernel(name: str, seed: int) -> None:
    report = model.replay(record(name, seed, 1500, 400))
    assert_no_mismatch(report)
    assert report.binds > 300


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tcp", "udp"])
def test_model_agrees_with_live_kernel_in_20000_binds(name: str) -> None:
    events = record(name, 77, 25_000, 5_000)
    report = model.replay(events)
    assert_no_mismatch(report)
    assert report.binds >= 20_000
    assert report.lookups >= 5_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ephemeral tcp", "ephemeral udp"])
def test_model_agrees_with_live_kernel_in_many_port_choices(name: str) -> None:
    report = model.replay(record(name, 78, 8_000, 0))
    assert_no_mismatch(report)
    assert report.connects > 4_000
