import rpyc
from rpyc.utils.server import ThreadedServer


class Calculator(rpyc.Service):
    def exposed_add(self, a, b):
        return a + b

    def exposed_call(self, function, count):
        return [function(number) for number in range(count)]


ThreadedServer(Calculator, hostname="0.0.0.0", port=18861).start()
