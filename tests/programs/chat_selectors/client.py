"""Three who chat: each reads its socket in one thread and writes in another."""

import socket
import threading


class Talker:
    def __init__(self, name):
        self.name = name
        self.heard = []
        self.changed = threading.Condition()
        self.socket = socket.create_connection(("server", 6667), timeout=60)
        threading.Thread(target=self.read, name=name, daemon=True).start()
        self.say(name)

    def read(self):
        with self.socket.makefile("r") as lines:
            for line in lines:
                with self.changed:
                    self.heard.append(line.rstrip("\n"))
                    self.changed.notify_all()

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def wait_for(self, wanted):
        with self.changed:
            if not self.changed.wait_for(lambda: wanted in self.heard, timeout=120):
                raise TimeoutError(f"{self.name} never heard {wanted!r}: {self.heard}")

    def leave(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


ann = Talker("ann")
ann.wait_for("* ann joined")
ben = Talker("ben")
ann.wait_for("* ben joined")
cat = Talker("cat")
for talker in (ann, ben, cat):
    talker.wait_for("* cat joined")
long = "tea " * 20000
ann.say(long)
for n in range(20):
    ben.say(f"line {n}")
for talker in (ann, ben, cat):
    talker.wait_for("ann: " + long)
    talker.wait_for("ben: line 19")
cat.leave()
ann.wait_for("* cat left")
ann.say("/who")
ann.wait_for("* ann ben")
mine = [line for line in ann.heard if line.startswith("ben")]
print(mine == [f"ben: line {n}" for n in range(20)], len(ann.heard))
print([line for line in ann.heard if line.startswith("*")])
