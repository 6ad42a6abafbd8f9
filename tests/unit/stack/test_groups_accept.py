"""Which sources' packets to a group a host takes."""

from fourtuple.ports.multicast import Membership
from fourtuple.stack.groups import ALL_HOSTS, GroupTable

GROUP, ETH0, ONE, OTHER = 0xFFFF_EF01_0203, 2, 0xFFFF_0A00_0001, 0xFFFF_0A00_0002


def test_a_source_is_taken_if_one_member_wants_it() -> None:
    table = GroupTable()
    assert not table.accepts(GROUP, ETH0, ONE)
    assert table.accepts(ALL_HOSTS, ETH0, ONE)
    excluding = Membership(GROUP, ETH0, False, [ONE])
    table.add(excluding)
    assert not table.accepts(GROUP, ETH0, ONE)
    assert table.accepts(GROUP, ETH0, OTHER)
    including = Membership(GROUP, ETH0, True, [ONE])
    table.add(including)
    assert table.accepts(GROUP, ETH0, ONE)
    table.remove(excluding)
    assert table.accepts(GROUP, ETH0, ONE)
    assert not table.accepts(GROUP, ETH0, OTHER)
    assert not table.accepts(GROUP, ETH0 + 1, ONE)
