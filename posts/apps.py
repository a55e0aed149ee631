"""The content app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PostsConfig(AppConfig):
    """Posts, pictures and reports."""

    name = "posts"
    verbose_name = _("Posts")

    def ready(self) -> None:
        """Connect the receivers of this app."""
        from posts import receivers  # noqa: PLC0415 - needs the models

        receivers.connect()
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="posts.after_migrate")


def after_migrate(sender: AppConfig, using: str, **_: Any) -> None:
    """Let moderators view and remove posts, if the app's tables exist in this database."""
    from posts import moderation  # noqa: PLC0415 - needs the models
    from posts.models import Post  # noqa: PLC0415 - after all apps are loaded

    if Post._meta.db_table in connections[using].introspection.table_names():
        moderation.grant_to_moderators(sender, using)
