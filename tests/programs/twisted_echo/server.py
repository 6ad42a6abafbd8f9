from twisted.internet import protocol, reactor
from twisted.protocols.basic import LineReceiver


class Upper(LineReceiver):
    def connectionMade(self):
        self.sendLine(b"hello " + self.transport.getPeer().host.encode())

    def lineReceived(self, line):
        if line == b"quit":
            reactor.callLater(0.5, self.transport.loseConnection)
        else:
            self.sendLine(line.upper())


factory = protocol.ServerFactory.forProtocol(Upper)
reactor.listenTCP(8000, factory)
reactor.run()
