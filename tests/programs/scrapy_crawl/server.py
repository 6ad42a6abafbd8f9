from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        links = (
            "".join(f'<a href="/page/{n}">{n}</a>' for n in range(8))
            if self.path == "/"
            else f"<h1>{self.path}</h1>"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(links.encode())

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("", 80), Handler).serve_forever()
