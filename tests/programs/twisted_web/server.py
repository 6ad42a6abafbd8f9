import os

from twisted.internet import endpoints, reactor
from twisted.web import resource, server


class Upper(resource.Resource):
    isLeaf = True

    def render_POST(self, request):
        body = request.content.read().upper()
        reactor.callLater(0.2, self.finish, request, body)
        return server.NOT_DONE_YET

    def finish(self, request, body):
        request.write(body)
        request.finish()


site = server.Site(Upper())
endpoints.serverFromString(
    reactor, f"ssl:443:privateKey={os.environ['TLS_KEY']}:certKey={os.environ['TLS_CERT']}"
).listen(site)
endpoints.serverFromString(reactor, "tcp:80").listen(site)
reactor.run()
