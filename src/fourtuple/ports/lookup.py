"""Scores of candidates, and the walk over a list of them: who gets a packet.

Linux ``inet_lhash2_lookup``/``compute_score`` for listeners, ``udp4_lib_lookup2`` for UDP, and
their IPv6 twins. The lists hold the sockets of one address and port, newest first.
"""

from __future__ import annotations

from ..wire.address import V4_ANY, V4_BASE, V4_LAST, V6_ANY
from .endpoint import AF_INET, AF_INET6, ESTABLISHED, Endpoint
from .hashing import flow_hash
from .reason import LEADS, LOSES, NO_MATCH, WINS, Reasons
from .settings import PortSettings


def pack_address(address: int, port: int) -> int:
    """Key of the list of one local address and port; 0.0.0.0 and ``::`` share one."""
    return port if address == V4_ANY else address << 16 | port


def listener_score(endpoint: Endpoint, v4: bool, ifindex: int, cpu: int) -> int:
    """How well a listener of the right address and port suits a packet; -1: not at all."""
    if v4:
        if endpoint.v6only:
            return -1
        score = 2 if endpoint.family == AF_INET else 1
    else:
        if endpoint.family != AF_INET6 or endpoint.local == V4_ANY:
            return -1
        score = 1
    if endpoint.device != 0:
        if endpoint.device != ifindex:
            return -1
        score += 1
    if endpoint.incoming_cpu == cpu:
        score += 1
    return score


def udp_score(endpoint: Endpoint, v4: bool, source: int, source_port: int, ifindex: int, cpu: int) -> int:
    """How well a UDP socket of the right address and port suits a datagram; -1: not at all."""
    if v4:
        if endpoint.v6only:
            return -1
        score = 2 if endpoint.family == AF_INET else 1
        step = 4
    else:
        if endpoint.family != AF_INET6 or endpoint.local == V4_ANY:
            return -1
        score = 0
        step = 1
    # A disconnected AF_INET6 socket still has a peer address, which only IPv6 looks at.
    if endpoint.peer_port != 0 or not (v4 or endpoint.peer == V6_ANY):
        if endpoint.peer != source:
            return -1
        score += step
    if endpoint.peer_port != 0:
        if endpoint.peer_port != source_port:
            return -1
        score += step
    if endpoint.device != 0:
        if endpoint.device != ifindex:
            return -1
        score += step
    if endpoint.incoming_cpu == cpu:
        score += 1
    return score


def mismatch_text(endpoint: Endpoint, v4: bool, source: int, source_port: int, ifindex: int) -> str:
    """In words, why a candidate of the right address and port cannot take the packet."""
    if v4 and endpoint.v6only:
        return "IPV6_V6ONLY keeps IPv4 away"
    if not v4 and (endpoint.family != AF_INET6 or endpoint.local == V4_ANY):
        return "receives IPv4 only"
    if endpoint.peer_port != 0 and (endpoint.peer != source or endpoint.peer_port != source_port):
        return "connected to another peer"
    if not v4 and endpoint.peer_port == 0 and endpoint.peer != V6_ANY and endpoint.peer != source:
        return "was connected to another address and disconnected, which Linux does not reset for IPv6"
    if endpoint.device != 0 and endpoint.device != ifindex:
        return f"bound to device {endpoint.device}, the packet came in on {ifindex}"
    return "does not match"


