"""SCM_RIGHTS: descriptors in flight."""

from builders_kernel import outcome

from fourtuple.kernel.sockaddr import AF_UNIX, SOCK_DGRAM, SOCK_STREAM
from fourtuple.kernel.socket import MSG_PEEK, ControlMessage


def test_rights_arrive_as_new_descriptors(either):
    a, b = either.socketpair(SOCK_STREAM)
    reader, writer = either.pipe()
    assert a.send_files(b"x", [writer]) == 1
    writer.close()
    data, files = b.recv_files(9)
    assert data == b"x"
    assert len(files) == 1
    files[0].write(b"through")
    assert reader.read(9) == b"through"
    files[0].close()
    assert reader.read(9) == b""


def test_rights_end_a_stream_receive(either):
    a, b = either.socketpair(SOCK_STREAM)
    reader, _ = either.pipe()
    a.send(b"one")
    a.send_files(b"two", [reader])
    a.send(b"three")
    data, files = b.recv_files(99)
    assert data == b"onetwo"
    assert len(files) == 1
    assert b.recv(99) == b"three"
    files[0].close()


def test_rights_peeked_are_duplicated(either):
    a, b = either.socketpair(SOCK_DGRAM)
    reader, writer = either.pipe()
    a.send_files(b"x", [writer])
    writer.close()
    _, peeked = b.recv_files(9, MSG_PEEK)
    _, taken = b.recv_files(9)
    peeked[0].close()
    assert outcome(lambda: reader.read(1)) == "EAGAIN"
    taken[0].close()
    assert reader.read(1) == b""


def test_rights_unread_die_with_the_receiver(either):
    a, b = either.socketpair(SOCK_STREAM)
    reader, writer = either.pipe()
    a.send_files(b"x", [writer])
    writer.close()
    assert outcome(lambda: reader.read(1)) == "EAGAIN"
    b.close()
    assert reader.read(1) == b""


def test_rights_not_wanted_are_dropped(host):
    a, b = host.socketpair(SOCK_STREAM)
    reader, writer = host.pipe()
    a.send_files(b"x", [writer])
    writer.close()
    assert b.socket.recv(9, 0) == b"x"
    assert reader.read(1) == b""
    assert host.kernel.unix.in_flight == 0


def test_rights_cycle_of_a_socket_on_its_own_queue_is_collected(host):
    a, b = host.socketpair(SOCK_STREAM)
    reader, writer = host.pipe()
    a.send_files(b"x", [b, writer])
    writer.close()
    b.close()
    assert b.file.refs == 1
    a.close()
    assert b.file.released
    assert reader.read(1) == b""
    assert host.kernel.unix.sockets == {}
    assert host.kernel.unix.in_flight == 0


def test_rights_cycle_of_two_sockets_is_collected(host):
    a, b = host.socketpair(SOCK_STREAM)
    c, d = host.socketpair(SOCK_STREAM)
    a.send_files(b"x", [d])
    c.send_files(b"x", [b])
    b.close()
    d.close()
    assert not b.file.released
    a.close()
    c.close()
    assert b.file.released
    assert d.file.released
    assert host.kernel.open_files.count == 1


def test_rights_on_a_reachable_queue_survive_a_collection(host):
    a, b = host.socketpair(SOCK_STREAM)
    c, d = host.socketpair(SOCK_STREAM)
    a.send_files(b"x", [d])
    d.close()
    e, f = host.socketpair(SOCK_STREAM)
    e.close()
    f.close()
    _, files = b.recv_files(9)
    c.send(b"alive")
    assert files[0].recv(9) == b"alive"


def test_rights_more_than_scm_max_fd_are_refused(host):
    a, b = host.socketpair(SOCK_STREAM)
    control = ControlMessage(1, 1, b"", [b.file] * 254)
    assert outcome(lambda: a.socket.sendmsg(b"x", 0, None, [control])) == "EINVAL"


def test_credentials_of_another_need_privilege(host):
    process = host.process
    a, b = host.socketpair(SOCK_DGRAM)
    b.setsockopt(1, 16, 1)
    who = (7).to_bytes(4, "little") + (8).to_bytes(4, "little")
    nobody = (4242).to_bytes(4, "little") + who
    assert outcome(lambda: a.send_control(b"x", None, [(1, 2, nobody)])) == "ESRCH"
    forged = host.spawn("other").pid.to_bytes(4, "little") + who
    no_user = process.pid.to_bytes(4, "little") + bytes((255,)) * 8
    assert outcome(lambda: a.send_control(b"x", None, [(1, 2, no_user)])) == "EINVAL"
    a.send_control(b"x", None, [(1, 2, forged)])
    assert b.recv_control(9)[1] == [(1, 2, forged)]
    process.set_credentials(1000, 1000)
    assert outcome(lambda: a.send_control(b"x", None, [(1, 2, forged)])) == "EPERM"
    own = process.pid.to_bytes(4, "little") + (1000).to_bytes(4, "little") * 2
    a.send_control(b"y", None, [(1, 2, own)])
    assert b.recv_control(9)[1] == [(1, 2, own)]


def test_path_without_write_permission_is_refused(host):
    host.process.umask = 0o077
    server = host.socket(AF_UNIX, SOCK_STREAM)
    server.bind(b"/run/private")
    server.listen(1)
    stranger = host.spawn("stranger")
    stranger.set_credentials(1000, 1000)
    client = host.kernel.socket(stranger, AF_UNIX, SOCK_STREAM, 0)
    assert outcome(lambda: client.connect(server.address(b"/run/private"))) == "EACCES"
    host.kernel.unix.node(b"/run/private", stranger).mode = 0o777
    assert outcome(lambda: client.connect(server.address(b"/run/private"))) is True


def test_path_is_relative_to_the_callers_directory(host):
    host.process.cwd = "/run"
    server = host.socket(AF_UNIX, SOCK_DGRAM)
    server.bind(b"here")
    assert server.getsockname() == b"here"
    client = host.socket(AF_UNIX, SOCK_DGRAM)
    client.sendto(b"x", b"/run/../run/here")
    assert server.recv(9) == b"x"
    assert host.kernel.unix.rename(b"here", b"there", host.process)
    assert outcome(lambda: client.sendto(b"x", b"/run/here")) == "ENOENT"
    assert client.sendto(b"x", b"/run/there") == 1
