"""A replaced file in a real bucket."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import storages

from moderation.models import AuditEntry
from moderation.storage import write_identity
from tests.helpers import stored
from tests.recording.conftest import Options
from tests.recording.reusing import purge_all
from tests.testapp.models import Exhibit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["s3_storage", "versioned_storage"])
def bucket(request: pytest.FixtureRequest) -> Any:
    found = request.getfixturevalue(request.param)
    write_identity("default")
    return found


def test_a_replaced_file_is_erased_from_the_bucket(bucket: str, options: Options) -> None:
    options(Exhibit, storage="key")
    exhibit = Exhibit.objects.create(key="default", poster=stored("old.jpg"))
    exhibit.poster = stored("new.jpg")
    exhibit.save()
    purge_all()
    entry = AuditEntry.objects.get()
    assert (entry.storage, entry.name, entry.state) == ("default", "old.jpg", "erased")
    assert not storages["default"].exists("old.jpg")
    assert storages["default"].exists("new.jpg")
