"""The photos of django-photologue, with the files of the sizes that it renders."""

from photologue.models import Photo, PhotoSize, Watermark

from moderation.registration import register


def rendered(photos):
    """Yield the file of each size; photologue renders one when it is first shown."""
    sizes = list(PhotoSize.objects.values_list("name", flat=True))
    for photo in photos:
        folder, _slash, name = photo.image.name.rpartition("/")
        stem, dot, suffix = name.rpartition(".")
        for size in sizes:
            yield photo, "default", f"{folder}/cache/{stem}_{size}{dot}{suffix}"


register(Photo, title="title", picture="image", extra_files=rendered)
register(Watermark, title="name", picture="image")
