"""Deletions on Django's own admin pages name the person in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.test import RequestFactory

from moderation.admin.attribution import AttributedDeletions
from moderation.models import AuditEntry
from posts.models import Post, PostImage


@pytest.fixture
def picture(make_posts: Callable[..., list[Post]]) -> PostImage:
    return make_posts(1)[0].post_images.get()


def delete_object(model_admin: AttributedDeletions, request: Any, picture: PostImage) -> None:
    model_admin.delete_model(request, picture)


def delete_selected(model_admin: AttributedDeletions, request: Any, picture: PostImage) -> None:
    model_admin.delete_queryset(request, PostImage.objects.filter(pk=picture.pk))


@pytest.mark.parametrize("delete", [delete_object, delete_selected])
def test_deletion_by_a_model_admin_names_the_person(
    delete: Callable[..., None], picture: PostImage, moderator: User
) -> None:
    request = RequestFactory().post("/")
    request.user = moderator
    delete(AttributedDeletions(PostImage, AdminSite()), request, picture)
    written = AuditEntry.objects.filter(actor=moderator, actor_name="mod", removal=None)
    assert written.count() == AuditEntry.objects.count() == 2


def test_deletion_by_other_code_names_nobody(picture: PostImage) -> None:
    picture.delete()
    assert AuditEntry.objects.filter(actor=None, actor_name="").count() == 2
