"""A site of linked pages: some slow, some gone, some moved, some not for robots."""

import http.server
import time


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/robots.txt":
            return self.answer(200, b"User-agent: *\nCrawl-delay: 0.1\nDisallow: /private/\n", "text/plain")
        if self.path.startswith("/old/"):
            return self.answer(301, b"", "text/html", location="/page/" + self.path[5:])
        if not self.path.startswith("/page/"):
            return self.answer(404, b"no such page", "text/html")
        number = int(self.path[6:])
        if number % 7 == 3:
            time.sleep(0.7)
        links = [f"/page/{n}" for n in (2 * number + 1, 2 * number + 2) if n < 40]
        links += [
            f"/old/{number // 2}",
            f"/private/{number}",
            f"/gone/{number}" if number % 5 == 0 else "/page/0#top",
        ]
        text = "".join(f'<a href="{link}">{link}</a>\n' for link in links) + "tea " * (50 * number)
        self.answer(200, text.encode(), "text/html")
        return None

    def answer(self, status, body, kind, location=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("0.0.0.0", 80), Site).serve_forever()
