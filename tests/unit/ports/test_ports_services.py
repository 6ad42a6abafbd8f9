"""Names of services."""

import pytest

from fourtuple.ports.services import getservbyname, getservbyport, range_of, services


@pytest.mark.parametrize(
    ("name", "protocol", "port"),
    [
        ("ssh", "tcp", 22),
        ("domain", "udp", 53),
        ("http", "", 80),
        ("www", "tcp", 80),
        ("https", "tcp", 443),
        ("redis", "", 6379),
        ("ssh", "udp", -1),
        ("no-such-service", "", -1),
    ],
)
def test_getservbyname(name, protocol, port):
    assert getservbyname(name, protocol) == port


@pytest.mark.parametrize(
    ("port", "protocol", "name"),
    [(22, "tcp", "ssh"), (53, "", "domain"), (80, "tcp", "http"), (22, "udp", ""), (50_000, "", "")],
)
def test_getservbyport(port, protocol, name):
    assert getservbyport(port, protocol) == name


def test_a_services_own_name_comes_before_anothers_alias():
    assert getservbyname("dicom", "tcp") == 11_112


@pytest.mark.parametrize(
    ("port", "name"),
    [
        (0, "well-known"),
        (1023, "well-known"),
        (1024, "registered"),
        (49_151, "registered"),
        (49_152, "dynamic"),
        (65_535, "dynamic"),
    ],
)
def test_range_of(port, name):
    assert range_of(port) == name


@pytest.mark.parametrize("port", [-1, 65_536])
def test_port_out_of_range(port):
    with pytest.raises(ValueError, match=str(port)):
        range_of(port)
    with pytest.raises(ValueError, match=str(port)):
        getservbyport(port, "")


def test_registry_covers_the_three_ranges_in_order():
    ports = [service.port for service in services()]
    assert ports == sorted(ports)
    assert len(ports) > 250
    assert {range_of(port) for port in ports} == {"well-known", "registered", "dynamic"}
    assert all(set(service.protocols) <= {"tcp", "udp"} and service.protocols for service in services())
