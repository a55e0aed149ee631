"""Remove two photos of three."""

import django

django.setup()

from common import browser_of, picture, prepare, select, stored  # noqa: E402 - Django is set up first
from django.core.management import call_command  # noqa: E402 - the same
from gallery.models import Member  # noqa: E402 - the same
from photologue.models import Photo  # noqa: E402 - the same

from moderation.models import AuditEntry  # noqa: E402 - the same

prepare("default")
root = browser_of(Member.objects.create_superuser("root"))
for name in ("first", "second", "third"):
    sent = {
        "title": name,
        "slug": name,
        "image": picture(f"{name}.jpg"),
        "date_added_0": "2026-01-01",
        "date_added_1": "12:00:00",
        "crop_from": "center",
        "is_public": "on",
        "sites": "1",
    }
    response = root.post("/admin/photologue/photo/add/", sent)
    assert response.status_code == 302, response.content.decode()
photos = list(Photo.objects.order_by("pk"))
for photo in photos:
    photo.get_display_url()  # renders that size
before = stored()
assert any("cache/third_display" in name for name in before)

removal = select(root, "/admin/", "photologue/photo", photos[:2])
call_command("purge")
removal.refresh_from_db()
assert removal.state == "done"
assert stored() == {name for name in before if "third" in name or "CACHEDIR" in name}
assert not AuditEntry.objects.exclude(state="erased", detail="").exists()
assert [photo.title for photo in Photo.objects.all()] == ["third"]
call_command("purge", check=True)
