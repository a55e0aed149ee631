"""The content app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PostsConfig(AppConfig):
    """Posts, pictures and reports."""

    name = "posts"
    verbose_name = _("Posts")
