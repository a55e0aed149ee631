"""Deletions on Django's own admin pages name the person in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.forms import inlineformset_factory, modelform_factory
from django.test import RequestFactory
from django.utils.datastructures import MultiValueDict

from moderation.admin.attribution import AttributedDeletions
from moderation.models import AuditEntry
from posts.models import Post, PostImage
from tests.helpers import stored
from tests.testapp.models import Album, Song, Volume


@pytest.fixture
def picture(make_posts: Callable[..., list[Post]]) -> PostImage:
    return make_posts(1)[0].post_images.get()


def delete_object(model_admin: AttributedDeletions, request: Any, picture: PostImage) -> None:
    model_admin.delete_model(request, picture)


def delete_selected(model_admin: AttributedDeletions, request: Any, picture: PostImage) -> None:
    model_admin.delete_queryset(request, PostImage.objects.filter(pk=picture.pk))


@pytest.fixture
def request_of_moderator(moderator: User) -> Any:
    request = RequestFactory().post("/")
    request.user = moderator
    return request


def uploads(
    files: Mapping[str, UploadedFile[Any]],
) -> MultiValueDict[str, UploadedFile[Any]]:
    """Return files as a request has them."""
    return MultiValueDict({name: [file] for name, file in files.items()})


@pytest.mark.parametrize("delete", [delete_object, delete_selected])
def test_deletion_by_a_model_admin_names_the_person(
    delete: Callable[..., None], picture: PostImage, moderator: User, request_of_moderator: Any
) -> None:
    request = request_of_moderator
    delete(AttributedDeletions(PostImage, AdminSite()), request, picture)
    written = AuditEntry.objects.filter(actor=moderator, actor_name="mod", removal=None)
    assert written.count() == AuditEntry.objects.count() == 2


def test_deletion_by_other_code_names_nobody(picture: PostImage) -> None:
    picture.delete()
    assert AuditEntry.objects.filter(actor=None, actor_name="").count() == 2


@pytest.mark.parametrize("data", [{}, {"text-clear": "on"}], ids=["replaced", "cleared"])
def test_a_file_that_a_form_replaces_or_clears_names_the_person(
    data: dict[str, str], moderator: User, request_of_moderator: Any
) -> None:
    volume = Volume.objects.create(text=stored("old.txt", "attachments"))
    new = uploads({} if data else {"text": SimpleUploadedFile("new.txt", b"new")})
    form = modelform_factory(Volume, fields=["text"])(data, new, instance=volume)
    model_admin = AttributedDeletions(Volume, AdminSite())
    model_admin.save_model(request_of_moderator, form.save(commit=False), form, change=True)
    entry = AuditEntry.objects.get()
    assert (entry.name, entry.actor_id, entry.actor_name) == ("old.txt", moderator.pk, "mod")


@pytest.mark.parametrize("change", ["replace", "clear", "delete"])
def test_a_file_that_an_inline_replaces_clears_or_deletes_names_the_person(
    change: str, moderator: User, request_of_moderator: Any
) -> None:
    album = Album.objects.create()
    song = Song.objects.create(album=album, recording=stored("old.ogg", "attachments"))
    rows = inlineformset_factory(Album, Song, fk_name="album", fields=["recording"])
    data = {"song_set-TOTAL_FORMS": 1, "song_set-INITIAL_FORMS": 1, "song_set-0-id": song.pk}
    ticked = {"clear": "song_set-0-recording-clear", "delete": "song_set-0-DELETE"}
    upload = {"song_set-0-recording": SimpleUploadedFile("new.ogg", b"new")}
    new = uploads(upload if change == "replace" else {})
    given = {ticked[change]: "on"} if change in ticked else {}
    formset = rows({**data, **given}, new, instance=album)
    assert formset.is_valid()
    model_admin = AttributedDeletions(Album, AdminSite())
    model_admin.save_formset(request_of_moderator, None, formset, change=True)
    entry = AuditEntry.objects.get()
    assert (entry.name, entry.actor_id, entry.actor_name) == ("old.ogg", moderator.pk, "mod")
