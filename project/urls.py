"""The URLs of the site, which consists of its admin."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import path
from django.views.generic import RedirectView
from django.views.static import serve

from project.storages import PICTURE_CACHE_CONTROL


def healthz(_request: HttpRequest) -> HttpResponse:
    """Return 200, to show that the process responds. Check neither database nor storage."""
    return HttpResponse("ok\n", content_type="text/plain")


def picture(request: HttpRequest, path: str) -> HttpResponse | FileResponse:
    """Serve a file from MEDIA_ROOT. Raises Http404."""
    response = serve(request, path, document_root=str(settings.MEDIA_ROOT))
    response.headers["Cache-Control"] = PICTURE_CACHE_CONTROL
    return response


admin.site.site_url = None  # there is no other site to view

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("healthz", healthz),
    path("admin/", admin.site.urls),
]
if settings.FILES == "disk":
    # Only under DEBUG; otherwise the proxy serves them, with the same header.
    urlpatterns += static(settings.MEDIA_URL, view=picture)
