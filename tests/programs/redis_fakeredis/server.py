from fakeredis import TcpFakeServer

TcpFakeServer(("0.0.0.0", 6379), server_type="redis").serve_forever()
