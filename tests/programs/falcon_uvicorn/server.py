import falcon
import falcon.asgi
import uvicorn


class Things:
    def __init__(self):
        self.things = {}

    async def on_put(self, request, response, name):
        self.things[name] = await request.get_media()
        response.status = falcon.HTTP_201

    async def on_get(self, request, response, name):
        if name not in self.things:
            raise falcon.HTTPNotFound(title="no such thing")
        response.media = self.things[name]


app = falcon.asgi.App()
app.add_route("/things/{name}", Things())
if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8000)
