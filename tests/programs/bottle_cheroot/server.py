from bottle import Bottle
from cheroot.wsgi import Server

app = Bottle()


@app.get("/<name>")
def hello(name):
    yield "hello "
    yield name


Server(("0.0.0.0", 8080), app, numthreads=4).start()
