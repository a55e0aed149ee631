"""Remove objects on the pages of the admin as a moderator does, and look at what is left."""

import django

django.setup()

from common import browser_of, keys_of, manage, picture, select, stored  # noqa: E402 - Django is set up first
from django.contrib.auth.models import Group  # noqa: E402 - the same
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402 - the same
from gallery.models import Album, Attachment, Member, Photo  # noqa: E402 - the same

from moderation.models import AuditEntry, AuditEvent  # noqa: E402 - the same


def upload(client, album):
    """Add a photo and an attachment on their admin pages; return the names of their files."""
    for model, field, file in (
        ("photo", "picture", picture("a.png")),
        ("attachment", "document", SimpleUploadedFile("a.txt", b"text")),
    ):
        sent = {"album": album.pk, field: file}
        response = client.post(f"/desk/gallery/{model}/add/", sent)
        assert response.status_code == 302, response.content.decode()
    return {album.photo_set.get().picture.name, album.attachment_set.get().document.name}


def main():
    """Remove two albums, then a member with an album; a third member's album stays."""
    root = Member.objects.create_superuser("root")
    moderator = Member.objects.create_user("moderator", is_staff=True)
    moderator.groups.add(Group.objects.get(name="Moderators"))
    spammer, honest = (Member.objects.create_user(name) for name in ("spammer", "honest"))
    first, second, third = (Album.objects.create(owner=spammer, title=str(n)) for n in range(3))
    honest_album = Album.objects.create(owner=honest, title="honest")
    superuser, client = browser_of(root), browser_of(moderator)
    names = [upload(superuser, album) for album in (first, second, third)]
    honest_names = upload(superuser, honest_album)
    assert stored() == honest_names.union(*names)

    albums = select(client, "/desk/", "gallery/album", [first, second])
    manage("purge")
    assert stored() == honest_names | names[2]
    members = select(client, "/desk/", "gallery/member", [spammer])
    manage("db_worker", "--batch", "--no-startup-delay")
    manage("purge")

    assert stored() == honest_names
    assert list(Album.objects.all()) == [honest_album]
    assert Photo.objects.count() == Attachment.objects.count() == 1
    assert not Member.objects.filter(username="spammer").exists()
    for removal, keys in ((albums, names[0] | names[1]), (members, names[2])):
        removal.refresh_from_db()
        assert removal.state == "done"
        entries = AuditEntry.objects.filter(removal=removal)
        assert keys_of(removal) == keys
        assert {(each.state, each.actor_id) for each in entries} == {("erased", moderator.pk)}
    assert AuditEntry.objects.count() == len(set.union(*names))
    assert "nothing refers to: 0" in manage("find_orphans", "--older-than", "0")
    manage("purge", "--check")

    for page in ("auditentry", "auditevent", "removal"):
        assert superuser.get(f"/desk/moderation/{page}/").status_code == 200
        assert client.get("/desk/moderation/removal/").status_code == 200
    for file_format in range(3):
        sent = {"format": file_format, "resource": 0}
        response = superuser.post("/desk/moderation/auditentry/export/", sent)
        assert response.status_code == 200
        assert "attachment" in response.get("Content-Disposition", ""), response.content.decode()
        assert b"".join(response.streaming_content)
    assert AuditEvent.objects.filter(type="export", actor=root).count() == file_format + 1


main()
