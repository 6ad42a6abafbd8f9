"""Host names, service names and addresses, answered as glibc behind CPython answers."""

import _socket
import socket
import time

import pytest

from fourtuple.shim.socket_address_order import sort_addresses
from fourtuple.wire.address import parse_ip

S = socket

# Answers that hang on nothing but the call: the same outside and inside.
SAME_AS_OUTSIDE = [
    "S.getaddrinfo('127.0.0.1', 80)",
    "S.getaddrinfo('127.0.0.1', 'http')",
    "S.getaddrinfo('127.0.0.1', 'http', 0, S.SOCK_DGRAM)",
    "S.getaddrinfo('127.0.0.1', 'domain')",
    "S.getaddrinfo('127.0.0.1', 'nosuch')",
    "S.getaddrinfo('127.0.0.1', b'http', 0, 1)",
    "S.getaddrinfo('127.0.0.1', 'ntp')",
    "S.getaddrinfo('::1', 80)",
    "S.getaddrinfo('::1', 80, S.AF_INET)",
    "S.getaddrinfo('127.0.0.1', 80, S.AF_INET6)",
    "S.getaddrinfo('127.0.0.1', 80, S.AF_INET6, 1, 0, S.AI_V4MAPPED)",
    "S.getaddrinfo('localhost', 80, S.AF_INET, 1)",
    "S.getaddrinfo('LOCALHOST', 80, S.AF_INET, 1, 0, S.AI_CANONNAME)",
    "S.getaddrinfo('', 80)",
    "S.getaddrinfo('', None)",
    "S.getaddrinfo(None, None)",
    "S.getaddrinfo(None, 80, S.AF_INET)",
    "S.getaddrinfo(None, '', S.AF_INET6, 1)",
    "S.getaddrinfo(None, 80, S.AF_INET, 1, 6, S.AI_PASSIVE)",
    "S.getaddrinfo(None, 80, S.AF_INET6, 1, 6, S.AI_PASSIVE)",
    "S.getaddrinfo(None, 80, 0, 1, 0, S.AI_CANONNAME)",
    "S.getaddrinfo('*', 80, S.AF_INET, 1)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 1, 0, S.AI_CANONNAME)",
    "S.getaddrinfo('localhost', 80, 0, 1, 0, S.AI_NUMERICHOST)",
    "S.getaddrinfo('127.0.0.1', 'http', 0, 1, 0, S.AI_NUMERICSERV)",
    "S.getaddrinfo('127.0.0.1', '80', 0, 1, 0, S.AI_NUMERICSERV)",
    "S.getaddrinfo('127.0.0.1', '70000', 0, 1)",
    "S.getaddrinfo('127.0.0.1', '-1', 0, 1)",
    "S.getaddrinfo('127.0.0.1', '+80', 0, 1)",
    "S.getaddrinfo('127.0.0.1', ' 80', 0, 1)",
    "S.getaddrinfo('127.0.0.1', '80abc', 0, 1)",
    "S.getaddrinfo('127.0.0.1', -1, 0, 1)",
    "S.getaddrinfo('127.0.0.1', 70000, 0, 1)",
    "S.getaddrinfo('127.0.0.1', 80, 77)",
    "S.getaddrinfo('127.0.0.1', 80, S.AF_UNIX)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 77)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 1, 17)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 0, 6)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 0, 17)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 0, 77)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 3)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 5)",
    "S.getaddrinfo('127.0.0.1', None, 0, 3, 1)",
    "S.getaddrinfo('127.0.0.1', 80, 0, 0, 0, 0x8000000)",
    "S.getaddrinfo('fe80::1%lo', 80, 0, 1)",
    "S.getaddrinfo('fe80::1%1', 80, 0, 1)",
    "S.getaddrinfo('fe80::1%zz', 80, 0, 1)",
    "S.getaddrinfo('fe80::1%999', 80, 0, 1)",
    "S.getaddrinfo('::1%lo', 80, 0, 1)",
    "S.getaddrinfo('127.1', 80, 0, 1, 0, S.AI_CANONNAME)",
    "S.getaddrinfo('0x7f.1', 80, 0, 1)",
    "S.getaddrinfo('127.0.0.1 ', 80, 0, 1)",
    "S.getaddrinfo('256.1.1.1', 80, 0, 1)",
    "S.getaddrinfo('::ffff:1.2.3.4', 80, 0, 1)",
    "S.getaddrinfo('::ffff:1.2.3.4', 80, 2, 1)",
    "S.getaddrinfo('nosuch.invalid', 80)",
    "S.getaddrinfo('a' * 64 + '.com', 80)",
    "S.getaddrinfo('a..b', 80)",
    "S.getaddrinfo('ü.invalid', 80)",
    "S.getaddrinfo(5, 80)",
    "S.getaddrinfo('127.0.0.1', 1.5)",
    "S.gethostbyname('localhost')",
    "S.gethostbyname('127.1')",
    "S.gethostbyname('')",
    "S.gethostbyname('<broadcast>')",
    "S.gethostbyname('::1')",
    "S.gethostbyname('nosuch.invalid')",
    "S.gethostbyname(5)",
    "S.gethostbyname_ex('127.1')",
    "S.gethostbyname_ex('nosuch.invalid')",
    "S.gethostbyaddr('127.0.0.1')",
    "S.gethostbyaddr('192.0.2.77')",
    "S.gethostbyaddr('nosuch.invalid')",
    "S.gethostbyaddr('')",
    "S.gethostbyaddr(5)",
    "S.gethostbyaddr('::ffff:127.0.0.1')",
    "S.getnameinfo(('127.0.0.1', 80), 0)",
    "S.getnameinfo(('127.0.0.1', 80), S.NI_NUMERICHOST)",
    "S.getnameinfo(('127.0.0.1', 80), S.NI_NUMERICSERV)",
    "S.getnameinfo(('127.0.0.1', 80), S.NI_NAMEREQD | S.NI_NUMERICHOST)",
    "S.getnameinfo(('192.0.2.77', 53), S.NI_NAMEREQD)",
    "S.getnameinfo(('192.0.2.77', 514), S.NI_DGRAM)",
    "S.getnameinfo(('192.0.2.77', 514), 0)",
    "S.getnameinfo(('192.0.2.77', 61234), 0)",
    "S.getnameinfo(('localhost', 80), 0)",
    "S.getnameinfo(('fe80::1', 80, 0, 1), S.NI_NUMERICHOST)",
    "S.getnameinfo(('fe80::1', 80, 0, 99), S.NI_NUMERICHOST)",
    "S.getnameinfo(('::ffff:127.0.0.1', 80), 0)",
    "S.getnameinfo(('127.0.0.1', -1), 0)",
    "S.getnameinfo(('127.0.0.1', 70000), 3)",
    "S.getnameinfo(('127.0.0.1',), 0)",
    "S.getnameinfo('x', 0)",
    "S.getnameinfo(('127.0.0.1', 80, 0, 0), 0)",
    "S.getnameinfo(('::1', 80, 1 << 20, 0), 0)",
    "S.getnameinfo(('127.0.0.1', 80), 1 << 10)",
    "S.getnameinfo(('127.0.0.1', 'http'), 0)",
    "S.getservbyname('http')",
    "S.getservbyname('http', 'udp')",
    "S.getservbyname('www', 'tcp')",
    "S.getservbyname('nosuch')",
    "S.getservbyport(80)",
    "S.getservbyport(514, 'udp')",
    "S.getservbyport(80, 'udp')",
    "S.getservbyport(70000)",
    "S.getservbyport('x')",
    "S.getprotobyname('tcp')",
    "S.getprotobyname('UDP')",
    "S.getprotobyname('ipv6-icmp')",
    "S.getprotobyname('nosuch')",
]


