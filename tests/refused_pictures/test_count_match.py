"""Matches of refused pictures are counted."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, transaction

from moderation.picture_groups import refused as refused_module
from moderation.picture_groups.refused import count_match
from tests.refused_pictures.refused import refused


@pytest.mark.django_db(transaction=True)
def test_a_match_is_counted_immediately_outside_of_a_transaction() -> None:
    picture = refused(User.objects.create_user("mod"))
    count_match(picture)
    count_match(picture)
    picture.refresh_from_db()
    assert picture.matches_total == 2
    assert picture.last_matched_at is not None
    with transaction.atomic():
        count_match(picture)
        picture.refresh_from_db()
        assert picture.matches_total == 2
    picture.refresh_from_db()
    assert picture.matches_total == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_in_transaction", [False, True])
def test_a_match_that_cannot_be_counted_is_logged_and_raises_nothing(
    is_in_transaction: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    picture = refused(User.objects.create_user("mod"))

    def fail(_key: int) -> None:
        raise OperationalError

    monkeypatch.setattr(refused_module, "_count_match", fail)
    with transaction.atomic() if is_in_transaction else nullcontext():
        count_match(picture)
    assert "OperationalError" in caplog.text
