"""Descriptors, pipes, real files and the standard streams inside a simulated process."""

import io
import os
import shutil
import socket
import stat
import sys
import tempfile
import threading
import time

import pytest

from fourtuple import Network
from fourtuple.shim.real_files import REAL_BASE


def test_pipe_has_the_lowest_free_numbers(world):
    def program():
        first = os.pipe()
        os.close(first[0])
        return first, os.pipe(), os.dup(1)

    assert world.call(program) == ((3, 4), (3, 5), 6)


def test_read_of_an_empty_pipe_waits_for_the_writer(world):
    def program():
        reader, writer = os.pipe()

        def write():
            time.sleep(1)
            os.write(writer, b"hello")
            time.sleep(1)
            os.close(writer)

        threading.Thread(target=write).start()
        return os.read(reader, 3), os.read(reader, 9), os.read(reader, 9), time.monotonic()

    assert world.call(program) == (b"hel", b"lo", b"", 2.0)


def test_write_to_a_full_pipe_waits_for_the_reader(world):
    def program():
        reader, writer = os.pipe()

        def drain():
            time.sleep(1)
            got = 0
            while got < 200_000:
                got += len(os.read(reader, 65536))

        thread = threading.Thread(target=drain)
        thread.start()
        return os.write(writer, bytes(200_000)), time.monotonic()

    assert world.call(program) == (200_000, 1.0)


def test_nonblocking_pipe_raises_instead_of_waiting(world):
    def program():
        reader, writer = os.pipe2(os.O_NONBLOCK)
        with pytest.raises(BlockingIOError):
            os.read(reader, 1)
        taken = os.write(writer, bytes(100_000))
        with pytest.raises(BlockingIOError):
            os.write(writer, b"x")
        flags = os.get_blocking(reader)
        os.set_blocking(reader, True)
        return taken, flags, os.get_blocking(reader)

    assert world.call(program) == (65536, False, True)


def test_pipe_without_reader_is_broken(world):
    def program():
        reader, writer = os.pipe()
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            os.write(writer, b"x")
        return True

    assert world.call(program)


def test_sigpipe_at_its_default_ends_the_process(world):
    import signal

    def program():
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        reader, writer = os.pipe()
        os.close(reader)
        os.write(writer, b"x")

    running = world.spawn(program)
    world.run()
    assert running.exit_code == -signal.SIGPIPE


@pytest.mark.parametrize(
    "call",
    [
        lambda fd: os.read(fd, 1),
        lambda fd: os.write(fd, b"x"),
        lambda fd: os.close(fd),
        lambda fd: os.dup(fd),
        lambda fd: os.fstat(fd),
        lambda fd: os.get_blocking(fd),
        lambda fd: os.dup2(fd, 5),
        lambda fd: os.fdopen(fd),
        lambda fd: os.lseek(fd, 0, 0),
        lambda fd: os.ttyname(fd),
        lambda fd: os.fchdir(fd),
        lambda fd: os.sendfile(fd, 1, 0, 1),
    ],
)
def test_closed_number_is_a_bad_descriptor_and_reaches_nothing_outside(world, call):
    def program():
        with pytest.raises(OSError, match="Bad file descriptor"):
            call(0)
        return True

    def closing():
        os.close(0)
        return program()

    assert world.call(closing)
    assert os.fstat(0)


def test_real_descriptor_opened_outside_is_out_of_reach(world, tmp_path):
    with open(tmp_path / "outside", "w+") as file:
        fd = file.fileno()

        def program():
            for call in (os.close, os.dup, os.get_blocking):
                with pytest.raises(OSError, match="Bad file descriptor"):
                    call(fd)
            return os.fstat(file.fileno()).st_size

        assert world.call(program) == 0
        file.write("fine")


def test_a_closed_descriptor_is_no_file_of_the_outside(world, tmp_path):
    program = """
import os, socket
for name in (os.fstat, os.isatty, os.stat):
    for number in numbers:
        try:
            print(name(number))
        except OSError as error:
            print(error.errno)
a, b = socket.socketpair()
a.close(), b.close()
"""
    with open(tmp_path / "outside", "w+") as file, Network() as net:
        numbers = [file.fileno(), 3, 4]
        process = net.host("host").spawn(["python", "-c", f"numbers = {numbers}\n{program}"])
        net.run()
    assert process.stdout.split() == ["9"] * 3 + ["False"] * 3 + ["9"] * 3


