"""examples/election: its test as it is, and its network file by the command."""

import importlib.util
from pathlib import Path

from click.testing import CliRunner

from fourtuple.cli.main import cli

ELECTION = Path(__file__).parents[2] / "examples" / "election"


def example():
    spec = importlib.util.spec_from_file_location("election_example", ELECTION / "test_election.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


test_a_leader_that_is_cut_off_is_replaced = example().test_a_leader_that_is_cut_off_is_replaced


def test_the_network_file_elects_one_leader_and_repeats():
    results = [CliRunner().invoke(cli, ["up", str(ELECTION / "network.toml")]) for _ in range(2)]
    assert results[0].exit_code == 0, results[0].stderr
    assert results[0].stdout == results[1].stdout
    lines = results[0].stdout.splitlines()
    (leader,) = {line[0] for line in lines if line.endswith(": leader")}
    assert sum(line.endswith(f": follows {leader}") for line in lines) == 4
