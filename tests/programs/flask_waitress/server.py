from flask import Flask, request
from waitress import serve

app = Flask(__name__)


@app.get("/<name>")
def hello(name):
    return f"hello {name}"


@app.post("/upload")
def upload():
    return str(len(request.get_data()))


serve(app, host="0.0.0.0", port=8080, threads=4)
