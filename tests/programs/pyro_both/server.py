import Pyro5.api


@Pyro5.api.expose
class Counter:
    def __init__(self):
        self.value = 0

    def add(self, amount):
        self.value += amount
        return self.value

    def numbers(self, count):
        yield from range(count)


with Pyro5.api.Daemon(host="10.0.0.1", port=9090) as daemon:
    daemon.register(Counter, "counter")
    daemon.requestLoop()
