"""A user model with a UUID key, and models that own files."""

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models


class Member(AbstractUser):
    """A user."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)


class Album(models.Model):
    """What moderators select; it owns no file itself."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    title = models.CharField(max_length=50)

    def __str__(self):
        return self.title


class Photo(models.Model):
    """A picture of an album."""

    album = models.ForeignKey(Album, on_delete=models.CASCADE)
    picture = models.ImageField(upload_to="photos", db_index=True)


class Attachment(models.Model):
    """Another file of an album."""

    album = models.ForeignKey(Album, on_delete=models.CASCADE)
    document = models.FileField(upload_to="documents", db_index=True)
