"""/dev/null of a simulated process, and paths of its descriptors."""

import os

import pytest


def test_null_is_a_descriptor_of_the_process(world):
    def program():
        fd = os.open(os.devnull, os.O_RDWR)
        with open(os.devnull, "w") as file:
            file.write("gone")
        with open("/dev/null", "rb") as file:
            data = file.read()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(os.open(os.devnull, os.O_RDONLY), b"x")
        return fd, os.write(fd, b"x"), os.read(fd, 9), data, file.name

    assert world.call(program) == (3, 1, b"", b"", "/dev/null")


def test_descriptors_are_listed_and_opened_by_path(world):
    def program():
        reader, writer = os.pipe()
        with open(f"/dev/fd/{writer}", "wb", buffering=0) as file:
            file.write(b"by path")
        listed = os.listdir("/proc/self/fd"), os.listdir(f"/proc/{os.getpid()}/fd"), os.listdir("/dev/fd")
        kind = os.readlink(f"/proc/self/fd/{reader}").partition(":")[0]
        with pytest.raises(FileNotFoundError):
            os.open("/proc/self/fd/99", os.O_RDONLY)
        return os.read(reader, 99), listed, kind

    numbers = [str(fd) for fd in range(5)]
    assert world.call(program) == (b"by path", (numbers, numbers, numbers), "pipe")


def test_standard_streams_have_paths(world):
    def program():
        with open("/dev/stdin") as stdin, open("/dev/stdout", "w") as stdout:
            print(stdin.read(), file=stdout)

    running = world.spawn(program)
    running.stdin.feed(b"typed")
    running.stdin.feed_eof()
    world.run()
    assert running.stdout == "typed\n"


def test_real_file_takes_the_number_of_a_stream(world, tmp_path):
    def program():
        with open(tmp_path / "log", "w") as file:
            os.dup2(file.fileno(), 1)
        print("into the file", flush=True)

    running = world.spawn(program)
    world.run()
    assert running.exit_code == 0, running.stderr
    assert (tmp_path / "log").read_text() == "into the file\n"
    assert running.stdout == ""


def test_calls_for_files_of_a_disk_never_reach_the_machines_descriptors(world, tmp_path):
    def program():
        reader = os.pipe()[0]
        for call in (
            lambda: os.fchmod(reader, 0o600),
            lambda: os.fchown(reader, 1, 1),
            lambda: os.fstatvfs(reader),
            lambda: os.lockf(reader, os.F_LOCK, 1),
            lambda: os.posix_fadvise(reader, 0, 0, os.POSIX_FADV_NORMAL),
            lambda: os.fsync(reader),
            lambda: os.fchmod(99, 0o600),
        ):
            with pytest.raises(OSError, match=r"Invalid argument|Illegal seek|not simulated|Bad file"):
                call()
        with open(tmp_path / "log", "w+") as file:
            os.dup2(file.fileno(), 1)
        os.write(1, b"hello")
        os.ftruncate(1, 4)
        os.fsync(1)
        return os.pread(1, 9, 1)

    assert world.call(program) == b"ell"