def test_real_file_is_used_as_ever(world, tmp_path):
    path = tmp_path / "file"

    def program():
        with open(path, "w") as file:
            file.write("one\ntwo\n")
            number = file.fileno()
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            again = os.dup(file.fileno())
        data = os.read(again, 100)
        os.lseek(again, 4, os.SEEK_SET)
        rest = os.pread(again, 100, 4)
        os.close(again)
        fd = os.open(path, os.O_RDONLY)
        with os.fdopen(fd) as file:
            lines = list(file)
        return number >= REAL_BASE, size, data, rest, fd >= REAL_BASE, lines, os.path.getsize(path)

    expected = (True, 8, b"one\ntwo\n", b"two\n", True, ["one\n", "two\n"], 8)
    assert world.call(program) == expected


def test_real_files_are_closed_when_python_closes_them(world, tmp_path):
    def program():
        for n in range(20):
            with open(tmp_path / str(n), "w") as file:
                file.write("x")

    before = len(os.listdir("/proc/self/fd"))
    world.call(program)
    assert len(os.listdir("/proc/self/fd")) == before


def test_own_opener_and_temporary_files_work(world, tmp_path):
    def program():
        with open("inner", "x", opener=lambda path, flags: os.open(tmp_path / path, flags)) as file:
            file.write("opened")
        with tempfile.TemporaryFile() as file:
            file.write(b"temporary")
            file.seek(0)
            held = file.read()
        with tempfile.NamedTemporaryFile("w", dir=tmp_path) as file:
            name = os.path.exists(file.name)
        folder = tempfile.mkdtemp(dir=tmp_path)
        shutil.copy(tmp_path / "inner", folder)
        shutil.rmtree(folder)
        return held, name, os.path.exists(folder)

    assert world.call(program) == (b"temporary", True, False)
    assert (tmp_path / "inner").read_text() == "opened"


def test_directory_descriptor_can_be_entered(world, tmp_path):
    def program():
        fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
        os.fchdir(fd)
        os.close(fd)
        return os.getcwd()

    assert world.call(program) == str(tmp_path)


def test_missing_file_fails_as_outside(world):
    def program():
        with pytest.raises(FileNotFoundError) as caught, open("/no/such/file"):
            pass
        return str(caught.value)

    assert world.call(program) == "[Errno 2] No such file or directory: '/no/such/file'"


def test_file_object_over_a_pipe_reads_lines(world):
    def program():
        reader, writer = os.pipe()
        with open(writer, "w", buffering=1) as out:
            out.write("one\ntwo\n")
        with os.fdopen(reader) as inside:
            kept = inside.mode, inside.fileno(), inside.seekable(), repr(inside.buffer.raw)
            lines = list(inside)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.read(reader, 1)
        return kept, lines

    assert world.call(program) == (("r", 3, False, "<_io.FileIO name=3 mode='rb'>"), ["one\n", "two\n"])


def test_unbuffered_binary_pipe_objects(world):
    def program():
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        with open(writer, "wb", 0) as out, open(reader, "rb", 0, closefd=False) as inside:
            empty = inside.read(5)
            taken = out.write(b"hello")
            got = inside.read(5)
            with pytest.raises(io.UnsupportedOperation):
                inside.write(b"x")
            with pytest.raises(OSError, match="Illegal seek"):
                inside.seek(0)
        return empty, taken, got, os.fstat(reader).st_mode

    empty, taken, got, mode = world.call(program)
    assert (empty, taken, got) == (None, 5, b"hello")
    assert stat.S_ISFIFO(mode)


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("rw", {}),
        ("", {}),
        ("rbt", {}),
        ("rr", {}),
        ("rb", {"encoding": "utf-8"}),
        ("r", {"buffering": 0}),
        ("q", {}),
    ],
)
def test_open_of_a_number_with_a_bad_mode_fails_as_the_real_one(world, mode, options):
    def failure(fd):
        try:
            open(fd, mode, **options).close()
        except Exception as error:
            return type(error)

    assert world.call(lambda: failure(os.pipe()[0])) is failure(0)


def test_vectors_are_gathered_and_scattered(world):
    def program():
        reader, writer = os.pipe()
        count = os.writev(writer, [b"ab", b"cde"])
        buffers = [bytearray(3), bytearray(3)]
        return count, os.readv(reader, buffers), bytes(buffers[0]), bytes(buffers[1])

    assert world.call(program) == (5, 5, b"abc", b"de\0")


