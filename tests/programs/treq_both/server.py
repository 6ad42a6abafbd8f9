from twisted.internet import endpoints, reactor
from twisted.web import resource, server


class Things(resource.Resource):
    isLeaf = True

    def __init__(self):
        super().__init__()
        self.things = {}

    def render_PUT(self, request):
        self.things[request.path] = request.content.read()
        request.setResponseCode(201)
        return b""

    def render_GET(self, request):
        reactor.callLater(0.5, self.later, request)
        return server.NOT_DONE_YET

    def later(self, request):
        request.write(self.things.get(request.path, b"none"))
        request.finish()


endpoints.serverFromString(reactor, "tcp:8000").listen(server.Site(Things()))
reactor.run()
