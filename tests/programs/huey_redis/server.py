"""The broker, and a consumer on the same host."""

import logging
import threading

from fakeredis import TcpFakeServer
from tasks import huey

broker = TcpFakeServer(("0.0.0.0", 6379), server_type="redis")
threading.Thread(target=broker.serve_forever, daemon=True).start()
logging.disable(logging.ERROR)
huey.create_consumer(workers=2, worker_type="thread").run()
