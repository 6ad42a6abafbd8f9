"""getaddrinfo and its kin asking name servers by packets.

What is asked, how long it takes and what comes of it was recorded from glibc 2.36 on Linux in a network
namespace, against the same server.
"""

import errno
import resource
import socket
import struct
import threading
import time

import pytest

from fourtuple import Network
from fourtuple.wire.dns import (
    FLAG_RA,
    FLAG_TC,
    TYPE_A,
    TYPE_AAAA,
    TYPE_CNAME,
    TYPE_PTR,
    DnsRecord,
    build_response,
    encode_name,
    parse_query,
)

V4, V6 = bytes([10, 1, 1, 1]), socket.inet_pton(socket.AF_INET6, "fd00::9")
BOTH = [("fd00::9", 10), ("10.1.1.1", 2)]
FOUR = [("10.1.1.1", 2)]
AGAIN = (-3, "Temporary failure in name resolution")
NONAME = (-2, "Name or service not known")
NODATA = (-5, "No address associated with hostname")


def answer(query, how, times):
    """(rcode, records, truncated), or None for silence, as the first label of the name asks for."""
    name = query.name
    kind = name.split(".")[0].lower()
    four = query.qtype == TYPE_A
    good = (0, [DnsRecord(name, query.qtype, 60, V4 if four else V6)], False)
    bad = {"servfail": 2, "refused": 5, "formerr": 1}
    if kind in bad:
        return bad[kind], [], False
    if kind == "drop" or (kind, four) in (("no4", True), ("no6", False)):
        return None
    if (kind, four, times) == ("no6once", False, 1):
        return None
    if (kind, four) in (("sf4", True), ("sf6", False)):
        return 2, [], False
    if kind == "empty" or (kind, four) == ("v4only", False):
        return 0, [], False
    if kind == "tc":
        return 0, good[1], how == "udp"
    if kind == "alias":
        records = [DnsRecord(name, TYPE_CNAME, 60, encode_name("real.lab.test"))]
        return 0, records + ([DnsRecord("real.lab.test", TYPE_A, 60, V4)] if four else []), False
    if query.qtype == TYPE_PTR:
        number = name.split(".")[0]
        if number == "9":
            return None
        if number == "8":
            return 2, [], False
        found = [DnsRecord(name, TYPE_PTR, 60, encode_name("four.lab.test"))]
        return (0, found, False) if number == "4" else (3, [], False)
    fully = kind in ("no4", "no6", "no6once", "sf4", "sf6", "v4only")
    return good if fully or name.lower() == "web.lab.test" else (3, [], False)


class Server:
    """What name servers do, and a note of what each was asked when."""

    def __init__(self):
        self.asked = []

    def reply(self, data, how, where):
        query = parse_query(data)
        kind = {TYPE_A: "A", TYPE_AAAA: "AAAA", TYPE_PTR: "PTR"}[query.qtype]
        self.asked.append((round(time.monotonic(), 3), how, query.name, kind, where))
        times = sum((name, type) == (query.name, kind) for _, _, name, type, _ in self.asked)
        found = answer(query, how, times)
        if found is None:
            return b""
        rcode, records, truncated = found
        flags = FLAG_RA | (FLAG_TC if truncated else 0)
        return build_response(query, rcode, flags, [] if truncated else records, [], [], 60_000)

    def serve(self, where):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((where, 53))
            threading.Thread(target=self.streams, args=(where,), daemon=True).start()
            while True:
                data, address = sock.recvfrom(4096)
                sock.sendto(self.reply(data, "udp", where), address)

    def streams(self, where):
        listener = socket.create_server((where, 53))
        while True:
            with listener.accept()[0] as sock, sock.makefile("rb") as file:
                while len(head := file.read(2)) == 2:
                    made = self.reply(file.read(struct.unpack("!H", head)[0]), "tcp", where)
                    sock.sendall(struct.pack("!H", len(made)) + made)


def tried(call):
    try:
        return call()
    except OSError as error:
        return error.args


