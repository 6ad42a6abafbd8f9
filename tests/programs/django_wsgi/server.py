import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import JsonResponse
from django.urls import path


def index(request):
    return JsonResponse({"path": request.path, "who": request.GET.get("who")})


urlpatterns = [path("hello/", index)]
settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", USE_TZ=True)
if __name__ == "__main__":
    execute_from_command_line([sys.argv[0], "runserver", "--noreload", "0.0.0.0:8000"])
