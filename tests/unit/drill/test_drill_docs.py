"""docs/drill.md: its examples pass, and its tables have what the code has."""

import re
from pathlib import Path

import pytest
from builders_drill import run

from fourtuple.drill.calls import CALLS
from fourtuple.drill.drill import PASSED
from fourtuple.drill.settings import IPV4, IPV6, MAPPED, OPTIONS

PAGE = (Path(__file__).parents[3] / "docs" / "drill.md").read_text()
EXAMPLES = re.findall(r"```pkt\n(.*?)```", PAGE, re.DOTALL)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("version", [IPV4, IPV6, MAPPED])
@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_passes(text: str, version: str) -> None:
    outcome = run(text, version=version)
    assert outcome.status == PASSED, (outcome.line, outcome.message)


def test_every_call_is_listed() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(("| sockets", "| data", "| files"))]
    listed = [word for row in rows for word in re.findall(r"`([^`]*)`", row)[0].split()]
    assert sorted(listed) == sorted(CALLS)


def test_every_option_is_listed() -> None:
    listed = re.findall(r"^\| `--(\w+)(?:=VALUE)?` \|", PAGE.split("### Options")[1], re.MULTILINE)
    assert listed == list(OPTIONS)
