import socketserver
import threading

from websockify.websocketproxy import WebSocketProxy


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


socketserver.ThreadingTCPServer.daemon_threads = True
threading.Thread(
    target=socketserver.ThreadingTCPServer(("127.0.0.1", 7), Echo).serve_forever, daemon=True
).start()
WebSocketProxy(listen_host="0.0.0.0", listen_port=6080, target_host="127.0.0.1", target_port=7).start_server()
