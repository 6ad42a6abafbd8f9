import time

from flask import Flask, Response, jsonify, request

app = Flask(__name__)
attempts = {"flaky": 0}


@app.get("/")
def index():
    return jsonify(host=request.host, agent=request.user_agent.string.split("/")[0])


@app.post("/sum")
def total():
    return jsonify(sum=sum(request.get_json()))


@app.get("/flaky")
def flaky():
    attempts["flaky"] += 1
    return ("try again", 503) if attempts["flaky"] < 3 else "third time"


@app.get("/stream")
def stream():
    def rows():
        for number in range(5):
            yield f"row {number}\n"
            time.sleep(0.1)

    return Response(rows(), mimetype="text/plain")


@app.get("/slow")
def slow():
    time.sleep(5)
    return "late"


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=5000, threaded=True)