def lookup(name, family=0, flags=0):
    def call():
        found = socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM, 0, flags)
        return [(each[4][0], int(each[0])) for each in found]

    return call


def resolve(call, servers=("127.0.0.5",), up=("127.0.0.5",), prepare=lambda host: None, **options):
    """What ``call`` gives on a host, the seconds it took, and what servers were asked, without times."""
    server = Server()

    def program():
        before = time.monotonic()
        result = tried(call)
        return result, round(time.monotonic() - before, 1)

    with Network() as network:
        host = network.host("h", ["10.0.0.1", "fd00::1"])
        host.use_dns(*servers, **{"search": ["lab.test"], "timeout": 1, **options})
        prepare(host)
        for where in up:
            host.spawn(server.serve, where, daemon=True)
        process = host.spawn(program, start="1ms")
        network.run()
        assert process.exitcode == 0, process.stderr
        assert not [row for row in host.sockets() if row.holders], "sockets left open"
        return *process.result, [f"{how} {name} {kind}" for _, how, name, kind, _ in server.asked]


def pair(name, how="udp"):
    return [f"{how} {name} A", f"{how} {name} AAAA"]


@pytest.mark.parametrize(
    ("name", "result", "seconds", "asked"),
    [
        ("web", BOTH, 0, pair("web.lab.test")),
        ("WEB.lab.test", BOTH, 0, pair("WEB.lab.test")),
        ("web.", NONAME, 0, pair("web")),
        ("nope", NONAME, 0, pair("nope.lab.test") + pair("nope")),
        ("a.b.c", NONAME, 0, pair("a.b.c") + pair("a.b.c.lab.test")),
        ("-web", NONAME, 0, []),
        ("we b", NONAME, 0, []),
        ("v4only", FOUR, 0, pair("v4only.lab.test")),
        ("empty", NODATA, 0, pair("empty.lab.test") + pair("empty")),
        ("formerr", NONAME, 0, pair("formerr.lab.test") + pair("formerr")),
        ("servfail", AGAIN, 0, pair("servfail.lab.test") * 2 + pair("servfail") * 2),
        ("refused", AGAIN, 0, pair("refused.lab.test") * 2 + pair("refused") * 2),
        ("drop", AGAIN, 4, pair("drop.lab.test") * 2 + pair("drop") * 2),
        ("drop.", AGAIN, 2, pair("drop") * 2),
        ("sf6", FOUR, 0, pair("sf6.lab.test")),
        ("sf4", [("fd00::9", 10)], 0, pair("sf4.lab.test")),
        ("no6", FOUR, 3, pair("no6.lab.test") * 3),
        ("no6once", BOTH, 1, pair("no6once.lab.test") * 2),
        (
            "no4",
            AGAIN,
            5,
            [*pair("no4.lab.test"), *["udp no4.lab.test A"] * 2, *["udp no4 A"] * 2],
        ),
    ],
)
def test_questions_answers_and_time_are_glibcs(name, result, seconds, asked):
    assert resolve(lookup(name)) == (result, seconds, asked)


def test_a_truncated_answer_is_asked_for_again_by_tcp():
    result, _, asked = resolve(lookup("tc.lab.test."))
    assert result == BOTH
    assert sorted(asked) == sorted(pair("tc.lab.test") + pair("tc.lab.test", "tcp"))


