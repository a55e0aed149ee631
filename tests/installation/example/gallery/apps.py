"""Lets moderators see and remove what belongs to this app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class GalleryConfig(AppConfig):
    """Albums of members."""

    name = "gallery"

    def ready(self):
        """Grant the permissions after each migrate."""
        post_migrate.connect(after_migrate, sender=self)


def after_migrate(sender, using, **kwargs):
    """Grant what removing members and albums needs."""
    from moderation.permission_groups import MODERATORS, grant

    removed = ("member", "album", "photo", "attachment")
    codes = ["view_member", "view_album", *(f"delete_{model}" for model in removed)]
    grant(sender, MODERATORS, codes, using=using)
