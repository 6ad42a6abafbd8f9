import asyncio

import tornado.web
import tornado.websocket


class Main(tornado.web.RequestHandler):
    async def get(self):
        await asyncio.sleep(0.1)
        self.write({"path": self.request.path, "ip": self.request.remote_ip})


class Echo(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message("echo " + message)


async def main():
    app = tornado.web.Application([(r"/echo", Echo), (r"/.*", Main)])
    app.listen(8888)
    await asyncio.Event().wait()


asyncio.run(main())
