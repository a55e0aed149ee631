"""Which objects have a picture: a name that is neither empty nor a default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import router
from django.db.models import Model

from moderation.registry import caches, registration_for, registrations
from moderation.registry.pictures import has_picture
from moderation.review_rules.pictures import no_picture
from tests.testapp.models import Case, Exhibit, Piece, Profile, Thread

pytestmark = pytest.mark.django_db


def with_picture(model: type[Model]) -> list[Model]:
    using = router.db_for_read(model)
    return list(model._default_manager.filter(has_picture(model, using)).order_by("pk"))


def test_neither_null_nor_an_empty_name_is_a_picture() -> None:
    case = Case.objects.create(exhibit=Exhibit.objects.create())
    Piece.objects.create(case=case, picture=None)
    Piece.objects.create(case=case, picture="", leaflet="a.webp")
    piece = Piece.objects.create(case=case, picture="a.jpg")
    assert with_picture(Piece) == [piece]
    assert len(list(no_picture(Piece.objects.all()))) == 2


@pytest.fixture
def profiles_with_avatars(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the avatar of profiles as their picture."""
    registration = registration_for(Profile)
    assert registration
    known = registrations._registrations | {Profile: replace(registration, picture="avatar")}
    monkeypatch.setattr(registrations, "_registrations", known)
    caches.clear()
    yield
    monkeypatch.undo()
    caches.clear()


@pytest.mark.usefixtures("profiles_with_avatars")
def test_a_default_is_not_a_picture_of_the_object() -> None:
    _default, own = Profile.objects.create(), Profile.objects.create(avatar="a.jpg")
    assert with_picture(Profile) == [own]


def test_without_registered_pictures_the_condition_is_empty() -> None:
    assert not has_picture(Thread, "default")
