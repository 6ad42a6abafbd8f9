import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="x",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
)
django.setup()
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path

urlpatterns = [path("hello/<name>", lambda request, name: JsonResponse({"hello": name}))]


class Chat(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def receive_json(self, said):
        await self.channel_layer.group_send(self.room, {"type": "said", "said": said})

    async def said(self, event):
        await self.send_json(event["said"])

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.room, self.channel_name)


app = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": URLRouter([path("chat/<room>", Chat.as_asgi())])}
)
if __name__ == "__main__":
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server

    Server(
        app, endpoints=build_endpoint_description_strings(host="0.0.0.0", port=8000), signal_handlers=False
    ).run()
