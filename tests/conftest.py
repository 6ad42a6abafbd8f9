"""What every test gets: a check that it runs the form of the code it means to, and that nothing
outlives the processes it made.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import fourtuple
from fourtuple._compiled import is_compiled
from fourtuple.api.network import Network

PACKAGE = Path(fourtuple.__file__).parent


def pytest_report_header() -> str:
    return f"fourtuple: {'compiled' if is_compiled() else 'interpreted'}"


def pytest_configure() -> None:
    if is_compiled():
        library = min(file.stat().st_mtime for file in PACKAGE.parent.glob("*__mypyc*.so"))
        rooms = {file.parent for file in PACKAGE.rglob("*.so")}
        stale = [file.name for room in rooms for file in room.glob("*.py") if file.stat().st_mtime > library]
        if stale:
            pytest.exit(
                f"compiled modules are older than {sorted(stale)}: make build, make clean, "
                "or set FOURTUPLE_PURE_PYTHON=1",
                returncode=3,
            )
    expected = os.environ.get("FOURTUPLE_EXPECT")
    if expected and expected != ("compiled" if is_compiled() else "interpreted"):
        pytest.exit(f"FOURTUPLE_EXPECT={expected}, but it is not what is imported", returncode=3)


def leaks_of(network: Network) -> list[str]:
    """What a closed network still holds although the process it belonged to has ended.

    Connections whose last holder closed them go on to TIME_WAIT without a process, as on Linux, so
    an endpoint counts only if a socket holds it.
    """
    found = [f"thread {thread.name} of pid {thread.process.pid}" for thread in network.scheduler.threads]
    for name, host in network.hosts.items():
        kernel = host.node.kernel
        found += [
            f"{name}: pid {process.pid} holds fd {fd}"
            for process in kernel.processes.values()
            for fd, _ in process.fds.items()
        ]
        found += [f"{name}: {row.protocol} {row.local} is held" for row in kernel.sockets() if row.holders]
        if kernel.open_files.count:
            found.append(f"{name}: {kernel.open_files.count} open file descriptions")
    return found


@pytest.fixture(autouse=True)
def nothing_outlives_its_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every network that a test closes is searched; so are the OS threads of the test itself."""
    leaks: list[str] = []
    close = Network.close

    def close_and_search(network: Network) -> None:
        close(network)
        leaks.extend(leaks_of(network))

    monkeypatch.setattr(Network, "close", close_and_search)
    before = threading.active_count()
    yield
    assert not leaks
    assert threading.active_count() <= before
