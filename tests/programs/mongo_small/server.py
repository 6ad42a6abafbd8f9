"""As much of MongoDB's wire protocol as a client needs to insert and find."""

import socketserver
import struct

import bson

collections = {}


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self.rfile.read(16):
            length, request, _, kind = struct.unpack("<iiii", head)
            body = self.rfile.read(length - 16)
            if kind == 2004:  # OP_QUERY, the first hello
                start = body.index(b"\0", 4) + 9
                answer = bson.encode(self.answer(bson.decode(body[start:])))
                self.reply(request, 1, struct.pack("<iqii", 8, 0, 0, 1) + answer)
            else:  # OP_MSG
                command = self.read_message(body)
                self.reply(request, 2013, struct.pack("<iB", 0, 0) + bson.encode(self.answer(command)))

    def read_message(self, body):
        at, command = 4, {}
        while at < len(body):
            section, at = body[at], at + 1
            (size,) = struct.unpack_from("<i", body, at)
            if section == 0:
                command.update(bson.decode(body[at : at + size]))
            else:
                name_end = body.index(b"\0", at + 4)
                command[body[at + 4 : name_end].decode()] = bson.decode_all(body[name_end + 1 : at + size])
            at += size
        return command

    def reply(self, request, kind, body):
        self.wfile.write(struct.pack("<iiii", len(body) + 16, 0, request, kind) + body)

    def answer(self, command):
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            return {
                "ok": 1,
                "ismaster": True,
                "helloOk": True,
                "maxWireVersion": 21,
                "minWireVersion": 0,
                "maxBsonObjectSize": 16777216,
                "maxMessageSizeBytes": 48000000,
                "maxWriteBatchSize": 100000,
            }
        things = collections.setdefault(command.get(name), [])
        if name == "insert":
            things += command["documents"]
            return {"ok": 1, "n": len(command["documents"])}
        if name == "find":
            wanted = command.get("filter", {})
            found = [thing for thing in things if wanted.items() <= thing.items()]
            return {"ok": 1, "cursor": {"id": 0, "ns": f"shop.{command[name]}", "firstBatch": found}}
        return {"ok": 1} if name in ("ping", "endSessions") else {"ok": 0, "errmsg": f"no {name}", "code": 59}


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("", 27017), Session).serve_forever()
