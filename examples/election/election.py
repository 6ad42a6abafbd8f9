"""Electing a leader by UDP, as Raft does (Ongaro and Ousterhout, 2014, section 5.2): election.py NAME PEER…

It knows nothing of fourtuple: run one on each of several machines, or all of them on a simulated network.
"""

import random
import socket
import sys
import time

PORT = 7400
HEARTBEAT = 0.05


class Member:
    def __init__(self, name: str, peers: list[str]) -> None:
        self.name = name
        self.peers = peers
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("", PORT))
        self.role = "follower"
        self.term = 0
        self.voted_for = ""
        self.votes: set[str] = set()
        self.leader = ""
        self.wait_for_a_leader()

    def wait_for_a_leader(self) -> None:
        self.next = time.monotonic() + random.uniform(0.15, 0.3)

    def say(self, text: str) -> None:
        print(f"{time.monotonic():.3f} term {self.term}: {text}", flush=True)

    def send(self, kind: str, *peers: str) -> None:
        for peer in peers or self.peers:
            try:
                self.sock.sendto(f"{kind} {self.term} {self.name}".encode(), (peer, PORT))
            except OSError as error:
                self.say(f"cannot reach {peer}: {error}")

    def run(self) -> None:
        while True:
            left = self.next - time.monotonic()
            if left <= 0:
                self.time_is_up()
                continue
            self.sock.settimeout(left)
            try:
                data, _ = self.sock.recvfrom(100)
            except TimeoutError:
                continue
            kind, term, sender = data.decode().split()
            self.received(kind, int(term), sender)

    def time_is_up(self) -> None:
        if self.role == "leader":
            self.next += HEARTBEAT
            self.send("append")
            return
        self.term += 1
        self.role, self.voted_for, self.votes = "candidate", self.name, {self.name}
        self.say("candidate")
        self.wait_for_a_leader()
        self.send("ask")

    def received(self, kind: str, term: int, sender: str) -> None:
        if term > self.term:
            self.term, self.role, self.voted_for, self.leader = term, "follower", "", ""
            self.wait_for_a_leader()
        if term < self.term:
            return
        if kind == "ask" and self.voted_for in ("", sender):
            self.voted_for = sender
            self.wait_for_a_leader()
            self.send("vote", sender)
        elif kind == "vote" and self.role == "candidate":
            self.votes.add(sender)
            if len(self.votes) * 2 > len(self.peers) + 1:
                self.role, self.next = "leader", time.monotonic()
                self.say("leader")
        elif kind == "append":
            self.role = "follower"
            self.wait_for_a_leader()
            if self.leader != sender:
                self.leader = sender
                self.say(f"follows {sender}")


if __name__ == "__main__":
    Member(sys.argv[1], sys.argv[2:]).run()
