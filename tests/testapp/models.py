"""Models that own files, or refer to those that do, by every type of relation."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models

from tests.testapp.defaults import Badge, Club, Profile
from tests.testapp.generic import Article, ArticleProxy, Attachment, Note, Parcel, Rating, Section
from tests.testapp.hidden import Binder, Binned, BinnedPage
from tests.testapp.storage import attachments

__all__ = [
    "Article", "ArticleProxy", "Attachment", "Badge", "Binder", "Binned", "BinnedPage", "Club",
    "Note", "Parcel", "Profile", "Rating", "Section",
]  # fmt: skip


class Shelf(models.Model):
    """A root whose cascade reaches files two steps away."""

    name = models.CharField(max_length=50)


class Tag(models.Model):
    """The far side of a many-to-many relation."""

    name = models.CharField(max_length=50)


class Volume(models.Model):
    """A UUID key, two file fields in a storage of their own; neither author, size nor digest."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, null=True)
    text = models.FileField(storage=attachments, blank=True, db_index=True)
    index = models.FileField(storage=attachments, blank=True, db_index=True)
    tags = models.ManyToManyField(Tag)
    notes = GenericRelation(Note)


class BoundVolume(Volume):
    """Multi-table inheritance with a file of its own."""

    cover = models.FileField(storage=attachments, blank=True, db_index=True)


class VolumeProxy(Volume):
    """A proxy, whose deletion sends the proxy's own signal."""

    class Meta:
        proxy = True


class Bookmark(models.Model):
    """SET_NULL, SET_DEFAULT, SET and DO_NOTHING."""

    volume = models.ForeignKey(Volume, on_delete=models.SET_NULL, null=True, related_name="+")
    second = models.ForeignKey(
        Volume, on_delete=models.SET_DEFAULT, default=None, null=True, related_name="+"
    )
    third = models.ForeignKey(Volume, on_delete=models.SET(None), null=True, related_name="+")


class Loan(models.Model):
    """PROTECT: a volume that is lent stays."""

    volume = models.ForeignKey(Volume, on_delete=models.PROTECT)
    borrower = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)


class Thread(models.Model):
    """A model that points to itself, and owns a file."""

    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True)
    picture = models.FileField(storage=attachments, blank=True, db_index=True)


class Album(models.Model):
    """RESTRICT between rows that may go together."""

    name = models.CharField(max_length=50)


class Song(models.Model):
    """Goes with its album; restricts the album that it also appears on."""

    album = models.ForeignKey(Album, on_delete=models.CASCADE)
    single_of = models.ForeignKey(
        Album, on_delete=models.RESTRICT, null=True, related_name="singles"
    )
    recording = models.FileField(storage=attachments, blank=True, db_index=True)


class Country(models.Model):
    """The target of a key that is not the primary key."""

    code = models.CharField(max_length=2, unique=True)


class Stamp(models.Model):
    """Points to a column that is not the primary key."""

    country = models.ForeignKey(Country, to_field="code", on_delete=models.CASCADE)
    scan = models.FileField(storage=attachments, blank=True, db_index=True)


class Exhibit(models.Model):
    """The root of a tree of plain foreign keys: a UUID key, and a file of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    poster = models.FileField(storage=attachments, blank=True, db_index=True)
    key = models.CharField(max_length=10, blank=True)
    follows = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")


class Case(models.Model):
    """Between the exhibit and the files that go with it; a column has a name that SQL may use."""

    key = models.CharField(max_length=10, blank=True)
    exhibit = models.ForeignKey(Exhibit, on_delete=models.CASCADE)
    beside = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")


class Piece(models.Model):
    """Two file fields, two steps away from the exhibit."""

    key = models.CharField(max_length=10, blank=True)
    case = models.ForeignKey(Case, on_delete=models.CASCADE)
    picture = models.FileField(storage=attachments, null=True, db_index=True)
    leaflet = models.FileField(storage=attachments, blank=True, db_index=True)


class Visit(models.Model):
    """PROTECT within the tree, and a date that may be missing."""

    exhibit = models.ForeignKey(Exhibit, on_delete=models.PROTECT)
    day = models.DateField(null=True)


from tests.testapp import models_references  # noqa: E402, F401 - Django looks for models here
