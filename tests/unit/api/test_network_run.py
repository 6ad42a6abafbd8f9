"""Processes on hosts: when they start and end, what they leave, and how a run is over."""

import gc
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fourtuple import BusyLoop, Network, Stuck
from fourtuple.api.host import Host

SECOND = 1_000_000_000


@pytest.fixture
def network() -> Iterator[Network]:
    with Network(seed=1) as made:
        yield made


@pytest.fixture
def host(network: Network) -> Host:
    return network.host("h")


def test_callable_returns_its_result(network: Network, host: Host) -> None:
    process = host.spawn(lambda a, b=0: a + b, 2, b=3)
    assert network.run()
    assert (process.result, process.exitcode, process.exception) == (5, 0, None)


def test_coroutine_function_runs_to_its_result(network: Network, host: Host) -> None:
    import asyncio

    async def program(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "slept"

    process = host.spawn(program, 2.5)
    network.run()
    assert process.result == "slept"
    assert network.now == pytest.approx(2.5 * SECOND, rel=1e-3)


def test_exception_of_a_callable_is_raised_by_result(network: Network, host: Host) -> None:
    def program() -> None:
        raise LookupError("nothing here")

    process = host.spawn(program)
    assert network.run()
    assert process.exitcode == 1
    assert "LookupError: nothing here" in process.stderr
    with pytest.raises(LookupError, match="nothing here"):
        _ = process.result


def test_process_not_started_yet_has_no_pid_and_no_result(network: Network, host: Host) -> None:
    process = host.spawn(int, start="1s")
    assert (process.pid, process.exitcode, process.exception) == (None, None, None)
    with pytest.raises(RuntimeError, match="has not ended"):
        _ = process.result
    network.run("500ms")
    assert process.pid is None
    network.run()
    assert process.pid == 2
    assert process.ended_at == SECOND


def test_start_is_counted_from_the_time_of_spawning(network: Network, host: Host) -> None:
    times: list[int] = []
    host.spawn(lambda: times.append(network.now), start="2s")
    network.run()
    host.spawn(lambda: times.append(network.now), start="3s")
    network.run()
    assert times == [2 * SECOND, 5 * SECOND]


def test_command_prints_and_exits_as_python_does(network: Network, host: Host) -> None:
    code = "import sys; print(sys.argv[1:]); print('oops', file=sys.stderr); sys.exit(3)"
    process = host.spawn(["python", "-c", code], "a", 1)
    network.run()
    assert process.stdout == "['a', '1']\n"
    assert process.stderr == "oops\n"
    assert process.exitcode == 3
    assert process.name == "python"


def test_script_reads_stdin_env_and_cwd(network: Network, host: Host, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("import os\nprint(input(), os.environ['WHO'], os.getcwd())\n")
    process = host.spawn("python x.py", cwd=tmp_path, env={"WHO": "me"}, stdin="hello\n")
    before = os.getcwd()
    network.run()
    assert process.stdout == f"hello me {tmp_path}\n"
    assert os.getcwd() == before
    assert "WHO" not in os.environ


def test_uid_is_the_processs_own(network: Network, host: Host) -> None:
    processes = [host.spawn(os.getuid), host.spawn(os.getuid, uid=1000)]
    network.run()
    assert [process.result for process in processes] == [0, 1000]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"program": "ls"}, "cannot be simulated"),
        ({"program": "python gone.py"}, r"there is no gone\.py in"),
        ({"program": int, "start": "soon"}, "'soon' is not a duration"),
    ],
)
def test_bad_spawn_is_refused_and_leaves_nothing(
    host: Host, arguments: dict[str, object], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        host.spawn(**arguments)  # type: ignore[arg-type]
    assert host.processes == []


def test_keyword_argument_for_a_command_is_refused(host: Host) -> None:
    with pytest.raises(TypeError, match="no keyword arguments: port"):
        host.spawn("python -c 1", port=80)


def test_run_waits_for_the_last_program_and_stops_daemons(network: Network, host: Host) -> None:
    daemon = host.spawn(time.sleep, 1000, daemon=True)
    short, long = host.spawn(time.sleep, 1), host.spawn(time.sleep, 2)
    assert network.run()
    assert network.now == 2 * SECOND
    assert (short.exitcode, long.exitcode, daemon.exitcode) == (0, 0, -15)
    assert daemon.stopped
    with pytest.raises(RuntimeError, match="ended by signal 15"):
        _ = daemon.result


def test_run_can_leave_daemons_running(network: Network, host: Host) -> None:
    daemon = host.spawn(time.sleep, 5, daemon=True)
    host.spawn(time.sleep, 1)
    network.run(stop_daemons=False)
    assert daemon.exitcode is None
    assert network.run("10s")
    assert daemon.exitcode == 0


def test_run_until_stops_in_between_and_goes_on(network: Network, host: Host) -> None:
    process = host.spawn(time.sleep, 5)
    assert network.run("2s") is False
    assert (network.now, process.exitcode) == (2 * SECOND, None)
    assert network.run() is True
    assert network.now == 5 * SECOND


def test_run_with_only_daemons_needs_an_end(network: Network, host: Host) -> None:
    daemon = host.spawn(time.sleep, 50, daemon=True)
    with pytest.raises(ValueError, match="only daemons"):
        network.run()
    network.run("3s")
    assert (network.now, daemon.exitcode) == (3 * SECOND, None)


def test_run_without_programs_ends_at_once_or_at_its_time(network: Network) -> None:
    assert network.run()
    assert network.now == 0
    assert network.run("4s")
    assert network.now == 4 * SECOND


def test_program_spawned_by_a_program_is_waited_for(network: Network, host: Host) -> None:
    process = host.spawn(lambda: host.spawn(time.sleep, 3))
    network.run()
    assert network.now == 3 * SECOND
    assert process.result is host.processes[1]


def test_call_at_a_time_may_spawn_and_kill(network: Network, host: Host) -> None:
    victim = host.spawn(time.sleep, 100)
    network.at("2s", victim.kill)
    network.at("1s", lambda: host.spawn(time.sleep, 3))
    assert network.run()
    assert network.now == 4 * SECOND
    assert (victim.exitcode, victim.ended_at) == (-9, 2 * SECOND)


def test_call_soon_is_made_when_the_running_program_blocks(network: Network, host: Host) -> None:
    order: list[str] = []

    def program() -> None:
        network.call_soon(lambda: order.append("soon"))
        order.append("running")
        time.sleep(1)
        order.append("slept")

    host.spawn(program)
    network.run()
    assert order == ["running", "soon", "slept"]


def test_kill_before_the_start_prevents_it(network: Network, host: Host) -> None:
    process = host.spawn(time.sleep, 1, start="1s")
    process.kill()
    assert network.run()
    assert process.pid is None
    network.run("2s")
    assert process.pid is None


def test_process_that_kills_itself_goes_no_further(network: Network, host: Host) -> None:
    passed: list[str] = []

    def program() -> None:
        passed.append("before")
        host.processes[0].kill()
        passed.append("after")

    process = host.spawn(program)
    network.run()
    assert passed == ["before"]
    assert process.exitcode == -9


def test_signal_runs_the_programs_handler_or_ends_it(network: Network, host: Host) -> None:
    caught: list[int] = []

    def program() -> None:
        signal.signal(signal.SIGUSR1, lambda signum, frame: caught.append(signum))
        time.sleep(10)

    process = host.spawn(program)
    process.send_signal(signal.SIGTERM)  # it does not run yet
    network.at("1s", lambda: process.send_signal(signal.SIGUSR1))
    network.at("2s", lambda: process.send_signal(signal.SIGTERM))
    network.run()
    assert caught == [signal.SIGUSR1]
    assert (process.exitcode, process.ended_at) == (-15, 2 * SECOND)


def test_stuck_run_says_who_waits_for_what(network: Network, host: Host) -> None:
    lock = threading.Lock()

    def program() -> None:
        lock.acquire()
        lock.acquire()

    host.spawn(program)
    with pytest.raises(Stuck, match=r"h program\[2\] MainThread: Lock") as caught:
        network.run()
    assert __file__ in str(caught.value)


def test_busy_loop_is_named(network: Network, host: Host) -> None:
    network.scheduler.watchdog_seconds = 0.05

    def spin() -> None:
        while True:
            pass

    host.spawn(spin)
    with pytest.raises(BusyLoop, match=r"h spin\[2\]"):
        network.run()


def test_live_network_prints_whole_lines_with_the_hosts_name(capsys: pytest.CaptureFixture[str]) -> None:
    with Network(live=True) as network:
        code = "import sys; print('one\\ntw', end=''); sys.stdout.flush(); print('o'); print('three', end='')"
        network.host("a").spawn(["python", "-c", code])
        network.host("longer").spawn(
            ["python", "-c", "import sys; print('bad', file=sys.stderr)"], start="1s"
        )
        network.run()
    out, err = capsys.readouterr()
    assert out == "a      | one\na      | two\na      | three\n"
    assert err == "longer | bad\n"


def test_closed_network_leaves_nothing_behind(tmp_path: Path) -> None:
    # What earlier tests left in cycles must not go meanwhile.
    gc.collect()
    descriptors = set(os.listdir("/proc/self/fd"))
    threads = threading.active_count()
    network = Network()
    host = network.host("h")
    process = host.spawn(time.sleep, 100)
    network.capture(tmp_path / "x.pcapng")
    network.run("1s")
    network.close()
    network.close()
    gc.collect()
    assert process.exitcode == -9
    assert set(os.listdir("/proc/self/fd")) == descriptors
    assert threading.active_count() == threads
    for action in (network.run, lambda: host.spawn(int), lambda: network.capture(tmp_path / "y")):
        with pytest.raises(RuntimeError, match="the network is closed"):
            action()


def test_same_seed_runs_the_same_and_another_differs() -> None:
    def run(seed: int) -> list[int]:
        order: list[int] = []

        def program() -> None:
            go = threading.Event()
            threads = [threading.Thread(target=lambda n=n: (go.wait(), order.append(n))) for n in range(8)]
            for thread in threads:
                thread.start()
            go.set()
            for thread in threads:
                thread.join()

        with Network(seed) as network:
            network.host("h").spawn(program)
            network.run()
        return order

    assert run(3) == run(3)
    assert len({tuple(run(seed)) for seed in range(6)}) > 1


def test_stdout_of_real_streams_was_not_kept(network: Network, host: Host) -> None:
    from fourtuple.api.streams import InputFile, RealOutput
    from fourtuple.runtime.program import CallableProgram

    kernel = host.node.kernel
    streams = (InputFile(kernel, b""), RealOutput(kernel, 1), RealOutput(kernel, 2))
    process = host.spawn_program(CallableProgram(int, (), {}), streams=streams)
    network.run()
    with pytest.raises(RuntimeError, match="was not kept"):
        _ = process.stdout
    assert sys.stdout is not None


def test_groups_are_reached_without_naming_an_interface() -> None:
    def listen() -> tuple[bytes, str]:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("", 5007))
        membership = struct.pack("4sl", socket.inet_aton("239.1.2.3"), socket.INADDR_ANY)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        data, (host, _) = sock.recvfrom(100)
        return data, host

    def publish() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
            sock.sendto(b"news", ("239.1.2.3", 5007))

    with Network() as network:
        network.switch("switch")
        for name in ("one", "two", "three"):
            network.link(network.host(name), "switch", latency="1ms")
        subscribers = [network.hosts[name].spawn(listen) for name in ("one", "two")]
        network.hosts["three"].spawn(publish, start="1s")
        network.run()
        assert [each.result for each in subscribers] == [(b"news", "10.0.0.3")] * 2


def test_a_daemon_that_fails_in_its_clean_up_when_it_is_ended_is_no_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def serve() -> None:
        try:
            time.sleep(100)
        finally:
            raise OSError("the clean-up found nothing any more")

    with Network(live=True) as network:
        daemon = network.host("a").spawn(serve, daemon=True)
        network.host("b").spawn(time.sleep, 1)
        network.run()
    assert daemon.stderr == ""
    assert capsys.readouterr() == ("", "")