@pytest.mark.parametrize(
    ("call", "result", "asked"),
    [
        (lookup("web", socket.AF_INET), FOUR, ["udp web.lab.test A"]),
        (lookup("v4only", socket.AF_INET6), NODATA, ["udp v4only.lab.test AAAA", "udp v4only AAAA"]),
        (
            lookup("v4only", socket.AF_INET6, socket.AI_V4MAPPED),
            [("::ffff:10.1.1.1", 10)],
            ["udp v4only.lab.test AAAA", "udp v4only AAAA", "udp v4only.lab.test A"],
        ),
        (
            lambda: socket.getaddrinfo("alias", 80, type=1, flags=socket.AI_CANONNAME)[0][3],
            "real.lab.test",
            pair("alias.lab.test"),
        ),
        (lambda: socket.gethostbyname("web"), "10.1.1.1", ["udp web.lab.test A"]),
        (
            lambda: socket.gethostbyname_ex("alias"),
            ("real.lab.test", ["alias.lab.test"], ["10.1.1.1"]),
            ["udp alias.lab.test A"] * 2,
        ),
        (
            lambda: socket.gethostbyaddr("1.2.3.4"),
            ("four.lab.test", [], ["1.2.3.4"]),
            ["udp 4.3.2.1.in-addr.arpa PTR"],
        ),
        (lambda: socket.gethostbyaddr("1.2.3.5"), (1, "Unknown host"), ["udp 5.3.2.1.in-addr.arpa PTR"]),
        (
            lambda: socket.gethostbyaddr("8.8.8.8"),
            (2, "Host name lookup failure"),
            ["udp 8.8.8.8.in-addr.arpa PTR"] * 2,
        ),
        (
            lambda: socket.getnameinfo(("1.2.3.5", 80), 0),
            ("1.2.3.5", "http"),
            ["udp 5.3.2.1.in-addr.arpa PTR"],
        ),
        (
            lambda: socket.getnameinfo(("1.2.3.9", 80), 0),
            AGAIN,
            ["udp 9.3.2.1.in-addr.arpa PTR"] * 2,
        ),
        (lambda: socket.getfqdn("1.2.3.4"), "four.lab.test", ["udp 4.3.2.1.in-addr.arpa PTR"]),
        (lambda: socket.gethostbyname("h"), "10.0.0.1", []),
        (lambda: socket.gethostbyname("localhost"), "127.0.0.1", []),
    ],
)
def test_families_aliases_and_reverse_questions(call, result, asked):
    assert resolve(call)[::2] == (result, asked)


@pytest.mark.parametrize(
    ("servers", "up", "timeout", "result", "seconds"),
    [
        # The first is deaf for one name, not there, beyond any route; the second knows it.
        (["127.0.0.5", "127.0.0.6"], ["127.0.0.6"], 2, BOTH, 0),
        (["192.168.0.9", "127.0.0.6"], ["127.0.0.6"], 2, BOTH, 0),
        (["10.0.0.77", "127.0.0.6"], ["127.0.0.6"], 2, BOTH, 2),
        (["192.168.0.9"], [], 2, AGAIN, 0),
        (["127.0.0.7"], [], 2, AGAIN, 0),
        ([], [], 2, AGAIN, 0),
    ],
)
def test_a_server_that_fails_is_followed_by_the_next(servers, up, timeout, result, seconds):
    found, took, _ = resolve(lookup("web.lab.test."), servers, up, timeout=timeout)
    assert (found, took) == (result, seconds)


def test_fewer_dots_than_ndots_are_looked_for_in_every_domain_first():
    _, _, asked = resolve(lookup("a.b"), search=["lab.test", "b.test"], ndots=2)
    assert asked == pair("a.b.lab.test") + pair("a.b.b.test") + pair("a.b")


def test_a_thread_that_lost_one_answer_of_two_asks_one_by_one_from_then_on():
    def twice():
        lookup("no6once.lab.test.")()
        before = time.monotonic()
        lookup("web.lab.test.")()
        return round(time.monotonic() - before, 3)

    assert resolve(twice)[0] == 0


def test_the_hosts_file_and_faults_come_first():
    def prepare(host):
        host.add_hosts_entry("10.9.9.9", "pinned")
        host.fail_names("broken.lab.test", "fatal")

    result = resolve(lookup("pinned"), prepare=prepare)
    assert result == ([("10.9.9.9", 2)], 0, [])
    assert resolve(lookup("broken.lab.test"), prepare=prepare)[::2] == (
        (-4, "Non-recoverable failure in name resolution"),
        [],
    )


def test_without_a_descriptor_there_is_no_question():
    def call():
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        return lookup("web")()

    assert resolve(call)[0][0] == errno.EMFILE