def evaluate(text: str) -> object:
    try:
        return eval(text)
    except Exception as error:
        return type(error), error.args


@pytest.mark.parametrize("text", SAME_AS_OUTSIDE)
def test_call_answers_as_outside(world, text):
    expected = evaluate(text)
    assert world.call(evaluate, text) == expected


@pytest.fixture
def named(world):
    """A world whose network knows three names, the second an alias of the first."""
    world.kernel().names.update(
        {
            "Server": [parse_ip("10.0.0.1")],
            "www": [parse_ip("10.0.0.1")],
            "client.example": [parse_ip("10.0.0.2"), parse_ip("2001:db8::2")],
        }
    )
    return world


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S.gethostbyname('server')", "10.0.0.1"),
        ("S.gethostbyname('WWW.')", "10.0.0.1"),
        ("S.gethostbyname_ex('www')", ("www", ["Server"], ["10.0.0.1"])),
        ("S.gethostbyname_ex('client.example')[2]", ["10.0.0.2"]),
        ("S.gethostbyaddr('10.0.0.1')", ("Server", ["www"], ["10.0.0.1"])),
        ("S.gethostbyaddr('www')", ("Server", ["www"], ["10.0.0.1"])),
        ("S.gethostbyaddr('2001:db8::2')[0]", "client.example"),
        ("S.getfqdn('10.0.0.2')", "client.example"),
        ("S.getfqdn('192.0.2.1')", "192.0.2.1"),
        ("S.getnameinfo(('10.0.0.1', 80), 0)", ("Server", "http")),
        ("S.getaddrinfo('www', 80, 0, 1, 0, S.AI_CANONNAME)[0][3:]", ("www", ("10.0.0.1", 80))),
        (
            "[info[4][0] for info in S.getaddrinfo('client.example', 80, type=1)]",
            ["2001:db8::2", "10.0.0.2"],
        ),
        (
            "[info[4][0] for info in S.getaddrinfo('client.example', 80, 10, 1, 0, 0x18)]",
            ["2001:db8::2", "::ffff:10.0.0.2"],
        ),
        ("S.getaddrinfo('server', 80, S.AF_INET6)", (S.gaierror, (-2, "Name or service not known"))),
    ],
)
def test_name_of_the_network_is_known(named, text, expected):
    assert named.call(evaluate, text) == expected


