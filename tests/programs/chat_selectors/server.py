"""A chat server as the tutorials write it: one thread, selectors, lines, one buffer a client."""

import selectors
import socket


class Client:
    def __init__(self, connection):
        self.socket = connection
        self.name = None
        self.arrived = bytearray()
        self.leaving = bytearray()


class Chat:
    def __init__(self, address):
        self.selector = selectors.DefaultSelector()
        self.clients = {}
        listener = socket.create_server(address, reuse_port=False, backlog=50)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, self.accept)

    def run(self):
        while True:
            for key, events in self.selector.select(timeout=5):
                key.data(key.fileobj, events)

    def accept(self, listener, events):
        connection, _ = listener.accept()
        connection.setblocking(False)
        self.clients[connection] = Client(connection)
        self.selector.register(connection, selectors.EVENT_READ, self.serve)

    def serve(self, connection, events):
        client = self.clients[connection]
        if events & selectors.EVENT_READ:
            try:
                data = connection.recv(4096)
            except ConnectionError:
                data = b""
            if not data:
                return self.leave(client)
            client.arrived += data
            while b"\n" in client.arrived:
                line, _, rest = client.arrived.partition(b"\n")
                client.arrived = rest
                self.line(client, line.decode())
        if events & selectors.EVENT_WRITE and client.socket.fileno() >= 0:
            sent = connection.send(client.leaving)
            del client.leaving[:sent]
            self.watch(client)
        return None

    def line(self, client, line):
        if client.name is None:
            client.name = line
            self.say(f"* {line} joined")
        elif line == "/who":
            names = sorted(one.name for one in self.clients.values() if one.name)
            self.send(client, "* " + " ".join(names))
        else:
            self.say(f"{client.name}: {line}")

    def say(self, line):
        for client in list(self.clients.values()):
            if client.name:
                self.send(client, line)

    def send(self, client, line):
        client.leaving += line.encode() + b"\n"
        self.watch(client)

    def watch(self, client):
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.leaving else 0)
        self.selector.modify(client.socket, events, self.serve)

    def leave(self, client):
        self.selector.unregister(client.socket)
        del self.clients[client.socket]
        client.socket.close()
        if client.name:
            self.say(f"* {client.name} left")


Chat(("", 6667)).run()
