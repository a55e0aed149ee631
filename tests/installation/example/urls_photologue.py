"""Django's default admin site, and the pages of photologue."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("photologue/", include("photologue.urls", namespace="photologue")),
]
