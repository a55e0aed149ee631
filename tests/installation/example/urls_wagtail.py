"""Wagtail's admin, and the admin site of the recipe."""

from django.urls import include, path
from wagtail.admin import urls as wagtail_admin

urlpatterns = [
    path("cms/", include(wagtail_admin)),
    path("", include("recipes.urls")),
]
