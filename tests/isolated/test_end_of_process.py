"""Objects that outlive their process: none of them acts on descriptors of the outside, or of another."""

LIBRARY = """
import os, sys
class Holder:
    def __init__(self):
        self.numbers = [*os.pipe(), os.open("/etc/passwd", os.O_RDONLY), os.dup(0)]
        self.told = []
    def __del__(self):
        for number in self.numbers:
            try:
                os.close(number)
            except OSError as error:
                self.told.append(error.errno)
            else:
                self.told.append(int(number))
        print(*self.told)
"""


def script(tmp_path, end, library=LIBRARY):
    (tmp_path / "holding.py").write_text(library)
    path = tmp_path / "prog.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nfrom holding import Holder\n{end}\n")
    return path


RUN = """
import gc, os, sys
from fourtuple import Network
outer = [os.open("/dev/null", os.O_RDONLY) for _ in range(40)]
Network().close()
def descriptors():
    gc.collect()
    return sorted(os.listdir("/proc/self/fd"))
before = descriptors()
def run(path, **options):
    with Network(seed=1) as net:
        net.host("h")
        process = net.hosts["h"].spawn([sys.executable, path], **options)
        net.run()
        return process.exitcode, process.stdout, process.stderr
"""


def test_what_a_program_leaves_is_finalized_while_its_descriptors_are_open(fresh, tmp_path):
    path = script(tmp_path, "kept = Holder()\ncycle = Holder()\ncycle.me = cycle")
    fresh(
        f"""
        {RUN.replace(chr(10), chr(10) + " " * 8)}
        code, out, err = run({str(path)!r})
        rows = [list(map(int, line.split())) for line in out.splitlines()]
        print(code, err, [[number < 20 for number in row] for row in rows])
        print(descriptors() == before)
        """,
        "0  [[True, True, False, True], [True, True, False, True]]\nTrue\n",
    )


def test_object_kept_by_a_shared_module_closes_nothing_outside(fresh, tmp_path):
    path = script(tmp_path, "import collections\ncollections.kept = Holder()")
    fresh(
        f"""
        {RUN.replace(chr(10), chr(10) + " " * 8)}
        print(run({str(path)!r}))
        import collections
        assert set(collections.kept.numbers) & set(outer)
        del collections.kept
        print(descriptors() == before)
        """,
        "(0, '', '')\n9 9 9 9\nTrue\n",
    )


def test_object_kept_by_the_test_closes_nothing_outside(fresh):
    fresh(
        f"""
        {RUN.replace(chr(10), chr(10) + " " * 8)}
        class Holder:
            def __init__(self):
                self.numbers = [*os.pipe(), os.open("/etc/passwd", os.O_RDONLY)]
                self.file = open("/etc/passwd")
            def __del__(self):
                for number in self.numbers:
                    try:
                        os.close(number)
                    except OSError as error:
                        print(error.errno)
        def begin():
            steps = suspended()
            next(steps)
            return steps
        def suspended():
            number = os.dup(0)
            try:
                yield
            finally:
                try:
                    os.close(number)
                except OSError as error:
                    print("generator", error.errno)
        with Network(seed=1) as net:
            holding = net.host("h").spawn(Holder)
            waiting = net.host("i").spawn(begin)
            net.run()
            kept, generator = holding.result, waiting.result
        print(kept.file.closed, set(kept.numbers) & set(outer) != set(), descriptors() == before)
        # As the collector would, whenever nothing holds them any more.
        kept.__del__()
        generator.close()
        print(descriptors() == before)
        kept.numbers.clear()
        """,
        "True True True\n9\n9\n9\ngenerator 9\nTrue\n",
    )


def test_killed_process_leaves_no_real_file_open(fresh, tmp_path):
    path = tmp_path / "prog.py"
    path.write_text(
        "import os, signal\n"
        f"written = open({str(tmp_path / 'out')!r}, 'w')\n"
        "written.write('lost with the process')\n"
        "number = os.open('/etc/passwd', os.O_RDONLY)\n"
        "other = os.fdopen(os.dup(number))\n"
        "import collections\n"
        "collections.kept = written, other\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    fresh(
        f"""
        {RUN.replace(chr(10), chr(10) + " " * 8)}
        print(run({str(path)!r}))
        print(len(descriptors()) - len(before), os.path.getsize({str(tmp_path / "out")!r}))
        import collections
        print([file.closed for file in collections.kept])
        """,
        "(-9, '', '')\n0 0\n[True, True]\n",
    )


def test_garbage_of_one_process_closes_nothing_of_another(fresh):
    fresh(
        f"""
        {RUN.replace(chr(10), chr(10) + " " * 8)}
        import time
        class Cycle:
            def __init__(self):
                self.me, self.numbers = self, os.pipe()
            def __del__(self):
                for number in self.numbers:
                    os.close(number)
        def leaving():
            for _ in range(3):
                Cycle()
            time.sleep(10)
            return len(os.listdir("/proc/self/fd"))
        def collecting():
            mine = [os.pipe() for _ in range(5)]
            time.sleep(1)
            gc.collect()
            time.sleep(1)
            return [os.write(writer, b"x") + len(os.read(reader, 9)) for reader, writer in mine]
        with Network(seed=1) as net:
            first = net.host("a").spawn(leaving)
            second = net.host("b").spawn(collecting)
            net.run()
            print(first.result, second.result, descriptors() == before)
        """,
        "3 [2, 2, 2, 2, 2] True\n",
    )


def test_children_share_real_files_until_the_last_one_ends(fresh, tmp_path):
    path = tmp_path / "prog.py"
    path.write_text(
        "import os, subprocess, sys\n"
        f"number = os.open({str(tmp_path / 'out')!r}, os.O_WRONLY | os.O_CREAT)\n"
        "code = 'import os, sys, time; time.sleep(5); os.write(int(sys.argv[1]), b\"late\")'\n"
        "subprocess.Popen([sys.executable, '-c', code, str(number)], pass_fds=[number])\n"
    )
    fresh(
        f"""
        {RUN.replace(chr(10), chr(10) + " " * 8)}
        with Network(seed=1) as net:
            net.host("h").spawn([sys.executable, {str(path)!r}])
            net.host("i").spawn("python -c 'import time; time.sleep(9)'")
            net.run()
        from pathlib import Path
        print(Path({str(tmp_path / "out")!r}).read_text(), descriptors() == before)
        """,
        "late True\n",
    )


def test_number_knows_its_process_and_is_an_int_all_the_same(fresh):
    fresh(
        """
        import copy, json, os, pickle
        from fourtuple import Network
        def program():
            number = os.open("/dev/null", os.O_RDONLY)
            copies = pickle.loads(pickle.dumps(number)), copy.copy(number)
            return f"{number} {number!r} {json.dumps([number])} {copies} {number + 1} { {3: 1}[number]}"
        with Network() as net:
            process = net.host("h").spawn(program)
            net.run()
            print(process.result)
        """,
        "3 3 [3] (3, 3) 4 1\n",
    )
