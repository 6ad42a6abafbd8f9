"""Processes: family, credentials, limits, end."""

import pytest
from builders_kernel import OurHost, outcome

from fourtuple.kernel.limits import RLIM_INFINITY, RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_STACK, Limits
from fourtuple.kernel.process import CAP_ALL, CAP_NET_BIND_SERVICE, Process


def child_of(host: OurHost, parent: Process | None) -> Process:
    null = host.kernel.null()
    return host.kernel.spawn("child", ["child"], parent, null, null, null)


def test_spawned_has_three_descriptors(host):
    child = child_of(host, host.process)
    assert [fd for fd, _ in child.fds.items()] == [0, 1, 2]
    assert child.ppid == host.process.pid
    assert child.alive()


def test_spawned_inherits_from_its_parent(host):
    parent = host.process
    parent.set_credentials(1000, 100)
    parent.cwd = "/srv"
    parent.umask = 0o077
    parent.environ["A"] = "b"
    parent.limits.set(RLIMIT_NOFILE, 20, 20, True)
    child = child_of(host, parent)
    assert (child.uid, child.gid, child.cwd, child.umask) == (1000, 100, "/srv", 0o077)
    assert child.environ == parent.environ
    child.environ["A"] = "c"
    assert parent.environ["A"] == "b"
    assert child.limits.nofile == 20
    assert child.fds.limits.nofile == 20
    assert not child.capable(CAP_NET_BIND_SERVICE)


def test_root_has_every_capability_until_it_leaves(host):
    process = host.process
    assert process.capabilities == CAP_ALL
    process.set_credentials(1, 1)
    assert process.capabilities == 0


def test_exit_closes_and_leaves_a_zombie(host):
    parent = host.process
    child = child_of(host, parent)
    woken: list[int] = []
    assert outcome(lambda: host.kernel.wait(parent, child.pid)) is None
    from builders_kernel import Note

    parent.exit_queue.add(Note(woken), 1, False)
    host.kernel.exit(child, 3)
    assert woken
    assert len(child.fds) == 0
    assert host.kernel.processes[child.pid] is child
    host.kernel.exit(child, 4)
    assert host.kernel.wait(parent, -1) is child
    assert child.wait_status() == 3 << 8
    assert child.pid not in host.kernel.processes
    assert outcome(lambda: host.kernel.wait(parent, -1)) == "ECHILD"
    assert outcome(lambda: host.kernel.wait(parent, 4242)) == "ECHILD"


def test_killed_child_shows_its_signal(host):
    child = child_of(host, host.process)
    with pytest.raises(ValueError, match="has not ended"):
        child.wait_status()
    host.kernel.exit(child, -9)
    assert child.wait_status() == 9


def test_orphans_belong_to_one_and_vanish(host):
    parent = child_of(host, None)
    living, dead = child_of(host, parent), child_of(host, parent)
    host.kernel.exit(dead, 0)
    host.kernel.exit(parent, 0)
    assert living.ppid == 1
    assert parent.pid not in host.kernel.processes
    assert dead.pid not in host.kernel.processes
    host.kernel.exit(living, 0)
    assert living.pid not in host.kernel.processes


def test_fork_shares_every_file(host):
    reader, writer = host.pipe()
    child = host.kernel.fork(host.process, "child", ["child"])
    assert child.fds.get(writer.fd) is writer.file
    reader.close()
    child.fds.get(writer.fd).write(b"x")
    assert child.fds.get(reader.fd).read(9) == b"x"


def test_limits_of_a_process():
    limits = Limits()
    assert limits.get(RLIMIT_NOFILE) == (1024, 524288)
    assert limits.get(RLIMIT_STACK) == (8 << 20, RLIM_INFINITY)
    limits.set(RLIMIT_NOFILE, 10, 100, False)
    assert limits.nofile == 10
    cases = [
        (RLIMIT_NOFILE, 101, 100, False, "EINVAL"),
        (RLIMIT_NOFILE, RLIM_INFINITY, 100, False, "EINVAL"),
        (RLIMIT_NOFILE, 10, 101, False, "EPERM"),
        (RLIMIT_NOFILE, 10, 101, True, None),
        (RLIMIT_NOFILE, 10, 2 << 20, True, "EPERM"),
        (RLIMIT_CORE, 5, RLIM_INFINITY, False, None),
        (99, 1, 1, True, "EINVAL"),
    ]
    for resource, soft, hard, privileged, expected in cases:
        assert outcome(lambda c=(resource, soft, hard, privileged): limits.set(*c)) == expected
    assert limits.copy().get(RLIMIT_NOFILE) == (10, 101)


@pytest.mark.parametrize(
    ("family", "type", "protocol", "error"),
    [
        (1, 4, 0, "ESOCKTNOSUPPORT"),
        (1, 1, 5, "EPROTONOSUPPORT"),
        (2, 1, 17, "EPROTONOSUPPORT"),
        (2, 2, 6, "EPROTONOSUPPORT"),
        (2, 2, 1, "EACCES"),
        (2, 3, 0, "EPROTONOSUPPORT"),
        (2, 5, 0, "ESOCKTNOSUPPORT"),
        (2, 99, 0, "EINVAL"),
        (2, 1, 300, "EINVAL"),
        (99, 1, 0, "EAFNOSUPPORT"),
    ],
)
def test_socket_that_cannot_be(either, family, type, protocol, error):
    assert outcome(lambda: either.socket(family, type, protocol)) == error


def test_raw_socket_needs_privilege(host):
    host.process.set_credentials(1000, 1000)
    assert outcome(lambda: host.socket(2, 3, 1)) == "EPERM"


def test_socketpair_is_for_unix_only(host):
    kernel, process = host.kernel, host.process
    assert outcome(lambda: kernel.socketpair(process, 2, 1, 0)) == "EOPNOTSUPP"
    assert outcome(lambda: kernel.socketpair(process, 1, 4, 0)) == "ESOCKTNOSUPPORT"
    assert host.kernel.unix.sockets == {}


def test_init_takes_orphans_in_and_reaps_them(host):
    kernel = host.kernel
    null = kernel.null()
    parent = kernel.spawn("parent", [], None, null, null, null)
    living, ended = (kernel.fork(parent, name, []) for name in ("living", "ended"))
    assert (parent.ppid, living.ppid) == (1, parent.pid)
    kernel.exit(ended, 3)
    assert ended.pid in kernel.processes
    kernel.exit(parent, 0)
    assert ended.pid not in kernel.processes
    assert parent.pid not in kernel.processes
    assert living.ppid == 1
    kernel.exit(living, 0)
    assert kernel.processes[1] is kernel.init
    assert living.pid not in kernel.processes
