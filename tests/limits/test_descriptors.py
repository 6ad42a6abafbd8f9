"""Running out of descriptors and open files: EMFILE and ENFILE from every call that makes one."""

import array
import errno
import os
import resource
import socket
import sys

import pytest

from fourtuple import Network


def outcome(call):
    try:
        return call()
    except OSError as error:
        return errno.errorcode[error.errno]


def on_a_host(function, *args, uid=0, file_max=None):
    with Network(seed=1) as network:
        host = network.host("alpha")
        if file_max is not None:
            host.node.kernel.open_files.limit = file_max
        process = host.spawn(function, *args, uid=uid)
        network.run()
        return process.result


def too_many_files():
    """What each call answers when one descriptor is left, or none; and that nothing was lost by it."""
    a, b = socket.socketpair()
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    second = socket.create_connection(listener.getsockname())
    spare = os.dup(a.fileno())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, hard))
    seen = []
    try:
        for call in (
            lambda: socket.socket(),
            lambda: socket.socketpair(),
            lambda: os.pipe(),
            lambda: os.dup(a.fileno()),
            lambda: listener.accept(),
        ):
            seen.append(outcome(call))
        socket.send_fds(a, [b"x"], [listener.fileno(), client.fileno()])
        data, fds, flags, _ = socket.recv_fds(b, 9, 5)
        seen.append((data, len(fds), bool(flags & socket.MSG_CTRUNC)))
        os.close(spare)
        socket.send_fds(a, [b"y"], [listener.fileno(), client.fileno()])
        data, fds, flags, _ = socket.recv_fds(b, 9, 5)
        seen.append((data, len(fds), bool(flags & socket.MSG_CTRUNC)))
        seen.append(outcome(lambda: os.pipe()))
        for fd in fds:
            os.close(fd)
        # One is left: a pipe needs two, and takes none if it cannot have both.
        seen.append(outcome(lambda: os.pipe()))
        accepted, _ = listener.accept()
        client.send(b"kept")
        seen.append(accepted.recv(9))
        accepted.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for s in (a, b, listener, client, second):
            s.close()
    return seen


EXPECTED = [
    "EMFILE",
    "EMFILE",
    "EMFILE",
    "EMFILE",
    "EMFILE",
    (b"x", 0, True),
    (b"y", 1, True),
    "EMFILE",
    "EMFILE",
    b"kept",
]


def test_no_descriptor_left_is_emfile_from_every_call() -> None:
    assert on_a_host(too_many_files) == EXPECTED


@pytest.mark.skipif(sys.platform != "linux", reason="parity needs Linux")
def test_no_descriptor_left_is_the_same_on_linux() -> None:
    assert too_many_files() == EXPECTED


def full_host():
    kept = []
    while True:
        try:
            kept.append(socket.socket())
        except OSError as error:
            first = errno.errorcode[error.errno]
            break
    calls = (lambda: socket.socketpair(), lambda: os.pipe(), lambda: os.eventfd(0))
    seen = [first, len(kept) > 10, *[outcome(call) for call in calls]]
    # Another descriptor of a file that is open already is no new file.
    os.close(os.dup(kept[0].fileno()))
    kept.pop().close()
    seen.append(outcome(lambda: socket.socket().close()))
    return seen


def test_host_with_all_its_files_open_is_enfile() -> None:
    assert on_a_host(full_host, uid=1000, file_max=40) == ["ENFILE", True, "ENFILE", "ENFILE", "ENFILE", None]


def test_privileged_process_may_exceed_the_hosts_limit() -> None:
    def program():
        kept = [socket.socket() for _ in range(60)]
        return len(kept)

    assert on_a_host(program, file_max=40) == 60


def test_accept_at_the_hosts_limit_leaves_the_connection_waiting() -> None:
    def program():
        listener = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(listener.getsockname())
        kept = []
        while not isinstance(made := outcome(socket.socket), str):
            kept.append(made)
        full = outcome(listener.accept)
        kept.pop().close()
        accepted, _ = listener.accept()
        client.send(b"still there")
        return made, full, accepted.recv(99)

    assert on_a_host(program, uid=1000, file_max=30) == ("ENFILE", "ENFILE", b"still there")


def test_rights_that_find_no_room_are_dropped_not_leaked() -> None:
    def program():
        a, b = socket.socketpair()
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (listener.fileno() + 1, 524288))
        a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener.fileno()]))])
        listener.close()
        keeper = os.dup(a.fileno())
        data, control, flags, _ = b.recvmsg(9, socket.CMSG_SPACE(4))
        os.close(keeper)
        # The last reference went with the message: the port is free.
        again = socket.create_server(("127.0.0.1", port))
        return data, control, bool(flags & socket.MSG_CTRUNC), again.getsockname()[1] == port

    assert on_a_host(program) == (b"x", [], True, True)
