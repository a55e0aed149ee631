"""Remove objects on the pages of the admin as a moderator does, and look at what is left."""

import io
import subprocess
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

django.setup()

from django.contrib.auth.models import Group  # noqa: E402 - Django is set up first
from gallery.models import Album, Attachment, Member, Photo  # noqa: E402 - the same

from moderation.models import AuditEntry, AuditEvent, Removal  # noqa: E402 - the same


def manage(*arguments):
    """Run manage.py; return what it prints."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


def browser_of(member):
    """Return a client that is logged in."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(member)
    return client


def upload(client, album):
    """Add a photo and an attachment on their admin pages; return the names of their files."""
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "png")
    for model, field, name, content in (
        ("photo", "picture", "a.png", picture.getvalue()),
        ("attachment", "document", "a.txt", b"text"),
    ):
        sent = {"album": album.pk, field: SimpleUploadedFile(name, content)}
        response = client.post(f"/desk/gallery/{model}/add/", sent)
        assert response.status_code == 302, response.content.decode()
    return {album.photo_set.get().picture.name, album.attachment_set.get().document.name}


def select(client, model, objects):
    """Select objects in a list and have them removed, up to the confirmation."""
    address = f"/desk/gallery/{model}/"
    assert 'value="remove_selected"' in client.get(address).content.decode()
    keys = [each.pk for each in objects]
    response = client.post(address, {"action": "remove_selected", "_selected_action": keys})
    removal = Removal.objects.latest("pk")
    page = f"/desk/moderation/removal/{removal.pk}/"
    assert response["Location"] == f"{page}change/"
    assert client.get(f"{page}change/").status_code == 200
    sent = {"seal": removal.seal, "reason": "spam", "note": "", "typed_count": str(len(keys))}
    response = client.post(f"{page}confirm/", sent)
    assert response.status_code == 302, response.content.decode()
    assert client.get(f"{page}change/").status_code == 200
    return removal


def stored():
    """Return the names of all files in the storage."""
    root = Path(settings.MEDIA_ROOT)
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)) for path in files if not path.name.startswith(".")}


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

    albums = select(client, "album", [first, second])
    manage("purge")
    assert stored() == honest_names | names[2]
    members = select(client, "member", [spammer])
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
        assert {entry.key.rpartition(f"{settings.MEDIA_ROOT}/")[2] for entry in entries} == keys
        assert {(each.state, each.actor_id) for each in entries} == {("erased", moderator.pk)}
    assert AuditEntry.objects.count() == len(set.union(*names))
    assert "Found 0 files" in manage("find_orphans", "--older-than", "0")
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
