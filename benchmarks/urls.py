"""The site's URLs, and under `stock/` an admin with Django's own actions."""

from typing import Any

from django.contrib import admin
from django.urls import path

from posts.models import Post, PostImage, Report
from project.urls import urlpatterns as site


class StockPostAdmin(admin.ModelAdmin[Any]):
    """Posts with Django's own delete action."""

    list_display = ("title", "created_at")
    show_full_result_count = False


stock = admin.AdminSite("stock")
stock.register(Post, StockPostAdmin)
stock.register([PostImage, Report])

urlpatterns = [*site, path("stock/", stock.urls)]
