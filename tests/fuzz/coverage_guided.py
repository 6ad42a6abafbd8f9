"""Coverage-guided fuzzing of one target, with atheris (``pip install -e .[fuzz]``).

    python tests/fuzz/coverage_guided.py TARGET [options of libFuzzer, such as -runs=100000]

TARGET is a parser's name as in fuzz_targets.py, or ``input``: the input path of a host whose connections
are in all states. It begins from valid packets; an input that fails is written to the working folder,
and given as an argument it runs alone.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

# The switch to the interpreted form would find modules before the instrumentation does.
os.environ.pop("FOURTUPLE_PURE_PYTHON", None)
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "torture"))

import atheris  # noqa: E402

with atheris.instrument_imports(include=["fourtuple"]):
    from fuzz_host import FuzzHost, repaired
    from fuzz_targets import TARGETS

    from fourtuple._compiled import is_compiled

FRAMES_A_HOST = 2000


class InputPath:
    """A host, renewed now and then, since most attacks end some of its connections."""

    def __init__(self) -> None:
        self.left = 0
        self.v6 = False

    def __call__(self, data: bytes) -> None:
        if self.left == 0:
            self.left = FRAMES_A_HOST
            self.v6 = not self.v6
            self.host = FuzzHost(self.v6)
        self.left -= 1
        self.host.feed(repaired(data), False)
        if self.left % 64 == 0:
            self.host.run(50)
            self.host.check()


def main(arguments: list[str]) -> None:
    if is_compiled():
        sys.exit("compiled modules cannot be instrumented: make clean")
    targets = {target.name: target for target in TARGETS}
    name = arguments[1] if len(arguments) > 1 else ""
    if name != "input" and name not in targets:
        sys.exit(f"TARGET {name!r} is none of: input, {', '.join(targets)}")
    call = InputPath() if name == "input" else targets[name]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as corpus:
        for v6 in (False, True):
            for number, frame in enumerate(FuzzHost(v6).seen):
                for layer, cut in enumerate((0, 14, 54 if v6 else 34)):
                    if name != "input" or cut == 0:
                        (Path(corpus) / f"{int(v6)}-{layer}-{number}").write_bytes(frame[cut:])
        given = arguments[2:]
        inputs = [] if any(Path(word).is_file() for word in given) else [corpus]
        # libFuzzer ends its process at once, and nothing of Python's runs any more.
        child = os.fork()
        if child == 0:
            atheris.Setup([arguments[0], *given, *inputs], call)
            atheris.Fuzz()
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv)
