"""The name server of a network, asked by dnspython as it comes: by UDP, TCP, and its own resolver."""

import os
import socket

import pytest

from fourtuple import Network

if not os.environ.get("CI"):
    # CI has all the libraries; elsewhere what is not installed is skipped.
    pytest.importorskip("dns", reason="not installed: dnspython (pip install 'fourtuple[programs]')")

import dns.asyncresolver
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import dns.reversename


def ask(program, prepare=lambda server: None, **options):
    with Network() as network:
        ns, client = network.host("ns", "10.0.0.53"), network.host("client", ["10.0.0.2", "fd00::2"])
        network.host("web", ["10.0.0.3", "fd00::3"], names=["www"])
        network.link(ns, client, latency="5ms")
        prepare(network.dns("ns", domain="lab.test", **options))
        process = client.spawn(program, start="1ms")
        network.run(until="60s")
        assert process.exitcode == 0, process.stderr
        return process.result


def resolve(*questions):
    def program():
        answers = []
        for name, kind in questions:
            try:
                answers.append(sorted(str(each) for each in dns.resolver.resolve(name, kind)))
            except Exception as error:
                answers.append(type(error).__name__)
        return answers

    return program


def test_hosts_are_found_by_name_domain_and_address():
    found = ask(
        resolve(
            ("web", "A"),
            ("WEB.lab.test", "AAAA"),
            ("www.lab.test", "A"),
            ("3.0.0.10.in-addr.arpa", "PTR"),
            (str(dns.reversename.from_address("fd00::3")), "PTR"),
            ("nobody.lab.test", "A"),
            ("ns.lab.test", "AAAA"),
        )
    )
    assert found == [
        ["10.0.0.3"],
        ["fd00::3"],
        ["10.0.0.3"],
        ["web.lab.test."],
        ["web.lab.test."],
        "NXDOMAIN",
        "NoAnswer",
    ]


def test_records_of_every_type():
    def prepare(server):
        server.add("_http._tcp.lab.test", "SRV", "0 5 8080 web.lab.test")
        server.add("lab.test", "MX", "10 web.lab.test")
        server.add("lab.test", "NS", "ns.lab.test")
        server.add("lab.test", "TXT", "hello world")
        server.add("lab.test", "SOA", "ns.lab.test admin.lab.test 1 3600 600 86400 60")
        server.add("shop.lab.test", "CNAME", "web.lab.test.")
        server.add("other.test", "A", "192.0.2.7")

    found = ask(
        resolve(
            ("_http._tcp.lab.test", "SRV"),
            ("lab.test", "MX"),
            ("lab.test", "NS"),
            ("lab.test", "TXT"),
            ("lab.test", "SOA"),
            ("shop.lab.test", "A"),
            ("other.test", "A"),
        ),
        prepare,
    )
    assert found == [
        ["0 5 8080 web.lab.test."],
        ["10 web.lab.test."],
        ["ns.lab.test."],
        ['"hello world"'],
        ["ns.lab.test. admin.lab.test. 1 3600 600 86400 60"],
        ["10.0.0.3"],
        ["192.0.2.7"],
    ]


def test_a_program_learns_anothers_port_by_srv():
    def prepare(server):
        server.add("_api._tcp.lab.test", "SRV", "0 0 4711 web.lab.test")

    def program():
        message = dns.message.make_query("_api._tcp.lab.test", "SRV")
        answer = dns.query.udp(message, "10.0.0.53")
        (record,) = answer.answer[0]
        return record.port, [str(each) for rrset in answer.additional for each in rrset]

    assert ask(program, prepare) == (4711, ["10.0.0.3", "fd00::3"])


def test_long_answers_are_truncated_and_asked_for_again_by_tcp():
    def prepare(server):
        for number in range(40):
            server.add("many.lab.test", "TXT", f"{number:02} {'x' * 80}")

    def program():
        message = dns.message.make_query("many.lab.test", "TXT", use_edns=False)
        short = dns.query.udp(message, "10.0.0.53")
        whole, by_tcp = dns.query.udp_with_fallback(message, "10.0.0.53")
        return bool(short.flags & dns.flags.TC), by_tcp, len(whole.answer[0])

    assert ask(program, prepare) == (True, True, 40)


def test_edns_takes_longer_answers_and_unknown_versions_are_refused():
    def prepare(server):
        for number in range(10):
            server.add("some.lab.test", "TXT", f"{number:02} {'x' * 80}")

    def program():
        answer = dns.query.udp(dns.message.make_query("some.lab.test", "TXT", payload=4096), "10.0.0.53")
        newer = dns.query.udp(dns.message.make_query("web", "A", use_edns=1), "10.0.0.53")
        return len(answer.answer[0]), answer.edns, dns.rcode.to_text(newer.rcode())

    assert ask(program, prepare) == (10, 0, "BADVERS")


def test_absence_tells_how_long_it_holds():
    def prepare(server):
        server.add("lab.test", "SOA", "ns.lab.test admin.lab.test 1 3600 600 86400 60")

    def program():
        answer = dns.query.udp(dns.message.make_query("no.lab.test", "A"), "10.0.0.53")
        return dns.rcode.to_text(answer.rcode()), [str(each.name) for each in answer.authority]

    assert ask(program, prepare) == ("NXDOMAIN", ["lab.test."])


def test_the_asynchronous_resolver_works():
    async def program():
        answer = await dns.asyncresolver.resolve("web", "A")
        return [str(each) for each in answer]

    assert ask(program) == ["10.0.0.3"]


def test_garbage_gets_an_error_or_nothing_and_the_server_lives():
    def program():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("10.0.0.53", 53))
            sock.settimeout(1)
            seen = []
            for data in (b"x", bytes(12), b"\x12\x34\x80" + bytes(20), b"\x12\x34\x01" + bytes(20)):
                sock.send(data)
                try:
                    seen.append(sock.recv(100)[:4].hex())
                except TimeoutError:
                    seen.append(None)
        return seen, [str(each) for each in dns.resolver.resolve("web", "A")]

    assert ask(program) == ([None, "00008001", None, "12348101"], ["10.0.0.3"])


@pytest.mark.parametrize(
    ("kind", "value"), [("A", "fd00::1"), ("SRV", "0 0 70000 web"), ("HINFO", "x"), ("MX", "web")]
)
def test_bad_records_are_refused(kind, value):
    with Network() as network:
        network.host("ns")
        with pytest.raises(ValueError, match=kind):
            network.dns("ns").add("x", kind, value)
