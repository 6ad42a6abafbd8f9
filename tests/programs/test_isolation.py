"""What processes share and what they do not; runs that end with programs still there."""

import asyncio
import logging
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from catalogue import need

from fourtuple import Network, Stuck

PACKAGE = "registry = []\ndef add(name):\n    registry.append(name)\n    return list(registry)\n"


def write(path: Path, source: str) -> Path:
    path.write_text(textwrap.dedent(source))
    return path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package that is loaded outside already, so that processes share it."""
    (tmp_path / "sharedpkg").mkdir()
    (tmp_path / "sharedpkg" / "__init__.py").write_text("from .store import add, registry\n")
    (tmp_path / "sharedpkg" / "store.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("sharedpkg", "sharedpkg.store"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    __import__("sharedpkg")
    yield "sharedpkg"
    for name in ("sharedpkg", "sharedpkg.store"):
        sys.modules.pop(name, None)


def test_two_processes_of_one_script_have_their_own_globals(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text(PACKAGE)
    script = write(
        tmp_path / "program.py",
        """
        import os, sys, time, helper
        state = {}
        state[sys.argv[1]] = True
        time.sleep(1)
        print(sorted(state), helper.add(sys.argv[1]), __file__, sys.path[0] == os.path.dirname(__file__))
        print(sys.modules["__main__"].state is state, os.getcwd())
        """,
    )
    with Network() as net:
        host = net.host("host")
        running = [host.spawn(["python", str(script), name], cwd=tmp_path) for name in ("a", "b")]
        net.run()
        for process, name in zip(running, "ab", strict=True):
            assert process.stdout == f"['{name}'] ['{name}'] {script} True\nTrue {tmp_path}\n", process.stderr


def test_isolated_package_is_imported_by_each_process(package: str, tmp_path: Path) -> None:
    script = write(
        tmp_path / "program.py",
        """
        import subprocess, sys, time, sharedpkg, sharedpkg.store
        time.sleep(1)
        print(sharedpkg.add(sys.argv[1]), sharedpkg.store.registry is sharedpkg.registry, flush=True)
        if len(sys.argv) < 3:
            subprocess.run([sys.executable, __file__, "child", "end"])
        """,
    )
    with Network() as net:
        host = net.host("host")
        running = [host.spawn(["python", str(script), name], isolate=[package]) for name in ("a", "b")]
        sharing = [host.spawn(["python", str(script), name, "end"], start="9s") for name in ("c", "d")]
        net.run()
        assert [one.stdout for one in running] == [
            "['a'] True\n['child'] True\n",
            "['b'] True\n['child'] True\n",
        ]
        assert {one.stdout for one in sharing} in (
            {"['c'] True\n", "['c', 'd'] True\n"},
            {"['d'] True\n", "['d', 'c'] True\n"},
        )
        assert sys.modules[package].registry in (["c", "d"], ["d", "c"])


@pytest.mark.parametrize("name", ["threading", "fourtuple", "a.b", "no name"])
def test_package_that_cannot_be_isolated_is_named(name: str) -> None:
    with Network() as net, pytest.raises(ValueError, match=name):
        net.host("host").spawn("python -c 1", isolate=[name])


def test_environment_replaced_whole_stays_the_process_own(tmp_path: Path) -> None:
    script = write(
        tmp_path / "program.py",
        """
        import os, sys, time
        os.environ = {"WHO": sys.argv[1]}
        time.sleep(1)
        print(os.environ, os.environ.get("HOME"))
        """,
    )
    before = sys.modules["os"].environ
    with Network() as net:
        host = net.host("host")
        running = [host.spawn(["python", str(script), name]) for name in "ab"]
        net.run()
        assert [one.stdout for one in running] == [f"{{'WHO': '{name}'}} None\n" for name in "ab"]
    assert sys.modules["os"].environ is before


def test_traceback_shows_the_path_that_was_given(tmp_path: Path) -> None:
    write(tmp_path / "program.py", "def fail():\n    raise KeyError('x')\nfail()\n")
    real = subprocess.run(
        [sys.executable, "./program.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    with Network() as net:
        process = net.host("host").spawn("python ./program.py", cwd=tmp_path)
        net.run()
        assert process.stderr == real.stderr


def test_children_left_behind_go_on_and_end_with_the_run(tmp_path: Path) -> None:
    script = write(
        tmp_path / "program.py",
        """
        import subprocess, sys
        code = "import os, socket, time; s = socket.create_server(('', 80)); time.sleep(1);"
        subprocess.Popen([sys.executable, "-u", "-c", code + "print(os.getppid()); time.sleep(1000)"])
        """,
    )
    with Network() as net:
        host = net.host("host")
        parent = host.spawn(["python", str(script)])
        waiting = host.spawn("python -c 'import time; time.sleep(5)'")
        net.run()
        assert (parent.exitcode, parent.stdout, waiting.exitcode) == (0, "1\n", 0)
        assert list(host.node.kernel.processes) == [1]
        assert not host.sockets()


def test_deadlock_names_children_and_who_holds_a_pipe(tmp_path: Path) -> None:
    script = write(
        tmp_path / "program.py",
        """
        import os, subprocess, sys, threading
        reader, writer = os.pipe()
        code = "import sys; sys.stdin.read()"
        child = subprocess.Popen([sys.executable, "-c", code], stdin=reader)
        threading.Thread(target=child.wait).start()
        os.read(reader, 1)
        """,
    )
    with Network() as net:
        net.host("host").spawn(["python", str(script)])
        with pytest.raises(Stuck) as caught:
            net.run()
    waiting = "\n".join(caught.value.waiting)
    assert "os.waitpid for pid 3 (python)" in waiting
    assert (
        "python[3] MainThread: read on fd 0, a pipe that can be written by program.py[2] as fd 4" in waiting
    )
    assert "os.read on fd 3, a pipe that can be written by program.py[2] as fd 4" in waiting


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("import socketserver as s; s.ForkingTCPServer(('', 80), s.BaseRequestHandler)", "os.fork"),
        ("import os; os.fork()", "os.fork"),
        ("import os; os.forkpty()", "os.forkpty"),
    ],
)
def test_forking_servers_are_refused_by_name(code: str, named: str) -> None:
    client = "import socket; socket.create_connection(('127.0.0.1', 80)).recv(1)"
    if "ForkingTCPServer" in code:
        code += ".handle_request()"
    with Network() as net:
        host = net.host("host")
        server = host.spawn(["python", "-c", code])
        host.spawn(["python", "-c", client], start="1s")
        net.run(until="5s")
        assert f"{named} is not simulated; a simulated process cannot be copied" in server.stderr
        assert "multiprocessing.Process" in server.stderr


DEFAULTS = {
    "bottle": """
        import bottle, sys
        bottle.route("/" + sys.argv[1])(print)
        print([route.rule for route in bottle.default_app().routes])
        """,
    "tornado": """
        import sys
        from tornado.options import define, options
        define("name", default="/" + sys.argv[1])
        print([options.name])
        """,
    "dramatiq": """
        import dramatiq, sys, time
        from dramatiq.brokers.stub import StubBroker
        dramatiq.set_broker(StubBroker())
        dramatiq.actor(print, actor_name="/" + sys.argv[1])
        time.sleep(1)
        print(sorted(dramatiq.get_broker().actors))
        """,
}


@pytest.mark.parametrize("library", DEFAULTS)
def test_what_a_library_keeps_for_its_program_is_not_shared(library: str, tmp_path: Path) -> None:
    need(library)
    write(tmp_path / "program.py", DEFAULTS[library])
    with Network() as net:
        running = [
            net.host(name).spawn(["python", "program.py", name], cwd=tmp_path) for name in ("one", "two")
        ]
        net.run()
        for process in running:
            assert process.stdout == f"['/{process.host.name}']\n", process.stderr


def name_tasks() -> list[str]:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        named = asyncio.create_task(asyncio.sleep(0), name="mine")
        loop.set_task_factory(lambda loop, coro, **settings: asyncio.Task(coro, loop=loop, **settings))
        made = loop.create_task(asyncio.sleep(0))
        return [task.get_name() for task in (asyncio.current_task(), named, made)]

    return asyncio.run(main())


def test_tasks_are_numbered_from_one_in_each_process() -> None:
    with Network() as net:
        host = net.host("host")
        running = [host.spawn(name_tasks) for _ in range(2)]
        net.run()
        for process in running:
            first, named, made = process.result
            assert (first, named) == ("Task-1", "mine")
            # CPython 3.13.0 passes the name None on to what a factory made.
            assert made in ("Task-2", "Task-3", "None")
        assert running[0].result == running[1].result


def set_logging() -> list[object]:
    class Own(logging.Logger):
        pass

    before = [getattr(logging, name) for name in ("raiseExceptions", "_srcfile", "logProcesses")]
    logging.raiseExceptions = logging._srcfile = logging.logProcesses = None
    logging.setLoggerClass(Own)
    return [*before, logging.getLogRecordFactory(), logging.getLoggerClass() is Own]


def test_switches_of_logging_are_each_process_own() -> None:
    names = ("raiseExceptions", "_srcfile", "logProcesses", "_loggerClass")
    outside = [getattr(logging, name) for name in names]
    with Network() as net:
        first, second = net.host("one").spawn(set_logging), net.host("two").spawn(set_logging)
        net.run()
        assert first.result == second.result == [*outside[:3], logging.LogRecord, True]
    assert [getattr(logging, name) for name in names] == outside
