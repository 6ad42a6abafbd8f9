"""Pipes, on ours and on Linux."""

from builders_kernel import outcome

from fourtuple.stack.poll_bits import POLLERR, POLLHUP, POLLIN, POLLOUT

BASIC = POLLIN | POLLOUT | POLLERR | POLLHUP


def test_pipe_carries_bytes(either):
    reader, writer = either.pipe()
    assert outcome(lambda: reader.read(9)) == "EAGAIN"
    assert writer.write(b"hello") == 5
    assert reader.read(3) == b"hel"
    assert reader.read(9) == b"lo"


def test_pipe_holds_64_kib(either):
    reader, writer = either.pipe()
    assert writer.write(bytes(100_000)) == 65536
    assert outcome(lambda: writer.write(b"x")) == "EAGAIN"
    assert writer.poll() & POLLOUT == 0
    assert len(reader.read(100_000)) == 65536
    assert writer.poll() & POLLOUT


def test_pipe_room_is_counted_in_pages(either):
    # Sixteen writes of 4095 bytes do not fit into each other's page.
    _, writer = either.pipe()
    count = 0
    while outcome(lambda: writer.write(bytes(4095))) == 4095:
        count += 1
    assert count == 16
    assert writer.write(b"x") == 1
    assert outcome(lambda: writer.write(b"x")) == "EAGAIN"


def test_pipe_small_write_is_whole_or_not_at_all(either):
    reader, writer = either.pipe()
    writer.write(bytes(61440))
    writer.write(bytes(100))
    assert outcome(lambda: writer.write(bytes(4096))) == "EAGAIN"
    assert outcome(lambda: writer.write(bytes(3996))) == 3996
    assert len(reader.read(4095)) == 4095
    assert outcome(lambda: writer.write(b"x")) == "EAGAIN"
    assert len(reader.read(1)) == 1
    assert outcome(lambda: writer.write(bytes(4096))) == 4096


def test_pipe_large_write_takes_what_fits(either):
    _, writer = either.pipe()
    writer.write(bytes(61440))
    assert outcome(lambda: writer.write(bytes(4097))) == 4096


def test_pipe_without_writer_ends(either):
    reader, writer = either.pipe()
    writer.write(b"last")
    writer.close()
    assert reader.poll() & BASIC == POLLIN | POLLHUP
    assert reader.read(9) == b"last"
    assert reader.poll() & BASIC == POLLHUP
    assert reader.read(9) == b""


def test_pipe_without_reader_breaks(either):
    reader, writer = either.pipe()
    reader.close()
    assert writer.poll() & BASIC == POLLOUT | POLLERR
    assert outcome(lambda: writer.write(b"x")) == "EPIPE"
    assert outcome(lambda: writer.write(b"")) == 0


def test_pipe_ends_refuse_the_other_direction(either):
    reader, writer = either.pipe()
    assert outcome(lambda: reader.write(b"x")) == "EBADF"
    assert outcome(lambda: writer.read(1)) == "EBADF"


def test_pipe_poll_masks(either):
    reader, writer = either.pipe()
    assert reader.poll() & BASIC == 0
    assert writer.poll() & BASIC == POLLOUT
    writer.write(b"x")
    assert reader.poll() & BASIC == POLLIN


def test_pipe_size_can_be_set(host):
    reader, writer = host.pipe()
    assert reader.file.size() == 65536
    assert reader.file.set_size(5000, False) == 8192
    assert writer.write(bytes(10_000)) == 8192
    assert outcome(lambda: reader.file.set_size(4096, False)) == "EBUSY"
    assert outcome(lambda: reader.file.set_size(2 << 20, False)) == "EPERM"
    assert reader.file.set_size(2 << 20, True) == 2 << 20
    assert outcome(lambda: reader.file.set_size(0, True)) == "EINVAL"


def test_pipe_wakes_the_other_end(host):
    reader, writer = host.pipe()
    to_reader, to_writer = [], []
    host.watch(reader.file, to_reader)
    host.watch(writer.file, to_writer)
    writer.write(b"x")
    assert to_reader
    assert to_reader[0] & POLLIN
    reader.read(1)
    assert to_writer
    assert to_writer[0] & POLLOUT
    to_reader.clear()
    writer.close()
    assert to_reader
    assert to_reader[0] & POLLHUP


def test_pipe_shared_writer_ends_with_its_last_holder(host):
    reader, writer = host.pipe()
    child = host.kernel.fork(host.process, "child", ["child"])
    writer.close()
    assert outcome(lambda: reader.read(1)) == "EAGAIN"
    host.kernel.exit(child, 0)
    assert reader.read(1) == b""
