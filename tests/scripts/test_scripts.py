"""Every packet script below this folder, in both forms of packets and for each IP version."""

from pathlib import Path

import pytest

from fourtuple.drill.drill import PASSED, SKIPPED, Options, drill_file
from fourtuple.drill.settings import IPV4, IPV6, MAPPED

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.rglob("*.pkt"))


# Two of the six ways differ in all that matters between them; the others are for CI.
_WAYS = [
    pytest.param(IPV4, False, id="ipv4-objects"),
    pytest.param(IPV6, True, id="ipv6-bytes"),
    *(
        pytest.param(
            version, on_wire, id=f"{version}-{'bytes' if on_wire else 'objects'}", marks=pytest.mark.slow
        )
        for version, on_wire in ((IPV4, True), (IPV6, False), (MAPPED, False), (MAPPED, True))
    ),
]


@pytest.mark.parametrize(("version", "on_wire"), _WAYS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(HERE)))
def test_script(script: Path, version: str, on_wire: bool) -> None:
    outcome = drill_file(str(script), Options(seed=1, bytes_on_wire=on_wire, version=version))
    if outcome.status == SKIPPED:
        pytest.skip(outcome.message)
    assert outcome.status == PASSED, (
        f"{outcome.path}:{outcome.line}: {outcome.message}\n"
        f"expected {outcome.expected}\nseen     {outcome.seen}\n"
        + "\n".join([f"{packet.time / 1e9:10.6f} {packet.text}" for packet in outcome.packets])
    )


def test_every_script_names_what_it_rests_on() -> None:
    """Its first comment says which section of which document it pins down."""
    for script in SCRIPTS:
        first = script.read_text().split("\n\n")[0].split("`")[0]
        assert first.startswith("//"), script
        assert any(word in first for word in ("RFC", "Linux", "POSIX")), script
