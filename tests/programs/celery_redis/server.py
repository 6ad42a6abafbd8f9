"""The broker, and a worker on the same host."""

import threading

from fakeredis import TcpFakeServer
from tasks import app

broker = TcpFakeServer(("0.0.0.0", 6379), server_type="redis")
threading.Thread(target=broker.serve_forever, daemon=True).start()
app.worker_main(["worker", "--pool=threads", "--concurrency=2", "--loglevel=ERROR", "--without-gossip"])