def walk_listeners(
    listeners: list[Endpoint],
    source: int,
    source_port: int,
    destination: int,
    destination_port: int,
    ifindex: int,
    settings: PortSettings,
    why: Reasons | None,
) -> Endpoint | None:
    """The listener of one list that gets a SYN.

    A higher score wins, of equals the one that called listen() last; but as soon as the best so
    far is in a SO_REUSEPORT group, its group gets the packet, whatever comes later.
    """
    v4 = V4_BASE <= destination <= V4_LAST
    cpu = settings.cpu
    best: Endpoint | None = None
    high = 0
    for endpoint in listeners:
        score = listener_score(endpoint, v4, ifindex, cpu)
        if score <= high:
            if why is not None:
                if score < 0:
                    text = mismatch_text(endpoint, v4, source, source_port, ifindex)
                    why.add("tcp.listener", text, endpoint, NO_MATCH, score)
                else:
                    text = f"score {score} is no better than {high} of one that called listen() later"
                    why.add("tcp.listener", text, endpoint, LOSES, score)
            continue
        if endpoint.reuse_port and settings.rules.reuseport_at_once:
            chosen = select_member(endpoint, source, source_port, destination, destination_port, settings)
            if chosen is not None:
                if why is not None:
                    explain_group(endpoint, chosen, score, why)
                return chosen
        if why is not None:
            why.add("tcp.listener", f"score {score}, best so far", endpoint, LEADS, score)
        best = endpoint
        high = score
    if best is not None and not settings.rules.reuseport_at_once and best.reuse_port:
        chosen = select_member(best, source, source_port, destination, destination_port, settings)
        if chosen is not None:
            return chosen
    if why is not None and best is not None:
        why.add("tcp.listener", f"highest score, {high}", best, WINS, high)
    return best


def walk_udp(
    sockets: list[Endpoint],
    source: int,
    source_port: int,
    destination: int,
    destination_port: int,
    ifindex: int,
    settings: PortSettings,
    why: Reasons | None,
) -> Endpoint | None:
    """The UDP socket of one list that gets a datagram; the caller tells a connected one apart."""
    v4 = V4_BASE <= destination <= V4_LAST
    cpu = settings.cpu
    best: Endpoint | None = None
    high = 0 if v4 else -1
    for endpoint in sockets:
        score = udp_score(endpoint, v4, source, source_port, ifindex, cpu)
        if score <= high:
            if why is not None:
                if score < 0:
                    text = mismatch_text(endpoint, v4, source, source_port, ifindex)
                    why.add("udp.socket", text, endpoint, NO_MATCH, score)
                else:
                    text = f"score {score} is no better than {high} of one bound or connected later"
                    why.add("udp.socket", text, endpoint, LOSES, score)
            continue
        high = score
        best = endpoint
        if endpoint.state != ESTABLISHED:
            group = endpoint.group
            if group is not None and endpoint.reuse_port:
                chosen = select_member(endpoint, source, source_port, destination, destination_port, settings)
                if chosen is not None:
                    if not group.has_connections:
                        if why is not None:
                            explain_group(endpoint, chosen, score, why)
                        return chosen
                    best = chosen
                    rescored = udp_score(chosen, v4, source, source_port, ifindex, cpu)
                    if rescored > high:
                        high = rescored
        if why is not None:
            why.add("udp.socket", f"score {score}, best so far", best, LEADS, high)
    if why is not None and best is not None:
        why.add("udp.socket", f"highest score, {high}", best, WINS, high)
    return best


def select_member(
    endpoint: Endpoint,
    source: int,
    source_port: int,
    destination: int,
    destination_port: int,
    settings: PortSettings,
) -> Endpoint | None:
    """The member of ``endpoint``'s group the packet's hash picks; None without a group."""
    group = endpoint.group
    if group is None:
        return None
    members = group.members
    if len(members) == 1 and members[0].state != ESTABLISHED:
        return members[0]
    hash = flow_hash(settings.secret, source, source_port, destination, destination_port)
    return group.select(hash, settings.cpu)


def explain_group(endpoint: Endpoint, chosen: Endpoint, score: int, why: Reasons) -> None:
    """Record that a group ended the search, its losers and its winner."""
    group = endpoint.group
    if group is None:
        return
    count = len(group.members)
    why.add(
        "reuseport.group",
        f"score {score}; its group of {count} gets the packet at once",
        endpoint,
        LEADS,
        score,
    )
    for member in group.members:
        if member is not chosen:
            text = "connected" if member.state == ESTABLISHED else "the packet's hash picks another member"
            why.add("reuseport.group", text, member, LOSES, score)
    why.add("reuseport.group", "the packet's hash picks this member", chosen, WINS, score)
