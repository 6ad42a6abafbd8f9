"""The broker, and a worker on the same host."""

import logging
import threading

from dramatiq import Worker
from fakeredis import TcpFakeServer
from tasks import broker

server = TcpFakeServer(("0.0.0.0", 6379), server_type="redis")
threading.Thread(target=server.serve_forever, daemon=True).start()
logging.disable(logging.ERROR)
worker = Worker(broker, worker_threads=2)
worker.start()
threading.Event().wait()
