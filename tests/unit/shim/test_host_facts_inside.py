"""What a program finds out about its host past the module socket: /proc, /sys, the C library, processors."""

import ctypes
import ctypes.util
import os
import platform
import socket
import struct

import pytest

from fourtuple import Network
from fourtuple.shim.foreign_libraries import REFUSED, LibraryNotSimulated


def on_host(program, **options):
    with Network(seed=1) as net:
        host = net.host("alpha", address=["10.0.0.1", "fd00::1"])
        process = host.spawn(program, **options)
        net.run(until="60s")
        return process.result


def connections() -> list[list[str]]:
    with (
        socket.create_server(("", 8080)) as server,
        socket.create_connection(("localhost", 8080)),
        server.accept()[0],
        open("/proc/net/tcp") as file,
    ):
        return [line.split()[1:4] for line in file][1:]


def test_the_table_of_tcp_sockets_is_the_hosts() -> None:
    found = on_host(connections)
    assert found[0] == ["00000000:1F90", "00000000:0000", "0A"]
    assert {row[2] for row in found[1:]} == {"01"}
    assert all("0100007F:1F90" in row for row in found[1:])


def test_processes_are_the_hosts() -> None:
    def look():
        with socket.socket() as held:
            pids = [name for name in os.listdir("/proc") if name.isdecimal()]
            link = os.readlink(f"/proc/self/fd/{held.fileno()}")
            with open("/proc/self/stat") as stat, open("/proc/uptime") as uptime:
                return pids, os.readlink("/proc/self"), link, stat.read().split()[0], uptime.read()

    pids, own, link, stat, uptime = on_host(look, start="2s")
    assert (pids, own, stat) == (["1", "2"], "2", "2")
    assert link.startswith("socket:[")
    assert uptime == "2.00 8.00\n"


def test_settings_are_read_but_not_written() -> None:
    def look():
        with open("/proc/sys/net/core/somaxconn") as file:
            value = file.read()
        with pytest.raises(OSError, match=r"writing to /proc/sys/net/core/somaxconn .* host\.sysctl"):
            open("/proc/sys/net/core/somaxconn", "w")  # noqa: SIM115
        return value, sorted(os.listdir("/proc/sys/net/core"))[-1]

    assert on_host(look) == ("4096\n", "wmem_max")


def test_parameters_of_cubic_are_the_hosts() -> None:
    def look():
        folder = "/sys/module/tcp_cubic/parameters"
        with open(f"{folder}/hystart") as file:
            return file.read(), "beta" in os.listdir(folder), os.path.exists(f"{folder}/gamma")

    assert on_host(look) == ("2\n", True, False)


@pytest.mark.parametrize(
    "path", ["/proc/net/nothing", "/proc/4711", "/sys/class/net/wlan0", "/proc/self/maps"]
)
def test_what_is_not_simulated_is_not_there(path: str) -> None:
    def look():
        assert not os.path.exists(path)
        with pytest.raises(FileNotFoundError):
            open(path)  # noqa: SIM115

    on_host(look)


def test_interfaces_are_the_hosts_in_sysfs() -> None:
    def look():
        found = {}
        with os.scandir("/sys/class/net") as entries:
            for entry in entries:
                with open(os.path.join(entry.path, "address")) as file:
                    found[entry.name] = file.read()
        return found

    assert on_host(look) == {"lo": "00:00:00:00:00:00\n", "eth0": "02:00:00:00:01:00\n"}


def test_dev_stdout_is_the_programs_own() -> None:
    with Network() as net:
        process = net.host("alpha").spawn(["python", "-c", "print('hello', file=open('/dev/stdout', 'w'))"])
        net.run()
        assert process.stdout == "hello\n"


class IfAddrs(ctypes.Structure):
    pass


IfAddrs._fields_ = [
    ("next", ctypes.POINTER(IfAddrs)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("addr", ctypes.c_void_p),
    ("netmask", ctypes.c_void_p),
]


def addresses_by_getifaddrs() -> list[tuple[bytes, str, str]]:
    libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    first = entry = ctypes.POINTER(IfAddrs)()
    assert libc.getifaddrs(ctypes.byref(entry)) == 0
    found = []
    while entry:
        (family,) = struct.unpack("H", ctypes.string_at(entry[0].addr, 2))
        if family in (socket.AF_INET, socket.AF_INET6):
            start, size = (4, 4) if family == socket.AF_INET else (8, 16)
            texts = [
                socket.inet_ntop(family, ctypes.string_at(where + start, size))
                for where in (entry[0].addr, entry[0].netmask)
            ]
            found.append((entry[0].name, *texts))
        entry = entry[0].next
    libc.freeifaddrs(first)
    return found


def test_getifaddrs_through_ctypes_lists_the_hosts_interfaces() -> None:
    assert on_host(addresses_by_getifaddrs) == [
        (b"lo", "127.0.0.1", "255.0.0.0"),
        (b"eth0", "10.0.0.1", "255.255.255.0"),
        (b"lo", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        (b"eth0", "fe80::ff:fe00:100", "ffff:ffff:ffff:ffff::"),
        (b"eth0", "fd00::1", "ffff:ffff:ffff:ffff::"),
    ]
    assert (b"lo", "127.0.0.1", "255.0.0.0") in addresses_by_getifaddrs()


@pytest.mark.parametrize(("name", "instead"), [("socket", "module socket"), ("usleep", "time.sleep")])
def test_c_functions_that_would_leave_are_refused_by_name(name: str, instead: str) -> None:
    def call():
        with pytest.raises(OSError, match=rf"^\[Errno 38\] {name}\(\) .* through ctypes .*{instead}"):
            ctypes.CDLL(None)[name](0, 0, 0)

    on_host(call)


def test_processors_and_system_do_not_depend_on_the_machine() -> None:
    def look():
        return (
            os.cpu_count(),
            os.sysconf("SC_NPROCESSORS_ONLN"),
            os.getloadavg(),
            platform.node(),
            os.uname()[2],
        )

    platform.node()
    assert on_host(look) == (4, 4, (0.0, 0.0, 0.0), "alpha", "6.18.0")


@pytest.mark.parametrize("name", sorted(name for name in REFUSED if "." not in name))
def test_a_library_that_would_leave_is_refused_by_name(name: str) -> None:
    def load():
        with pytest.raises(LibraryNotSimulated, match=f"^{name} cannot run in a simulated process: "):
            __import__(name)

    on_host(load)