def test_answers_of_strangers_and_garbage_are_passed_over():
    def liar():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.5", 53))
            while True:
                data, address = sock.recvfrom(4096)
                query = parse_query(data)
                right = answer(query, "udp", 1)
                wrong_number = bytes([data[0] ^ 1]) + data[1:]
                false = [DnsRecord(query.name, query.qtype, 60, bytes(4 if query.qtype == TYPE_A else 16))]
                for forged in (
                    b"",
                    b"\xff" * 40,
                    data,
                    build_response(parse_query(wrong_number), 0, 0, false, [], [], 512),
                ):
                    sock.sendto(forged, address)
                sock.sendto(build_response(query, 0, 0, right[1], [], [], 512), address)

    with Network() as network:
        host = network.host("h", ["10.0.0.1", "fd00::1"])
        host.use_dns("127.0.0.5")
        host.spawn(liar, daemon=True)
        process = host.spawn(lookup("web.lab.test"), start="1ms")
        network.run()
        assert process.result == BOTH


# The network's own server


def test_the_networks_server_is_asked_over_links_that_lose():
    def program():
        before = time.monotonic()
        found = socket.gethostbyname("web")
        return found, time.monotonic() - before

    with Network() as network:
        ns, client = network.host("ns", "10.0.0.53"), network.host("client", "10.0.0.2")
        network.host("web", "10.0.0.3")
        link = network.link(ns, client, latency="5ms")
        network.dns(ns, domain="lab.test", ask=True)
        link.partition()
        network.at("7s", link.repair)
        process = client.spawn(program, start="1ms")
        network.run()
        found, took = process.result
        assert found == "10.0.0.3"
        # The second attempt, at 5 s, waits for ARP, which asks every second.
        assert took == pytest.approx(7.02)


def test_an_outage_is_a_temporary_failure_after_all_attempts():
    def program():
        before = time.monotonic()
        return tried(lambda: socket.create_connection(("web", 80), 3)), round(time.monotonic() - before)

    with Network() as network:
        ns, client = network.host("ns", "10.0.0.53"), network.host("client", "10.0.0.2")
        link = network.link(ns, client)
        network.dns(ns, ask=True)
        link.partition()
        process = client.spawn(program)
        network.run()
        assert process.result == (AGAIN, 10)


def test_a_long_answer_comes_whole():
    with Network() as network:
        ns, client = network.host("ns", "10.0.0.53"), network.host("client", "10.0.0.2")
        network.link(ns, client)
        server = network.dns(ns, ask=True)
        for number in range(60):
            server.add("many.test", "A", f"10.7.0.{number}")
        process = client.spawn(lambda: len(socket.gethostbyname_ex("many.test")[2]))
        network.run()
        assert process.result == 60


def test_resolv_conf_says_the_same():
    with Network() as network:
        host = network.host("h")
        host.use_dns("10.0.0.53", "fd00::53", search=["lab.test"], timeout=3, attempts=1, ndots=2)
        process = host.spawn(lambda: open("/etc/resolv.conf").read())  # noqa: SIM115
        network.run()
        assert process.result.splitlines() == [
            "search lab.test",
            "nameserver 10.0.0.53",
            "nameserver fd00::53",
            "options ndots:2 timeout:3 attempts:1",
        ]


@pytest.mark.parametrize(
    ("servers", "options", "named"),
    [
        (["x"], {}, "x"),
        (["10.0.0.1"] * 4, {}, "4 name servers"),
        ([], {"timeout": 0}, "timeout 0"),
        ([], {"timeout": "5s"}, "timeout '5s'"),
        ([], {"attempts": 6}, "attempts 6"),
        ([], {"ndots": 16}, "ndots 16"),
        ([], {"search": ["a b"]}, "search 'a b'"),
    ],
)
def test_bad_settings_are_named(servers, options, named):
    with Network() as network:
        host = network.host("h")
        with pytest.raises(ValueError, match=named):
            host.use_dns(*servers, **options)
        with pytest.raises(ValueError, match="5353"):
            network.dns(host, port=5353, ask=True)
