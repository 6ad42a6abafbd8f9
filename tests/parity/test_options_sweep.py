"""Every option number over thirteen kinds of socket, set and read in several shapes: errno and value equal
the live kernel's, but for what is listed here."""

import platform
from typing import Any

import pytest
from parity_options_sweep import KINDS, READS, SHAPES, sweep
from parity_programs import on_a_simulated_host, privileged

from fourtuple.kernel.sockopt_table import OPTIONS, REFUSED

# The numbers of options grow from kernel to kernel: the lists below are of this one.
RELEASE = "6.18"

MACHINES = {
    (1, 7): "the limit is this machine's net.core.wmem_max",
    (1, 8): "the limit is this machine's net.core.rmem_max",
    (1, 18): "the limit is this machine's net.ipv4.tcp_rmem",
    (1, 55): "what buffers hold is this machine's",
    (1, 57): "each socket has its own number",
    (6, 11): "times and windows are of this machine's settings",
    (6, 13): "the default is this machine's net.ipv4.tcp_congestion_control",
    (6, 26): "of that congestion control",
}
"""Values that no two machines share; what errors they give is compared."""

DESCRIPTORS = {(1, 50), (1, 52)}
"""SO_ATTACH_BPF and its kin take a descriptor: EBADF or EINVAL by what is open."""

JUSTIFIED = {
    (0, 49): "one flag serves both families here; Linux has it off for IPv4 of an AF_INET6 socket",
    (41, 7): "a value too short is told of before the kind of socket that has no such option",
    (41, 36): "as IPV6_CHECKSUM",
    (41, 54): "TCP sends no extension headers here",
    (41, 55): "as IPV6_HOPOPTS",
    (41, 59): "as IPV6_HOPOPTS",
    (270, 9): "Linux gives nothing before the first group is joined, here none of them",
}
"""Options that differ, and why they may."""

NOT_HERE: dict[int, list[int]] = {
    1: [28, 45, 53, 59, 61, 71, 72, 73, 75, 80, 82, 83, 84],
    0: [4, 5, 6, 7, 9, 16, 17, 18, 22, 23, 25, 26, 41, 48, 52],
    6: [14, 19, 20, 21, 22, 24, 29, 31, 32, 35, 37],
    17: [100, 101, 102],
    263: [5, 7, 10, 11, 12, 13, 14, 15, 17, 19, 21, 22, 24],
}
"""Options of Linux that docs/socket-options.md refuses or does not list: peer names, IP options, IPsec,
netfilter, routers, TCP_REPAIR, MD5, ULPs, encapsulation, rings, checks of eBPF and the like."""
NOT_HERE[41] = [1, 2, 3, 4, 5, 6, 8, 22, 27, 28, 30, 31, 32, 34, 35, 48, 50, 64, 65, 68, 69, 72]
NOT_HERE[41] += [77, 80]

REFUSES = ("ENOPROTOOPT", "EOPNOTSUPP", "ENOTSUP", "EINVAL")


def told(found: list[Any], values: bool) -> list[Any]:
    """``found`` with, or without, the values in it."""
    if values:
        return found
    reads = [one if isinstance(one, str) else "" for one in found[: len(READS)]]
    return reads + [(code, got if isinstance(got, str) else "") for code, got in found[len(READS) :]]


@pytest.mark.slow
@privileged
@pytest.mark.skipif(not platform.release().startswith(RELEASE), reason=f"the lists are of Linux {RELEASE}")
def test_every_option_of_every_kind_of_socket() -> None:
    kinds = list(KINDS)
    linux = sweep(kinds)
    ours = on_a_simulated_host(lambda: sweep(kinds))
    refused = {(one.level, one.name) for one in OPTIONS if one.status == REFUSED}
    listed = {(one.level, one.name) for one in OPTIONS}
    differing: dict[tuple[int, int], list[str]] = {}
    for key in linux:
        level, number = map(int, key.split()[1:])
        option = (level, number)
        if option in DESCRIPTORS:
            continue
        values = option not in MACHINES
        mine, theirs = told(ours[key], values), told(linux[key], values)
        if mine != theirs:
            differing.setdefault(option, []).append(f"{key}: {mine} and on Linux {theirs}")
    wrong = []
    absent = set()
    for option, lines in differing.items():
        if option in refused or option not in listed:
            absent.add(option)
            for key in (line.split(":")[0] for line in lines):
                if any(not isinstance(one, str) for one in ours[key][: len(READS)]):
                    wrong.append(f"{key} is read here, without being listed")
                if any(code not in REFUSES for code, _ in ours[key][len(READS) :]):
                    wrong.append(f"{key} is set here, without being listed")
        elif option not in JUSTIFIED:
            wrong += lines
    assert wrong == []
    assert absent == {(level, number) for level, numbers in NOT_HERE.items() for number in numbers}
    assert set(JUSTIFIED) == {option for option in differing if option not in absent}
    assert len(linux) * (len(READS) + len(SHAPES)) > 60_000
