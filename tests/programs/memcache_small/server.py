"""As much of memcached's text protocol as its clients use."""

import itertools
import socketserver

values = {}
stamps = itertools.count(1)


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            command, *words = line.decode().split()
            quiet = words[-1:] == ["noreply"]
            answer = self.answer(command, words)
            if not quiet:
                self.wfile.write(answer.encode() if isinstance(answer, str) else answer)

    def answer(self, command, words):
        if command in ("set", "add", "cas"):
            key, flags, _, size = words[:4]
            data = self.rfile.read(int(size) + 2)[:-2]
            if command == "add" and key in values:
                return "NOT_STORED\r\n"
            if command == "cas" and values[key][2] != int(words[4]):
                return "EXISTS\r\n"
            values[key] = (flags, data, next(stamps))
            return "STORED\r\n"
        if command in ("get", "gets"):
            found = b""
            for key in words:
                if key in values:
                    flags, data, stamp = values[key]
                    unique = f" {stamp}" if command == "gets" else ""
                    found += f"VALUE {key} {flags} {len(data)}{unique}\r\n".encode() + data + b"\r\n"
            return found + b"END\r\n"
        if command == "incr":
            flags, data, _ = values[words[0]]
            values[words[0]] = (flags, str(int(data) + int(words[1])).encode(), next(stamps))
            return values[words[0]][1].decode() + "\r\n"
        if command == "delete":
            return "DELETED\r\n" if values.pop(words[0], None) else "NOT_FOUND\r\n"
        return {"version": "VERSION 1.6.0\r\n"}.get(command, "ERROR\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("", 11211), Session).serve_forever()
