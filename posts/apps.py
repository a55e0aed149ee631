"""The content app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate, post_save
from django.utils.translation import gettext_lazy as _

from moderation.signals import objects_removed


class PostsConfig(AppConfig):
    """Posts, pictures and reports."""

    name = "posts"
    verbose_name = _("Posts")

    def ready(self) -> None:
        """Connect the receivers: for permissions after each `migrate`, and for removed authors."""
        from posts import removed_authors  # noqa: PLC0415 - needs the models
        from posts.models import Post  # noqa: PLC0415 - after all apps are loaded

        post_migrate.connect(after_migrate, sender=self, dispatch_uid="posts.after_migrate")
        objects_removed.connect(
            removed_authors.record_authors, sender=Post, dispatch_uid="posts.record_authors"
        )
        post_save.connect(
            removed_authors.forget_disabling,
            sender=settings.AUTH_USER_MODEL,
            dispatch_uid="posts.forget_disabling",
        )


def after_migrate(sender: AppConfig, using: str, **_: Any) -> None:
    """Let moderators view and remove posts, if the app's tables exist in this database."""
    from posts import moderation  # noqa: PLC0415 - needs the models
    from posts.models import Post  # noqa: PLC0415 - after all apps are loaded

    if Post._meta.db_table in connections[using].introspection.table_names():
        moderation.grant_to_moderators(sender, using)
