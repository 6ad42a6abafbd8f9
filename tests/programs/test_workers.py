"""Servers that start worker processes."""

from pathlib import Path

import pytest

from fourtuple import Network

APPLICATION = """
import os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""

CLIENT = """
import urllib.request
print(sorted({urllib.request.urlopen("http://server:8000/").read().decode() for _ in range(12)}))
"""


def test_uvicorn_serves_by_workers_and_ends_on_sigterm(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn", reason="not installed: uvicorn (pip install 'fourtuple[programs]')")
    (tmp_path / "application.py").write_text(APPLICATION)
    with Network(seed=2) as net:
        net.host("server")
        net.host("client")
        net.link("server", "client", latency="5ms")
        serving = net.hosts["server"].spawn(
            "python -m uvicorn application:app --workers 2 --host 0.0.0.0 --port 8000", cwd=tmp_path
        )
        asking = net.hosts["client"].spawn(["python", "-c", CLIENT], start="5s")
        net.at("10s", lambda: serving.send_signal(15))
        net.run(until="60s")
        assert asking.stdout == "['3', '4']\n", asking.stderr + serving.stderr
        assert serving.exitcode == 0
        assert "Finished server process" in serving.stderr
