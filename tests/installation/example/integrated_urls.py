"""One admin site, which is not Django's default one."""

from django.urls import path
from gallery.admin import desk

urlpatterns = [path("desk/", desk.urls)]
