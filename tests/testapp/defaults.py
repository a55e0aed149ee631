"""File fields with a default, which every row has and none owns."""

from __future__ import annotations

from itertools import count

from django.db import models

from tests.testapp.storage import attachments

DEFAULT_AVATAR = "avatars/default.png"
DEFAULT_BANNER = "banners/default.png"
DEFAULT_BADGE = "badges/default.png"
_numbers = count()


def default_banner() -> str:
    """Return always the same name, like a default from a site's settings."""
    return DEFAULT_BANNER


def changing_name() -> str:
    """Return a different name at each call."""
    return f"drawn/{next(_numbers)}.png"


class Club(models.Model):
    """The root of a tree of plain foreign keys."""

    name = models.CharField(max_length=50, blank=True)


class Profile(models.Model):
    """Constant and callable defaults, with a size."""

    club = models.ForeignKey(Club, on_delete=models.CASCADE, null=True)
    avatar = models.FileField(storage=attachments, default=DEFAULT_AVATAR, db_index=True)
    banner = models.FileField(storage=attachments, default=default_banner, db_index=True)
    size = models.IntegerField(default=0)


class Badge(models.Model):
    """A default of the database, and one that changes."""

    picture = models.FileField(storage=attachments, db_default=DEFAULT_BADGE, db_index=True)
    drawn = models.FileField(storage=attachments, default=changing_name, db_index=True)
