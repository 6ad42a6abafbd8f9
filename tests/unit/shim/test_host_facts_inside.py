"""What a program finds out about its host past the module socket: /proc, /sys, the C library, processors."""

import ctypes
import ctypes.util
import os
import platform
import re
import resource
import socket
import struct
from pathlib import Path

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


def test_hosts_are_told_apart_by_the_seed_and_not_by_the_machine() -> None:
    paths = (
        "/etc/machine-id",
        "/proc/sys/kernel/random/boot_id",
        "/sys/class/dmi/id/product_uuid",
        "/sys/devices/virtual/dmi/id/product_serial",
    )

    def look():
        return [Path(path).read_text() for path in paths]

    def run(seed):
        with Network(seed=seed) as net:
            processes = [net.host(name).spawn(look) for name in ("a", "a2")]
            processes.append(net.hosts["a"].spawn(look))
            net.run()
            return [process.result for process in processes]

    first, other, again = run(1)
    assert first == again
    assert run(1) == [first, other, again]
    assert len({*first, *other, *run(2)[0]}) == 3 * len(paths)
    assert re.fullmatch("[0-9a-f]{32}\n", first[0])
    assert Path(paths[0]).read_text() != first[0] if Path(paths[0]).exists() else True


def test_counters_of_an_interface_are_in_sysfs() -> None:
    def look():
        place = Path("/sys/class/net/lo/statistics")
        before = {name: int((place / name).read_text()) for name in os.listdir(place)}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.1", 0))
            sender.sendto(b"x" * 100, sender.getsockname())
            sender.recv(200)
        return before, {name: int((place / name).read_text()) for name in before}

    before, after = on_host(look)
    changed = {name: after[name] - before[name] for name in before if after[name] != before[name]}
    assert changed == {"rx_bytes": 142, "rx_packets": 1, "tx_bytes": 142, "tx_packets": 1}
    live = Path("/sys/class/net/lo/statistics")
    assert sorted(before) == sorted(path.name for path in live.iterdir())


def test_limits_of_a_process_are_those_it_has() -> None:
    def look():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
        return Path("/proc/self/limits").read_text()

    lines = on_host(look).splitlines()
    assert lines[8] == f"{'Max open files':<25} {100:<20} {200:<20} {'files':<10}"
    live = Path("/proc/self/limits").read_text().splitlines()
    assert [(line[:26], line[68:]) for line in lines] == [(line[:26], line[68:]) for line in live]


def test_tables_of_other_sockets_are_the_hosts() -> None:
    def look():
        with (
            socket.socket(socket.AF_INET, socket.SOCK_RAW, 253),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136) as lite,
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as packet,
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink,
        ):
            lite.bind(("127.0.0.1", 5000))
            netlink.bind((0, 1))
            inodes = [str(os.fstat(each.fileno()).st_ino) for each in (packet, netlink)]
            names = ("raw", "udplite", "packet", "netlink", "raw6", "icmp")
            return {name: Path("/proc/net", name).read_text().splitlines()[1:] for name in names}, inodes

    tables, inodes = on_host(look)
    assert [line.split()[1] for line in tables["raw"]] == ["00000000:00FD"]
    assert [line.split()[1] for line in tables["udplite"]] == ["0100007F:1388"]
    assert tables["packet"][0].split()[1:] == ["3", "3", "0003", "0", "1", "0", "0", inodes[0]]
    assert tables["netlink"][0].split()[1:] == ["0", "2", "00000001", "0", "0", "0", "2", "0", inodes[1]]
    assert tables["raw6"] == tables["icmp"] == []


def test_a_named_pipe_is_neither_made_nor_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    def look():
        with pytest.raises(OSError, match=r"os\.mkfifo is not simulated; use os\.pipe"):
            os.mkfifo(tmp_path / "made")
        for call in (lambda: (tmp_path / "fifo").open(), lambda: os.open(tmp_path / "fifo", os.O_RDONLY)):
            with pytest.raises(OSError, match=r"opening the named pipe .* is not simulated; use os\.pipe"):
                call()
        return os.listdir(tmp_path)

    assert on_host(look) == ["fifo"]
