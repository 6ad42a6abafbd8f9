"""Path MTU discovery of a connection: DF, and whom it believes."""

from __future__ import annotations

import pytest
from tests.unit.tcp.builders_tcp import Host, established

from fourtuple.wire.icmp import ICMP_UNREACHABLE, UNREACHABLE_FRAGMENTATION_NEEDED


@pytest.mark.parametrize(
    ("discovery", "df"), [(0, False), (1, True), (2, True), (3, False), (4, False), (5, False)]
)
def test_only_want_and_do_set_df(discovery: int, df: bool) -> None:
    """As ``ip_dont_fragment`` has it for TCP, seen on 6.18."""
    host = Host()
    host.tcb.pmtu_discovery = discovery
    host.connect()
    host.tcb.send(b"x" * 100, 0)
    assert [packet.dont_fragment for packet in host.packets()] == [df]
    host.tcb.close()
    host.inject("F.", 1, 102)
    assert {packet.dont_fragment for packet in host.packets()} == {df}


@pytest.mark.parametrize(
    ("discovery", "mss"), [(0, 1000), (1, 560), (2, 560), (3, 560), (4, 1000), (5, 1000)]
)
def test_who_believes_a_router(discovery: int, mss: int) -> None:
    host = established()
    host.tcb.pmtu_discovery = discovery
    host.tcb.send(b"x" * 1000, 0)
    host.packets()
    host.icmp(ICMP_UNREACHABLE, UNREACHABLE_FRAGMENTATION_NEEDED, 1, 600)
    assert host.tcb.mss == mss