def test_dup2_replaces_standard_output(world):
    def program():
        reader, writer = os.pipe()
        saved = os.dup(1)
        os.dup2(writer, 1)
        print("into the pipe")
        os.dup2(saved, 1)
        print("to stdout")
        return os.read(reader, 100)

    running = world.spawn(program)
    world.run()
    assert running.result == b"into the pipe\n"
    assert running.stdout == "to stdout\n"


def test_questions_about_a_pipe_are_answered(world):
    def program():
        reader, _ = os.pipe()
        with pytest.raises(OSError, match="Inappropriate ioctl"):
            os.ttyname(reader)
        with pytest.raises(OSError, match="Inappropriate ioctl"):
            os.get_terminal_size()
        with pytest.raises(OSError, match="Invalid argument"):
            os.fsync(reader)
        with pytest.raises(OSError, match="Illegal seek"):
            os.pread(reader, 1, 0)
        inherited = os.get_inheritable(reader)
        os.set_inheritable(reader, True)
        return os.isatty(reader), os.isatty(99), os.device_encoding(1), inherited, os.get_inheritable(reader)

    assert world.call(program) == (False, False, None, False, True)


def test_range_of_descriptors_is_closed(world):
    def program():
        os.pipe()
        os.closerange(3, 1000)
        return os.pipe()

    assert world.call(program) == (3, 4)


def test_eventfd_counts(world):
    def program():
        fd = os.eventfd(2)
        os.eventfd_write(fd, 3)
        return os.eventfd_read(fd)

    assert world.call(program) == 5


def test_sendfile_from_a_real_file_to_a_pipe(world, tmp_path):
    (tmp_path / "data").write_bytes(b"0123456789")

    def program():
        reader, writer = os.pipe()
        with open(tmp_path / "data", "rb") as file:
            sent = os.sendfile(writer, file.fileno(), 2, 5), os.sendfile(writer, file.fileno(), 10, 5)
        return sent, os.read(reader, 100)

    assert world.call(program) == ((5, 0), b"23456")


def test_input_reads_the_processes_own_stream(world):
    def program():
        return input("name? "), input()

    running = world.spawn(program)
    running.stdin.feed(b"Ann\nBob")
    running.stdin.feed_eof()
    world.run()
    assert running.result == ("Ann", "Bob")
    assert running.stdout == "name? "


def test_input_at_the_end_is_eof(world):
    def program():
        with pytest.raises(EOFError):
            input()
        return sys.stdin.read()

    running = world.spawn(program)
    running.stdin.feed_eof()
    world.run()
    assert running.result == ""


def test_print_after_death_is_lost_quietly(world):
    def program():
        def late():
            try:
                time.sleep(100)
            finally:
                print("late")

        threading.Thread(target=late, daemon=True).start()
        time.sleep(1)

    running = world.spawn(program)
    world.run()
    world.run(world.clock.now)
    assert (running.stdout, running.stderr) == ("", "")


def test_closed_standard_output_is_none(world):
    kernel = world.kernel()
    from fourtuple.kernel.stdio import NullDevice
    from fourtuple.runtime.program import CallableProgram, start_program

    process = kernel.spawn("p", ["p"], None, *[NullDevice(kernel) for _ in range(3)])
    process.fds.close(1)
    program = CallableProgram(lambda: (sys.stdout, print("nothing")), (), {})
    start_program(world.scheduler, process, program)
    world.scheduler.run(-1, lambda: process.exit_code is not None)
    assert world.scheduler.state_of(process).result == (None, None)


def test_unix_socket_is_not_bound_where_a_real_file_is(world, tmp_path):
    path = tmp_path / "file"
    path.write_text("real")

    def program():
        with socket.socket(socket.AF_UNIX) as sock:
            with pytest.raises(OSError, match="Address already in use"):
                sock.bind(str(path))
            sock.bind(str(path) + "2")
            return os.path.exists(str(path) + "2")

    assert world.call(program) is True


def test_the_disk_is_the_same_on_every_machine_and_at_every_time(world):
    def program():
        with open(__file__) as file:
            of_file = os.fstatvfs(file.fileno())
        return shutil.disk_usage("/"), os.statvfs("/").f_bavail, of_file.f_bavail

    assert world.call(program) == ((1 << 37, 1 << 36, 1 << 36), 1 << 24, 1 << 24)
