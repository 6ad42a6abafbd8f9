"""Times of real files inside: none from the future, virtual where the run wrote."""

import os
import time
from pathlib import Path

EPOCH = 1_767_225_600


def test_file_made_before_the_run_is_of_its_beginning(world, tmp_path):
    path = tmp_path / "made"
    path.write_text("x")

    def program():
        time.sleep(5)
        found = path.stat()
        with path.open() as file:
            same = os.fstat(file.fileno())
        return found.st_mtime, found.st_mtime_ns, found.st_atime, found.st_ctime, same.st_mtime, found.st_size

    assert world.call(program) == (EPOCH, EPOCH * 10**9, EPOCH, EPOCH, EPOCH, 1)


def test_old_file_keeps_its_time_and_the_rest_of_its_status(world, tmp_path):
    path = tmp_path / "old"
    path.write_text("x")
    os.utime(path, (5, 1_000_000_000))

    def program():
        return path.stat()

    inside, outside = world.call(program), path.stat()
    assert inside.st_mtime == outside.st_mtime == 1_000_000_000
    for name in ("st_mode", "st_dev", "st_nlink", "st_size", "st_blocks", "st_blksize", "st_rdev"):
        assert getattr(inside, name) == getattr(outside, name)


def test_file_written_in_the_run_has_virtual_times_inside_and_real_ones_outside(world, tmp_path):
    path = tmp_path / "log"
    began = time.time()

    def program():
        seen = []
        time.sleep(10)
        number = os.open(path, os.O_WRONLY | os.O_CREAT)
        seen.append(path.stat().st_mtime - EPOCH)
        time.sleep(10)
        os.write(number, b"x")
        os.close(number)
        seen.append(os.lstat(path).st_mtime - EPOCH)
        time.sleep(10)
        with path.open("a") as file:
            file.write("more")
        time.sleep(10)
        seen.append(os.path.getmtime(path) - EPOCH)
        os.utime(path, (7, 7))
        seen.append(path.stat().st_mtime)
        os.utime(path)
        seen.append(path.stat().st_mtime - EPOCH)
        return seen

    assert world.call(program) == [10, 20, 40, 7, 40]
    assert path.stat().st_mtime >= began - 1


def test_directories_are_listed_by_name(world, tmp_path):
    names = [f"{number:03d}" for number in range(40)]
    for name in reversed(names):
        (tmp_path / name).write_text("x")

    def program():
        with os.scandir(tmp_path) as found:
            entries = list(found)
        return (
            os.listdir(tmp_path),
            [entry.name for entry in entries],
            {entry.stat().st_mtime for entry in entries},
            [entry.is_file() for entry in entries[:1]],
            [os.fspath(entry) for entry in entries[:1]],
            [path.name for path in Path(tmp_path).iterdir()],
        )

    listed, scanned, times, kinds, paths, iterated = world.call(program)
    assert listed == scanned == iterated == names
    assert (times, kinds, paths) == ({EPOCH}, [True], [str(tmp_path / "000")])


def test_import_inside_leaves_the_compiled_file_as_it_is(world, tmp_path):
    source = tmp_path / "imported_here.py"
    source.write_text("value = 1\n")
    compiled = tmp_path / "__pycache__"

    def program():
        import sys

        sys.path.insert(0, str(tmp_path))
        import imported_here

        return imported_here.value

    assert world.call(program) == 1
    if compiled.exists():
        (cache,) = compiled.iterdir()
        assert int.from_bytes(cache.read_bytes()[8:12], "little") == int(source.stat().st_mtime)


def test_file_opened_to_be_added_to_is_changed_by_what_is_added(world, tmp_path):
    path = tmp_path / "log"

    def program():
        path.write_text("one\n")
        os.utime(path, (1000, 1000))
        with open(path, "a") as file:
            first = os.stat(path).st_mtime
            time.sleep(5)
            file.write("two\n")
        return first, os.stat(path).st_mtime == time.time()

    assert world.call(program) == (1000, True)
