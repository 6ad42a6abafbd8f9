"""A host's own names: its hosts file, faults of its resolver, the files of /etc it shows."""

import errno
import os
import socket
import time
from pathlib import Path

import pytest

from fourtuple import Network


def call(program, prepare=lambda network: None):
    with Network() as network:
        network.host("h", "10.0.0.1")
        network.host("db", "10.0.0.2", names=["db.internal"])
        prepare(network)
        process = network.hosts["h"].spawn(program)
        network.run()
        assert process.exitcode == 0, process.stderr
        return process.result


def error_of(attempt):
    try:
        return attempt()
    except OSError as error:
        return type(error).__name__, *error.args


def test_hosts_entries_come_first_and_have_canonical_names_and_aliases():
    def prepare(network):
        host = network.hosts["h"]
        host.add_hosts_entry("10.9.9.9", "api.example.com", "api")
        host.add_hosts_entry("fd00::9", "api.example.com")
        host.add_hosts_entry("10.7.7.7", "db")

    def program():
        info = socket.getaddrinfo("API", 80, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
        return (
            info[0][3:],
            [entry[4][0] for entry in socket.getaddrinfo("api.example.com", 80, type=socket.SOCK_STREAM)],
            socket.gethostbyname_ex("api"),
            socket.gethostbyaddr("10.9.9.9"),
            socket.gethostbyname("db"),
            socket.getfqdn("10.9.9.9"),
        )

    first, addresses, by_name, by_address, db, fqdn = call(program, prepare)
    assert first == ("api.example.com", ("10.9.9.9", 80))
    assert set(addresses) == {"10.9.9.9", "fd00::9"}
    assert by_name == ("api.example.com", ["api"], ["10.9.9.9"])
    assert by_address == ("api.example.com", ["api"], ["10.9.9.9"])
    assert db == "10.7.7.7"
    assert fqdn == "api.example.com"


def test_other_hosts_do_not_see_them():
    def prepare(network):
        network.hosts["db"].add_hosts_entry("10.9.9.9", "api")

    kind, code, _ = call(lambda: error_of(lambda: socket.gethostbyname("api")), prepare)
    assert (kind, code) == ("gaierror", socket.EAI_NONAME)


@pytest.mark.parametrize(
    ("outcome", "code", "text"),
    [
        ("temporary", socket.EAI_AGAIN, "Temporary failure in name resolution"),
        ("not found", socket.EAI_NONAME, "Name or service not known"),
        ("fatal", socket.EAI_FAIL, "Non-recoverable failure in name resolution"),
    ],
)
def test_names_fail_on_purpose_and_are_found_again(outcome, code, text):
    def prepare(network):
        end = network.hosts["h"].fail_names("db*", outcome, delay="2s")
        network.at("10s", end)

    def program():
        first = error_of(lambda: socket.getaddrinfo("DB.internal", 80))
        when = time.monotonic()
        other = socket.gethostbyname("h")
        by_name = error_of(lambda: socket.gethostbyname_ex("db"))
        connect = error_of(lambda: socket.create_connection(("db", 80)))
        time.sleep(20 - time.monotonic())
        return first, when, other, by_name, connect, socket.gethostbyname("db")

    first, when, other, by_name, connect, again = call(program, prepare)
    assert first == by_name == connect == ("gaierror", code, text)
    assert (round(when, 3), other, again) == (2.0, "10.0.0.1", "10.0.0.2")


def test_slow_names_take_their_time_once():
    def prepare(network):
        network.hosts["h"].fail_names("*", "slow", delay="3s")

    def program():
        found = socket.getaddrinfo("db", 80, type=socket.SOCK_STREAM, flags=socket.AI_CANONNAME)
        return found[0][3:], time.monotonic()

    assert call(program, prepare) == (("db", ("10.0.0.2", 80)), 3.0)


def test_an_unknown_outcome_and_bad_entries_are_refused():
    with Network() as network:
        host = network.host("h")
        with pytest.raises(ValueError, match="'broken' is none of temporary, not found, fatal, slow"):
            host.fail_names("*", "broken")
        with pytest.raises(ValueError, match="not an IP address: 'x'"):
            host.add_hosts_entry("x", "name")
        with pytest.raises(ValueError, match="are not names of"):
            host.add_hosts_entry("10.0.0.1")


def test_files_of_etc_are_the_hosts():
    def prepare(network):
        network.hosts["h"].add_hosts_entry("10.9.9.9", "api.example.com", "api")

    def program():
        fd = os.open("/etc/hostname", os.O_RDONLY)
        name = os.read(fd, 100)
        os.close(fd)
        with open("/etc/resolv.conf", "rb") as file:
            resolver = file.read()
        return (
            Path("/etc/hosts").read_text(),
            name,
            resolver,
            error_of(lambda: open("/etc/hosts", "a")),
        )

    text, name, resolver, refused = call(program, prepare)
    assert text == "127.0.0.1\tlocalhost\n10.0.0.1\th\n10.9.9.9\tapi.example.com api\n"
    assert name == b"h\n"
    assert resolver == b""
    assert refused[:2] == ("OSError", errno.EROFS)
