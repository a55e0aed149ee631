"""What the scripts that remove objects have in common."""

import io
import subprocess
import sys
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from PIL import Image

from moderation.models import AuditEntry, Removal

OWN_APPS = {"gallery", "shop"}


def prepare(*storages):
    """Create the database and the identities of the storages; check the project."""
    call_command("makemigrations", *OWN_APPS & {app.label for app in apps.get_app_configs()})
    call_command("migrate", verbosity=0)
    call_command("mark_storage", *storages)
    call_command("check", databases=["default"], fail_level="WARNING")


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


def picture(name):
    """Return a picture to upload."""
    content = io.BytesIO()
    subtype = "png" if name.endswith("png") else "jpeg"
    Image.new("RGB", (40, 30), "red").save(content, subtype)
    return SimpleUploadedFile(name, content.getvalue(), f"image/{subtype}")


def select(client, site, model, objects):
    """Select objects in a list and have them removed, up to the confirmation."""
    address = f"{site}{model}/"
    assert 'value="remove_selected"' in client.get(address).content.decode()
    keys = [each.pk for each in objects]
    response = client.post(address, {"action": "remove_selected", "_selected_action": keys})
    removal = Removal.objects.latest("pk")
    page = f"{site}moderation/removal/{removal.pk}/"
    assert response["Location"] == f"{page}change/"
    assert client.get(f"{page}change/").status_code == 200
    sent = {"seal": removal.seal, "reason": "spam", "note": "", "typed_count": str(len(keys))}
    response = client.post(f"{page}confirm/", sent)
    assert response.status_code == 302, response.content.decode()
    assert client.get(f"{page}change/").status_code == 200
    return removal


def stored():
    """Return the names of all files in the storage but its identity file."""
    root = Path(settings.MEDIA_ROOT)
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)) for path in files if not path.name.startswith(".")}


def keys_of(removal):
    """Return the names below the storage's folder that the audit log has of a removal."""
    entries = AuditEntry.objects.filter(removal=removal)
    return {entry.key.rpartition(f"{settings.MEDIA_ROOT}/")[2] for entry in entries}
