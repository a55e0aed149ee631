"""Remove two images of three, then a private file."""

from pathlib import Path

import django

django.setup()

from common import browser_of, picture, prepare, select, stored  # noqa: E402 - Django is set up first
from django.core.files.base import ContentFile  # noqa: E402 - the same
from django.core.management import call_command  # noqa: E402 - the same
from easy_thumbnails.models import Thumbnail  # noqa: E402 - the same
from filer.models import File, Image  # noqa: E402 - the same
from gallery.models import Member  # noqa: E402 - the same

from moderation.models import AuditEntry  # noqa: E402 - the same

prepare("default", "filer_private", "filer_private_thumbnails")
root = browser_of(Member.objects.create_superuser("root"))
images = []
for name in ("first", "second", "third"):
    image = Image.objects.create(original_filename=f"{name}.jpg", file=picture(f"{name}.jpg"))
    image.file.get_thumbnail({"size": (20, 20)})
    images.append(image)
text = ContentFile(b"text", "a.txt")
private = File.objects.create(original_filename="a.txt", file=text, is_public=False)
before = stored()
assert sum("thumbnails" in name for name in before) == len(images)

removal = select(root, "/admin/", "filer/image", images[:2])
call_command("purge")
removal.refresh_from_db()
assert removal.state == "done"
assert stored() == {name for name in before if "third" in name}
assert [
    name for name in Thumbnail.objects.values_list("name", flat=True) if "third" not in name
] == []
assert [each.original_filename for each in Image.objects.all()] == ["third.jpg"]

path = Path(private.file.path)
assert path.exists()
select(root, "/admin/", "filer/file", [private])
call_command("purge")
assert not path.exists()
assert File.objects.count() == 1
assert not AuditEntry.objects.exclude(state="erased", detail="").exists()
call_command("purge", check=True)
