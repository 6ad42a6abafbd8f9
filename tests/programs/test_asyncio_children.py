"""asyncio's subprocesses and signals, run as a program would."""

import sys
from pathlib import Path

from fourtuple import Network

PROGRAM = """
import asyncio, os, signal, sys

PIPE = asyncio.subprocess.PIPE

def python(code):
    return sys.executable, "-u", "-c", code

async def main():
    loop = asyncio.get_running_loop()
    child = await asyncio.create_subprocess_exec(
        *python("import sys; print(sys.stdin.read()[::-1])"), stdin=PIPE, stdout=PIPE
    )
    print(await child.communicate(b"hello"), child.returncode)
    child = await asyncio.create_subprocess_exec(*python("import time; time.sleep(100)"))
    try:
        await asyncio.wait_for(child.wait(), 2)
    except TimeoutError:
        child.kill()
    print(await child.wait(), loop.time())
    children = [
        await asyncio.create_subprocess_exec(*python(f"import time, sys; time.sleep({i}); sys.exit({i})"))
        for i in (3, 1, 2)
    ]
    print(await asyncio.gather(*(child.wait() for child in children)), loop.time())
    child = await asyncio.create_subprocess_shell("python3 -c 'print(1)'", stdout=PIPE)
    print(await child.communicate())
    for start in (
        asyncio.create_subprocess_shell("ls | wc"),
        asyncio.create_subprocess_exec("/bin/ls"),
    ):
        try:
            await start
        except OSError as error:
            print(error.strerror.partition(" is not simulated")[1])
    got = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, got.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await got.wait()
    loop.add_signal_handler(signal.SIGCHLD, print, "a child ended")
    child = await asyncio.create_subprocess_exec(
        *python("import time\\nfor i in range(2): print(i); time.sleep(1)"), stdout=PIPE
    )
    async for line in child.stdout:
        print(line, loop.time())
    print(await child.wait())

asyncio.run(main())
"""

EXPECTED = """\
(b'olleh\\n', None) 0
-9 2.0
[3, 1, 2] 5.0
(b'1\\n', None)
 is not simulated
 is not simulated
b'0\\n' 5.0
b'1\\n' 6.0
a child ended
0
"""


def test_asyncio_runs_children_and_handles_signals(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    with Network(seed=1) as net:
        process = net.host("host").spawn([sys.executable, str(script)])
        net.run()
        assert process.stderr == ""
        assert process.stdout == EXPECTED
