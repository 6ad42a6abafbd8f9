"""The broker, and a worker on the same host."""

import threading

import redis
from fakeredis import TcpFakeServer
from rq import Queue, SimpleWorker

broker = TcpFakeServer(("0.0.0.0", 6379), server_type="redis")
threading.Thread(target=broker.serve_forever, daemon=True).start()


class Worker(SimpleWorker):
    def _set_ip_address(self, connection):
        """fakeredis' CLIENT INFO is none that redis-py can read."""
        self.ip_address = "10.0.0.1"


connection = redis.Redis("server")
Worker([Queue(connection=connection)], connection=connection).work(logging_level="WARNING")
