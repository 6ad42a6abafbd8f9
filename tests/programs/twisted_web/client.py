import os
from io import BytesIO

from twisted.internet import defer, ssl, task
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    FileBodyProducer,
    HTTPConnectionPool,
    readBody,
)

with open(os.environ["SSL_CERT_FILE"]) as file:
    root = ssl.Certificate.loadPEM(file.read())


@defer.inlineCallbacks
def main(reactor):
    pool = HTTPConnectionPool(reactor)
    agent = Agent(reactor, BrowserLikePolicyForHTTPS(trustRoot=root), pool=pool)
    for url in (b"http://server/", b"https://server/"):
        posts = [
            agent.request(b"POST", url, bodyProducer=FileBodyProducer(BytesIO(b"word" * n)))
            for n in (1, 2, 8000)
        ]
        answers = yield defer.gatherResults(posts)
        bodies = yield defer.gatherResults([readBody(answer) for answer in answers])
        print([(body[:4], len(body)) for body in bodies])
    try:
        yield agent.request(b"GET", b"http://server:81/")
    except Exception as error:
        print(type(error).__name__)
    try:
        yield agent.request(b"GET", b"https://10.0.0.1/")
    except Exception as error:
        print(type(error).__name__)
    yield pool.closeCachedConnections()


task.react(main)
