"""Remove two products of three, with the thumbnails of their photos; then the third."""

import django

django.setup()

from common import browser_of, keys_of, picture, prepare, select, stored  # noqa: E402 - Django is set up first
from django.core.management import call_command  # noqa: E402 - the same
from gallery.models import Member  # noqa: E402 - the same
from shop.models import Photo, Product  # noqa: E402 - the same
from sorl.thumbnail import get_thumbnail  # noqa: E402 - the same
from sorl.thumbnail.models import KVStore  # noqa: E402 - the same

from moderation.models import AuditEntry  # noqa: E402 - the same

prepare("default")
member = Member.objects.create_superuser("root")
root = browser_of(member)
products = [Product.objects.create(seller=member, name=name) for name in ("a", "b", "c")]
own = []
for product in products:
    before = stored()
    photo = Photo.objects.create(product=product, image=picture(f"{product}.jpg"))
    for size in ("20x20", "10"):
        get_thumbnail(photo.image, size)
    own.append(stored() - before)
    assert len(own[-1]) == 5  # the photo, and each thumbnail in two resolutions
shared = Photo.objects.create(product=products[2], image=products[0].photo_set.get().image.name)

removal = select(root, "/admin/", "shop/product", products[:2])
call_command("purge")
removal.refresh_from_db()
assert removal.state == "done"
assert stored() == own[0] | own[2], "files of another row are gone, or files are left"
assert keys_of(removal) == own[0] | own[1]
assert {entry.name for entry in AuditEntry.objects.filter(state="in_use")} == own[0]
assert get_thumbnail(shared.image, "20x20").exists()
assert KVStore.objects.count() == 2 * 4  # a source, its list and two thumbnails

removal = select(root, "/admin/", "shop/product", products[2:])
call_command("purge")
assert stored() == set()
assert keys_of(removal) == own[0] | own[2]
assert not AuditEntry.objects.exclude(state="erased", detail="").exists()
assert not KVStore.objects.exists()
photo = Photo.objects.create(
    product=Product.objects.create(seller=member, name="a"), image=picture("a.jpg")
)
assert get_thumbnail(photo.image, "20x20").exists(), "a thumbnail of the removed photo is listed"
call_command("purge", check=True)
