"""SO_REUSEPORT groups: who joins which, and which member gets a packet.

Linux ``net/core/sock_reuseport.c``; joining as in ``inet_reuseport_add_sock`` (at listen()) and
``udp_reuseport_add_sock`` (at bind()).
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from .endpoint import ESTABLISHED, Endpoint


@mypyc_attr(allow_interpreted_subclasses=True)
class MemberChooser:
    """A program that chooses the member (SO_ATTACH_REUSEPORT_CBPF)."""

    def choose(self) -> int:
        """The number of the member that gets the packet under way; one there is not leaves it to the
        hash, and so does -1 while no packet is."""
        raise NotImplementedError


class ReuseportGroup:
    """The sockets that share an address and port.

    ``has_connections`` stays set once a UDP member connected: the lookup then rescores the member
    chosen instead of trusting the group.
    """

    __slots__ = ("chooser", "has_connections", "members")

    def __init__(self) -> None:
        self.chooser: MemberChooser | None = None
        self.members: list[Endpoint] = []
        self.has_connections: bool = False

    def add(self, endpoint: Endpoint) -> None:
        self.members.append(endpoint)
        endpoint.group = self

    def leave(self, endpoint: Endpoint) -> None:
        """Take ``endpoint`` out. The last member takes its place, as in Linux's array."""
        members = self.members
        last = members.pop()
        if last is not endpoint:
            members[members.index(endpoint)] = last
        endpoint.group = None

    def select(self, hash: int, cpu: int) -> Endpoint | None:
        """The member for a 32-bit ``hash``; None if all are connected.

        The hash picks where to start; connected members are passed over, and if any member asked
        for a CPU (SO_INCOMING_CPU) one that asked for ``cpu`` is preferred.
        """
        members = self.members
        count = len(members)
        if count == 0:
            return None
        if self.chooser is not None:
            number = self.chooser.choose()
            if 0 <= number < count:
                return members[number]
        by_cpu = False
        for member in members:
            if member.incoming_cpu >= 0:
                by_cpu = True
                break
        first: Endpoint | None = None
        index = hash * count >> 32
        for _ in range(count):
            member = members[index]
            if member.state != ESTABLISHED:
                if not by_cpu or member.incoming_cpu == cpu:
                    return member
                if first is None:
                    first = member
            index += 1
            if index == count:
                index = 0
        return first


def join_group(endpoint: Endpoint, others: list[Endpoint]) -> None:
    """Put ``endpoint`` into the group of the first of ``others`` it belongs with, or a new one.

    ``others`` hold the same port. One that set SO_REUSEPORT too late to be in a group gets one.
    """
    for other in others:
        if (
            other is not endpoint
            and other.reuse_port
            and other.family == endpoint.family
            and other.v6only == endpoint.v6only
            and other.device == endpoint.device
            and other.uid == endpoint.uid
            and other.local == endpoint.local
        ):
            group = other.group
            if group is None:
                group = ReuseportGroup()
                group.add(other)
            group.add(endpoint)
            endpoint.chooser = None
            return
    group = ReuseportGroup()
    group.chooser = endpoint.chooser
    endpoint.chooser = None
    group.add(endpoint)
