"""The site's addresses, and below `stock/` an admin as Django has it."""

from typing import Any

from django.contrib import admin
from django.urls import path

from posts.models import Post, PostImage, Report
from project.urls import urlpatterns as site


class StockPostAdmin(admin.ModelAdmin[Any]):
    """Posts with Django's own action."""

    list_display = ("title", "created_at")
    show_full_result_count = False


stock = admin.AdminSite("stock")
stock.register(Post, StockPostAdmin)
stock.register([PostImage, Report])

urlpatterns = [*site, path("stock/", stock.urls)]
