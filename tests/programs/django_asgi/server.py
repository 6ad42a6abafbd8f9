import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path


async def index(request):
    return JsonResponse({"path": request.path, "who": request.GET.get("who")})


urlpatterns = [path("hello/", index)]
settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", USE_TZ=True)
if __name__ == "__main__":
    uvicorn.run(get_asgi_application(), host="0.0.0.0", port=8000)
