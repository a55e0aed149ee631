"""The site is its admin."""

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.generic import RedirectView


def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that the process answers; it asks neither the database nor the storage."""
    return HttpResponse("ok\n", content_type="text/plain")


admin.site.site_url = None  # there is no other site to view

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("healthz", healthz),
    path("admin/", admin.site.urls),
]
if settings.FILES == "disk":
    urlpatterns += static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)  # DEBUG only
