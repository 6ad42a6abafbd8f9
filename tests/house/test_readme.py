"""The README's programs, run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)


def run(code: str, directory: Path = ROOT) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_ten_lines_print_the_answer() -> None:
    assert run(BLOCKS[0]) == "Received: HELLO SOCKET!\n 0\n"


def test_a_function_is_a_program() -> None:
    lines, function = BLOCKS[0], BLOCKS[1]
    build = lines[: lines.index("hello =")]
    run("import socket\n" + build + function)


def test_the_test_of_a_cut_passes_because_tcp_retransmits(tmp_path: Path) -> None:
    (tmp_path / "fetch.py").write_text(
        "import sys, urllib.request, time\n"
        "answer = urllib.request.urlopen(sys.argv[1], timeout=30)\n"
        "print(answer.status, time.monotonic() > 9)\n"
    )
    code = "from fourtuple import Network\n" + BLOCKS[2].replace(
        "assert fetch", "print(fetch.stdout)\n        assert fetch"
    )
    assert run(code + "\ntest_client_survives_a_cut()\n", tmp_path).split() == ["200", "True"]


def test_the_forking_server_of_the_docs_prints_what_they_say() -> None:
    page = (ROOT / "docs" / "processes.md").read_text()
    code = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    printed = run(code).strip()
    assert f"It prints `{printed}`" in page