def test_own_name_stands_for_the_own_addresses(world):
    stack = world.kernel().stack
    stack.add_address(stack.interfaces[0], parse_ip("10.9.9.9"), 32)

    def program():
        return socket.gethostname(), socket.gethostbyname("ALPHA"), socket.getfqdn()

    assert world.call(program) == ("alpha", "10.9.9.9", "alpha")


def test_own_name_without_an_address_is_the_loopback(world):
    assert world.call(lambda: socket.gethostbyname(socket.gethostname())) == "127.0.0.1"


def test_localhost_has_an_address_of_each_family_the_first_of_ipv6(world):
    def program():
        infos = socket.getaddrinfo("localhost", 80, 0, socket.SOCK_STREAM)
        return [info[4][0] for info in infos], socket.gethostbyname("localhost")

    assert world.call(program) == (["::1", "127.0.0.1"], "127.0.0.1")


def test_connection_to_localhost_waits_for_no_other_address(world):
    def program():
        with socket.create_server(("localhost", 9000)):
            socket.create_connection(("localhost", 9000)).close()
        return time.monotonic() < 0.001

    assert world.call(program) is True


def test_address_config_narrows_to_families_the_host_has(world):
    stack = world.kernel().stack
    stack.add_address(stack.interfaces[0], parse_ip("10.9.9.9"), 32)

    def program():
        flags = socket.AI_ADDRCONFIG
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(None, 80, socket.AF_INET6, 1, 0, flags)
        return [info[4] for info in socket.getaddrinfo(None, 80, 0, 1, 0, flags)]

    assert world.call(program) == [("127.0.0.1", 80)]


def test_interfaces_are_those_of_the_host(world):
    assert world.call(socket.if_nameindex) == [(1, "lo")]


class FakeRoute:
    def __init__(self, source):
        self.source = source


class FakeKernel:
    """A host with these sources by destination; what is missing cannot be reached."""

    def __init__(self, sources):
        self.sources = {parse_ip(one): parse_ip(other) for one, other in sources.items()}
        self.stack = self

    def is_local(self, address):
        return False

    def route(self, destination, source, device):
        found = self.sources.get(destination)
        return None if found is None else FakeRoute(found)


# RFC 6724 §10.2, the rules in order.
@pytest.mark.parametrize(
    ("sources", "given", "first"),
    [
        ({"10.0.0.1": "10.0.0.9"}, ["2001:db8::1", "10.0.0.1"], "10.0.0.1"),
        ({"fe80::1": "2001:db8::9", "10.0.0.1": "10.0.0.9"}, ["fe80::1", "10.0.0.1"], "10.0.0.1"),
        ({"2002:1::1": "2001:db8::9", "10.0.0.1": "10.0.0.9"}, ["2002:1::1", "10.0.0.1"], "10.0.0.1"),
        ({"2001:db8::1": "2001:db8::9", "10.0.0.1": "10.0.0.9"}, ["10.0.0.1", "2001:db8::1"], "2001:db8::1"),
        ({"2001:db8::1": "2001:db8::9", "fe80::1": "fe80::9"}, ["2001:db8::1", "fe80::1"], "fe80::1"),
        (
            {"2001:db8:1::1": "2001:db8:2::9", "2001:db8:2::1": "2001:db8:2::9"},
            ["2001:db8:1::1", "2001:db8:2::1"],
            "2001:db8:2::1",
        ),
        ({"10.0.0.2": "10.0.0.9", "10.0.0.1": "10.0.0.9"}, ["10.0.0.2", "10.0.0.1"], "10.0.0.2"),
    ],
)
def test_best_address_to_connect_to_comes_first(sources, given, first):
    entries = [(0, parse_ip(text), 0) for text in given]
    assert sort_addresses(FakeKernel(sources), entries)[0][1] == parse_ip(first)


def test_interface_index_beyond_an_int_is_refused_as_cpython_does(world):
    def program():
        outcomes = []
        for number in (0, -1, 2**32, 2**32 + 1, 2**64, 2**1000):
            try:
                outcomes.append(socket.if_indextoname(number))
            except (OSError, OverflowError) as error:
                outcomes.append(str(error))
        return outcomes

    assert world.call(program) == program()


def test_type_of_sockets_is_immutable_as_the_real_one():
    with pytest.raises(TypeError, match="immutable type"):
        _socket.socket.foo = 1
