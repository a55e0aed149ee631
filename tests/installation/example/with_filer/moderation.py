"""The files of django-filer, with the thumbnails that easy-thumbnails made of them."""

from collections import defaultdict

from django.db.models.signals import post_delete
from easy_thumbnails.models import Source, Thumbnail
from filer.models import File

from moderation.registration import register


def storages(files):
    """Return the storage of each file."""
    return ["default" if file.is_public else "filer_private" for file in files]


def thumbnails(files):
    """Yield the thumbnails of each file."""
    made = defaultdict(list)
    names = [file.file.name for file in files]
    for source, name in Thumbnail.objects.filter(source__name__in=names).values_list(
        "source__name", "name"
    ):
        made[source].append(name)
    for file in files:
        alias = "default" if file.is_public else "filer_private_thumbnails"
        for name in made[file.file.name]:
            yield file, alias, name


def forget_thumbnails(instance, **kwargs):
    """Delete the rows in which easy-thumbnails lists the thumbnails of a deleted file."""
    if not File.objects.filter(file=instance.file.name).exists():
        Source.objects.filter(name=instance.file.name).delete()


register(
    File,
    title="original_filename",
    owner="owner__username",
    picture="file",
    size="_file_size",
    storage=storages,
    extra_files=thumbnails,
)
post_delete.connect(forget_thumbnails, sender=File)
