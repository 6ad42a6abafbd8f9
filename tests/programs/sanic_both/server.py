from sanic import Sanic
from sanic.response import json, text

app = Sanic("server")


@app.get("/hello/<name>")
async def hello(request, name):
    return json({"hello": name, "ip": request.ip})


@app.post("/length")
async def length(request):
    return text(str(len(request.body)))


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000, single_process=True, motd=False, access_log=False)
