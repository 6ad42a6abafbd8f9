"""Descriptor tables: numbers, sharing, limits."""

from builders_kernel import OurHost, outcome

from fourtuple.kernel.fdtable import FdTable
from fourtuple.kernel.file import O_NONBLOCK, O_RDONLY, O_WRONLY, File
from fourtuple.kernel.limits import Limits, OpenFiles


class Probe(File):
    """A file that knows it was released."""

    def __init__(self) -> None:
        super().__init__(1, O_RDONLY, "probe")
        self.ends = 0

    def release(self) -> None:
        self.ends += 1


def table(nofile: int = 8, system: int = 100) -> FdTable:
    limits = Limits()
    limits.nofile = nofile
    return FdTable(limits, OpenFiles(system), False)


def test_install_gives_the_lowest_free():
    fds = table()
    assert [fds.install(Probe(), False, 0) for _ in range(4)] == [0, 1, 2, 3]
    fds.close(1)
    fds.close(2)
    assert fds.install(Probe(), False, 0) == 1
    assert fds.install(Probe(), False, 3) == 4
    assert fds.install(Probe(), False, 0) == 2


def test_install_beyond_the_limit_releases_the_file():
    fds = table(nofile=1)
    fds.install(Probe(), False, 0)
    probe = Probe()
    assert outcome(lambda: fds.install(probe, False, 0)) == "EMFILE"
    assert probe.ends == 1
    assert outcome(fds.check_room) == "EMFILE"


def test_install_beyond_the_systems_limit():
    fds = table(system=1)
    held = Probe()
    fds.install(held, False, 0)
    probe = Probe()
    assert outcome(lambda: fds.install(probe, False, 0)) == "ENFILE"
    assert probe.ends == 1
    assert outcome(fds.check_room) == "ENFILE"
    # A further descriptor of an open file opens nothing.
    assert outcome(lambda: fds.dup(0, 0, False)) == 1
    fds.exempt = True
    assert outcome(lambda: fds.install(Probe(), False, 0)) == 2


def test_closed_descriptor_is_bad():
    fds = table()
    for call in (
        lambda: fds.get(0),
        lambda: fds.close(0),
        lambda: fds.get(-1),
        lambda: fds.dup(0, 0, False),
        lambda: fds.dup2(0, 1, False),
        lambda: fds.cloexec(0),
        lambda: fds.set_cloexec(0, True),
    ):
        assert outcome(call) == "EBADF"


def test_duplicates_share_the_file_until_the_last():
    fds = table()
    probe = Probe()
    fd = fds.install(probe, True, 0)
    copy = fds.dup(fd, 5, False)
    assert copy == 5
    assert (fds.cloexec(fd), fds.cloexec(copy)) == (True, False)
    probe.set_nonblocking(True)
    assert fds.get(copy).flags & O_NONBLOCK
    fds.close(fd)
    assert probe.ends == 0
    fds.close(copy)
    assert probe.ends == 1


def test_dup_refusals():
    fds = table(nofile=4)
    fds.install(Probe(), False, 0)
    assert outcome(lambda: fds.dup(0, 4, False)) == "EINVAL"
    assert outcome(lambda: fds.dup(0, -1, False)) == "EINVAL"
    fds.dup(0, 3, False)
    assert outcome(lambda: fds.dup(0, 3, False)) == "EMFILE"
    assert outcome(lambda: fds.dup2(0, 4, False)) == "EBADF"


def test_dup2_replaces_what_was_there():
    fds = table()
    one, two = Probe(), Probe()
    fds.install(one, False, 0)
    fds.install(two, False, 0)
    assert fds.dup2(0, 1, True) == 1
    assert two.ends == 1
    assert fds.get(1) is one
    assert fds.cloexec(1)
    assert fds.dup2(1, 1, False) == 1
    assert fds.cloexec(1)
    assert fds.dup2(0, 6, False) == 6
    assert [fd for fd, _ in fds.items()] == [0, 1, 6]


def test_child_shares_and_exec_closes():
    fds = table()
    kept, closed = Probe(), Probe()
    fds.install(kept, False, 0)
    fds.install(closed, True, 0)
    child = fds.copy_for_child(Limits(), False)
    child.close_on_exec()
    assert [fd for fd, _ in child.items()] == [0]
    fds.close_all()
    assert (kept.ends, closed.ends) == (0, 1)
    child.close_all()
    assert kept.ends == 1
    assert fds.open_files.count == 0


def test_close_range_closes_what_is_open():
    fds = table()
    probes = [Probe() for _ in range(4)]
    for probe in probes:
        fds.install(probe, False, 0)
    fds.close_range(1, 2)
    assert [probe.ends for probe in probes] == [0, 1, 1, 0]
    fds.close_range(0, 1 << 30)
    assert len(fds) == 0
    assert outcome(lambda: fds.close_range(2, 1)) == "EINVAL"


def test_status_flags_that_can_change():
    probe = Probe()
    probe.set_status_flags(O_NONBLOCK | O_WRONLY)
    assert probe.flags == O_RDONLY | O_NONBLOCK
    assert outcome(lambda: probe.check_writable()) == "EBADF"


def test_accept_without_room_keeps_the_connection(host: OurHost):
    server = host.socket(2, 1)
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    client = host.socket(2, 1)
    outcome(lambda: client.connect(server.getsockname()))
    host.settle()
    host.process.limits.set(7, len(host.process.fds), 100, True)
    assert outcome(host.process.fds.check_room) == "EMFILE"
    host.process.limits.set(7, 100, 100, True)
    assert server.accept().getpeername() == client.getsockname()


def test_reserved_numbers_are_passed_over_and_not_counted():
    fds = table(nofile=6)
    fds.reserved_base, fds.reserved_top = 2, 100
    assert [fds.install(Probe(), False, 0) for _ in range(6)] == [0, 1, 100, 101, 102, 103]
    assert outcome(lambda: fds.install(Probe(), False, 0)) == "EMFILE"
    fds.close(101)
    fds.close(1)
    child = fds.copy_for_child(fds.limits, False)
    for one in (fds, child):
        assert [one.install(Probe(), False, 0) for _ in range(2)] == [1, 101]
    assert fds.dup2(0, 103, False) == 103
    assert outcome(lambda: fds.dup2(0, 50, False)) == "EBADF"
    assert outcome(lambda: fds.dup2(0, 104, False)) == "EBADF"
    assert outcome(lambda: fds.get(50)) == "EBADF"
