"""A program on a simulated host answers a real client."""

from __future__ import annotations

import subprocess
import sys

import pytest
from attached import KERNEL_V4, OURS_V4, why_not

from fourtuple import Network
from fourtuple.attach.outside import Outside
from fourtuple.attach.realtime import RealTime
from fourtuple.attach.tap_device import TapDevice
from fourtuple.clock.clock import SECOND

REASON = why_not()

CLIENT = f"import urllib.request; print(urllib.request.urlopen('http://{OURS_V4}/').read().decode())"


def serve() -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"from a simulated host"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    HTTPServer(("", 80), Handler).serve_forever()


@pytest.mark.slow
@pytest.mark.skipif(bool(REASON), reason=REASON or "all is there")
def test_simulated_web_server_answers_a_real_client() -> None:
    space = "fourtupleweb"
    subprocess.run(["ip", "netns", "add", space], check=True)
    try:
        with Network(seed=1) as net, TapDevice("ftweb") as tap:
            host, switch = net.host("web", OURS_V4 + "/24"), net.switch("lan")
            net.link(host, switch, latency="2ms")
            host.spawn(serve)
            subprocess.run(["ip", "link", "set", tap.name, "netns", space], check=True)
            for words in (f"addr add {KERNEL_V4}/24 dev {tap.name}", f"link set {tap.name} up"):
                subprocess.run(["ip", "-n", space, *words.split()], check=True)
            outside = Outside(net.fabric.switches["lan"], tap)
            time = RealTime(net.clock, [outside], lambda until: net.run(until=until, stop_daemons=False))
            client = subprocess.Popen(
                ["ip", "netns", "exec", space, sys.executable, "-c", CLIENT],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert time.run(lambda: client.poll() is not None, 20 * SECOND)
            out, _ = client.communicate(timeout=5)
            assert out == "from a simulated host\n"
    finally:
        subprocess.run(["ip", "netns", "del", space], check=True)
