"""Files of /proc/net have the lines, columns and widths of the live kernel's."""

import re
from pathlib import Path

import pytest

from fourtuple import Network

NAMES = [
    "arp",
    "snmp",
    "netstat",
    "snmp6",
    "igmp",
    "igmp6",
    "ipv6_route",
    "sockstat",
    "sockstat6",
    "dev_mcast",
    *(f"{protocol}{suffix}" for protocol in ("tcp", "udp", "udplite", "raw", "icmp") for suffix in ("", "6")),
    "packet",
    "netlink",
]


@pytest.fixture(scope="module")
def simulated():
    def program():
        import socket
        import struct
        import time

        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.sendto(b"x", ("10.0.0.2", 9))
        sender.setsockopt(
            socket.IPPROTO_IP,
            socket.IP_ADD_MEMBERSHIP,
            struct.pack("4s4s", socket.inet_aton("239.1.2.3"), socket.inet_aton("10.0.0.1")),
        )
        time.sleep(1)
        listener = socket.create_server(("127.0.0.1", 80))
        with socket.create_connection(("127.0.0.1", 80)), listener.accept()[0]:
            return {name: Path("/proc/net", name).read_text() for name in NAMES}

    with Network(seed=1) as network:
        host = network.host("a", address=["10.0.0.1/24", "fd00::1/64"])
        network.host("b", address=["10.0.0.2/24", "fd00::2/64"])
        network.link("a", "b", latency="1ms")
        process = host.spawn(program, start="5s")
        network.run()
        return process.result


@pytest.mark.parametrize("name", ["snmp", "netstat"])
def test_columns_are_the_live_kernels(simulated, name):
    def heads(text):
        lines = text.splitlines()[::2]
        wanted = ("Ip", "Icmp", "Tcp", "Udp", "UdpLite", "TcpExt", "IpExt")
        return [line for line in lines if line.partition(":")[0] in wanted]

    live = Path("/proc/net", name)
    assert heads(simulated[name]) == heads(live.read_text())


def test_snmp6_has_the_live_kernels_lines(simulated):
    def names(text):
        return [line.split()[0] for line in text.splitlines() if not re.match("Icmp6(In|Out)Type", line)]

    assert names(simulated["snmp6"]) == names(Path("/proc/net/snmp6").read_text())
    assert re.fullmatch(r"Ip6InReceives {19}\t\d+", simulated["snmp6"].splitlines()[0])


@pytest.mark.parametrize("name", ["igmp6", "ipv6_route", "dev_mcast"])
def test_widths_are_the_live_kernels(simulated, name):
    live = Path("/proc/net", name).read_text().splitlines()
    if not live:
        pytest.skip("the live kernel's is empty")
    mine = simulated[name].splitlines()
    assert mine
    assert {len(line.split()) for line in mine} == {len(line.split()) for line in live}
    columns = {
        "igmp6": r"\d+ +\w+ +[0-9a-f]{32} +\d+ [0-9A-F]{8} \d+",
        "ipv6_route": r"([0-9a-f]{32} [0-9a-f]{2} ){2}[0-9a-f]{32}( [0-9a-f]{8}){4} +\w+",
        "dev_mcast": r"\d+ +\w+ +\d+ +\d+ +[0-9a-f]{12}",
    }[name]
    for line in mine + live:
        assert re.fullmatch(columns, line)


def test_what_they_say(simulated):
    arp = simulated["arp"].splitlines()
    assert arp[0] == "IP address       HW type     Flags       HW address            Mask     Device"
    assert re.fullmatch(
        r"10\.0\.0\.2         0x1         0x2         02:00:00:00:02:00     \*        eth0", arp[1]
    )
    assert "\t\t\t\t030201EF     1 0:00000000\t\t0" in simulated["igmp"]
    assert "2    eth0            1     0     01005e010203\n" in simulated["dev_mcast"]
    snmp = simulated["snmp"].splitlines()
    tcp = dict(zip(snmp[4].split()[1:], snmp[5].split()[1:], strict=True))
    assert (tcp["ActiveOpens"], tcp["PassiveOpens"], tcp["CurrEstab"]) == ("1", "1", "2")
    assert "TCP: inuse 3 orphan 0 tw 0 alloc 3 mem 0" in simulated["sockstat"]


@pytest.mark.parametrize("name", NAMES[NAMES.index("tcp") :])
def test_heads_of_socket_tables_are_the_live_kernels(simulated, name):
    with Path("/proc/net", name).open() as live:
        assert simulated[name].split("\n")[0] == live.readline().rstrip("\n")
