"""Every packet script below this folder, in both forms of packets and for each IP version."""

from pathlib import Path

import pytest

from fourtuple.drill.drill import PASSED, SKIPPED, Options, drill_file
from fourtuple.drill.settings import IPV4, IPV6, MAPPED

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.rglob("*.pkt"))


@pytest.mark.parametrize("version", [IPV4, IPV6, MAPPED])
@pytest.mark.parametrize("on_wire", [False, True], ids=["objects", "bytes"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(HERE)))
def test_script(script: Path, on_wire: bool, version: str) -> None:
    outcome = drill_file(str(script), Options(seed=1, bytes_on_wire=on_wire, version=version))
    if outcome.status == SKIPPED:
        pytest.skip(outcome.message)
    assert outcome.status == PASSED, (
        f"{outcome.path}:{outcome.line}: {outcome.message}\n"
        f"expected {outcome.expected}\nseen     {outcome.seen}\n"
        + "\n".join([f"{packet.time / 1e9:10.6f} {packet.text}" for packet in outcome.packets])
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(HERE)))
def test_a_script_names_what_it_rests_on(script: Path) -> None:
    """Its first comment says which section of which document it pins down."""
    first = script.read_text().split("\n\n")[0].split("`")[0]
    assert first.startswith("//")
    assert any(word in first for word in ("RFC", "section", "Linux", "POSIX")), first
