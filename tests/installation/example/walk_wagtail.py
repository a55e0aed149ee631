"""Remove two images of four, whose renditions go with them; delete one on Wagtail's own page."""

import django

django.setup()

from common import browser_of, keys_of, picture, prepare, select, stored  # noqa: E402 - Django is set up first
from django.core.management import call_command  # noqa: E402 - the same
from gallery.models import Member  # noqa: E402 - the same
from taggit.models import TaggedItem  # noqa: E402 - the same
from wagtail.images.models import Image, Rendition  # noqa: E402 - the same
from wagtail.search.models import IndexEntry  # noqa: E402 - the same

from moderation.models import AuditEntry  # noqa: E402 - the same

prepare("default")
root = browser_of(Member.objects.create_superuser("root"))
for name in ("first", "second", "third", "fourth"):
    sent = {"title": name, "file": picture(f"{name}.jpg"), "tags": "spam"}
    response = root.post("/cms/images/add/", sent)
    assert response.status_code == 302, response.content.decode()
call_command("db_worker", batch=True, startup_delay=False)  # Wagtail indexes the images
assert TaggedItem.objects.count() == IndexEntry.objects.count() == 4
images = list(Image.objects.order_by("pk"))
copy = Image(title="copy", file=images[0].file.name, width=40, height=30)
copy.save()
for image in (*images, copy):
    for size in ("width-20", "fill-10x10"):
        image.get_rendition(size)
before = stored()
own = {image.title: {image.file.name} for image in (*images, copy)}
for rendition in Rendition.objects.select_related("image"):
    own[rendition.image.title].add(rendition.file.name)
assert before == set.union(*own.values())

removal = select(root, "/removals/", "wagtailimages/image", images[:2])
call_command("db_worker", batch=True, startup_delay=False)
call_command("purge")
removal.refresh_from_db()
assert removal.state == "done"
assert stored() == own["copy"] | own["third"] | own["fourth"], "the file of another row is gone"
assert keys_of(removal) == own["first"] | own["second"]
in_use = AuditEntry.objects.filter(state="in_use")
assert {entry.name for entry in in_use} == {images[0].file.name}
assert copy.get_rendition("width-30").file.storage.exists(images[0].file.name)

before = stored()
response = root.post(f"/cms/images/{images[2].pk}/delete/")
assert response.status_code == 302, response.content.decode()
call_command("db_worker", batch=True, startup_delay=False)
call_command("purge")
assert stored() == before - own["third"]
assert keys_of(None) == own["third"]
assert not AuditEntry.objects.exclude(state="in_use").exclude(state="erased", detail="").exists()
assert set(Image.objects.values_list("title", flat=True)) == {"copy", "fourth"}

select(root, "/removals/", "wagtailimages/image", Image.objects.all())
call_command("purge")
assert stored() == set()
for model in (Rendition, TaggedItem, IndexEntry):
    assert not model.objects.exists()
call_command("purge", check=True)
