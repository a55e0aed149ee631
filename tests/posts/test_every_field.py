"""Every field of the content is imported, restored and shown, or said not to be, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import models
from django.urls import reverse
from django.utils.formats import date_format

from moderation.registry import registration_for
from posts.author_models import DisabledAuthor, RemovedAuthor
from posts.fixtures.schema import fixture_models
from posts.imports.parse import Entry
from posts.models import Post, PostImage, Report, UpheldReports
from tests.admin.conftest import browser_of

# {model: the reason}, for models of `posts` that moderators need not see
NOT_CONTENT: dict[type[models.Model], str] = {
    UpheldReports: "each report shows the sum of its reporter's",
    RemovedAuthor: "removals record it; the page of a removal's authors shows it",
    DisabledAuthor: "disabling records it; the page of a removal's authors shows it",
}
MODELS = [each for each in apps.get_app_config("posts").get_models() if each not in NOT_CONTENT]
FIELDS = [f"{model.__name__}.{field.name}" for model in MODELS for field in model._meta.fields]
MEASURED = "the intake measures the file"
KEY = "the database numbers rows"
GENERATED = "the database computes it"
DECIDED = "a moderator of this site has decided"
REOPENED = "it was reopened on this site"

# {field: the field of a line of an import}
IMPORTED = {
    "Post.author": "author",
    "Post.title": "title",
    "Post.body": "body",
    "Post.created_at": "created_at",
    "PostImage.image": "images",
    "Report.reporter": "reports",
}
NOT_IMPORTED = {
    **dict.fromkeys(("Post.id", "PostImage.id", "Report.id"), KEY),
    **dict.fromkeys(
        ("PostImage.thumbnail", "PostImage.sha256", "PostImage.size", "PostImage.width",
         "PostImage.height", "PostImage.frames", "PostImage.perceptual_hash"),
        MEASURED,
    ),
    "PostImage.post": "the line is the post",
    "Report.post": "the line is the post",
    "Report.reason": "a line has only the number of reports",
    "Report.created_at": "a line has only the number of reports",
    "Report.state": "imported reports are open",
    **dict.fromkeys(("Report.decided_by", "Report.decided_at", "Report.dismissal"), DECIDED),
    "Report.reopened_at": REOPENED,
    "Report.open_reason": GENERATED,
}  # fmt: skip
NOT_IN_FIXTURES = {
    **dict.fromkeys(("Post.id", "PostImage.id", "Report.id"), "it is the `pk` of the row"),
    **{
        name: reason
        for name, reason in NOT_IMPORTED.items()
        if reason in (MEASURED, DECIDED, REOPENED, GENERATED)
    },
}
NOT_ON_PAGE = {
    **dict.fromkeys(("Post.id", "PostImage.id", "Report.id"), "it is in URLs only"),
    **dict.fromkeys(("PostImage.post", "Report.post"), "the page is that of the post"),
    "PostImage.image": "keys are only in the audit log; the thumbnail links to the picture",
    "PostImage.thumbnail": "shown as a picture",
    "PostImage.perceptual_hash": "no person can read it",
    "Report.dismissal": "it is in the URL of Undo only",
    "Report.reopened_at": "a reopened report shows the time of the new reason",
    "Report.open_reason": "the reason is shown",
}


def test_every_field_is_imported_or_says_why_not() -> None:
    assert sorted([*IMPORTED, *NOT_IMPORTED]) == sorted(FIELDS), (
        "read the field in posts/imports/parse.py, or say here why not"
    )
    assert set(IMPORTED.values()) == set(Entry.__dataclass_fields__) - {"number"}


def test_every_field_is_restored_from_a_fixture_or_says_why_not() -> None:
    known = {
        f"{each.model.__name__}.{name}" for each in fixture_models() if each.model in MODELS
        for name in each.fields
    }  # fmt: skip
    assert sorted([*known, *NOT_IN_FIXTURES]) == sorted(FIELDS), (
        "add the field to posts/fixtures/schema.py, or say here why not"
    )


def test_rows_of_a_fixture_are_written_after_those_that_they_refer_to() -> None:
    order = [each.model for each in fixture_models()]
    assert set(MODELS) <= set(order)
    for position, each in enumerate(fixture_models()):
        for name in each.fields:
            field = each.field(name)
            if isinstance(field, models.ForeignKey):
                assert field.related_model in order[:position], f"{each.label}.{name}"


def test_compared_and_unique_fields_of_a_fixture_are_among_its_fields() -> None:
    for each in fixture_models():
        assert set(each.compared) <= set(each.fields)
        assert set(each.unique) <= set(each.fields)
        unique = {field.name for field in each.model._meta.fields if field.unique}
        unique |= {
            name for constraint in each.model._meta.total_unique_constraints
            for name in constraint.fields
        }  # fmt: skip
        assert unique - {each.model._meta.pk.name} <= set(each.unique), each.label


@pytest.mark.django_db
def test_page_of_a_post_shows_every_field_or_says_why_not() -> None:
    texts = post_with_a_picture_and_a_report()
    assert sorted([*texts, *NOT_ON_PAGE]) == sorted(FIELDS), "show the field, or say why not"
    page = page_of_the_post()
    assert [name for name, text in texts.items() if text not in page] == []
    picture = PostImage.objects.get()
    assert str(picture.image) not in page
    assert "<img" in page


def post_with_a_picture_and_a_report() -> dict[str, str]:
    """Make a post; return the text on its page for each field."""
    written, reported = datetime(2026, 3, 4, 5, 6, tzinfo=UTC), datetime(2025, 7, 8, 9, tzinfo=UTC)
    author, reporter = User.objects.create_user("an_author"), User.objects.create_user("a_reporter")
    post = Post.objects.create(
        author=author, title="A title", body="The body", created_at=written
    )  # fmt: skip
    PostImage.objects.bulk_create([
        PostImage(post=post, image="posts/the-image.png", thumbnail="posts/the-thumb.webp",
                  sha256="ab" * 32, size=7_777, width=111, height=222, frames=33)
    ])  # fmt: skip
    decided = datetime(2025, 9, 10, 11, tzinfo=UTC)
    Report.objects.create(
        post=post, reporter=reporter, reason="A reason", created_at=reported,
        state="dismissed", decided_by="a_moderator", decided_at=decided,
    )  # fmt: skip
    return {
        "Post.author": "an_author",
        "Post.title": "A title",
        "Post.body": "The body",
        "Post.created_at": "5:06",
        "PostImage.sha256": "ab" * 32,
        "PostImage.size": "7.6\xa0KB",
        "PostImage.width": "111 ×",
        "PostImage.height": "× 222",
        "PostImage.frames": "animated (33)",
        "Report.reporter": "a_reporter",
        "Report.reason": "A reason",
        "Report.created_at": date_format(reported, "DATETIME_FORMAT"),
        "Report.state": "dismissed by",
        "Report.decided_by": "by a_moderator",
        "Report.decided_at": date_format(decided, "DATETIME_FORMAT"),
    }


def page_of_the_post() -> str:
    root = browser_of(User.objects.create_superuser("root"))
    return root.get(reverse("admin:posts_post_change", args=[Post.objects.get().pk])).text


def test_registration_names_the_columns_that_the_intake_measures() -> None:
    """What is measured is for the audit log and the preview; other columns are looked up there."""
    registration = registration_for(PostImage)
    assert registration is not None
    columns = {field.name for field in PostImage._meta.fields}
    named = {path for path in registration.lookups.values() if isinstance(path, str)}
    assert {"size", "sha256", "frames"} <= named
    assert {path for path in named if "__" not in path} <= columns
    assert {registration.picture, registration.thumbnail} == {
        field.name for field in PostImage._meta.fields if isinstance(field, models.FileField)
    }


@pytest.mark.django_db
def test_moderators_may_view_and_delete_each_model_and_nothing_more() -> None:
    codes = Group.objects.get(name="Moderators").permissions.filter(content_type__app_label="posts")
    assert set(codes.values_list("codename", flat=True)) == {
        "dismiss_report",
        "disable_author",
        *(
            f"{action}_{model._meta.model_name}"
            for action in ("view", "delete")
            for model in MODELS
        ),
    }, "grant the permissions in posts/moderation.py, or name the model in NOT_CONTENT"


@pytest.mark.parametrize("model", MODELS)
def test_each_model_is_registered_or_a_part_of_a_page(model: type[models.Model]) -> None:
    parts: set[Any] = {inline.model for inline in admin.site.get_model_admin(Post).inlines}
    assert admin.site.is_registered(model) or model in parts


@pytest.mark.parametrize("model", MODELS)
def test_text_of_a_row_is_for_people(model: type[models.Model]) -> None:
    assert "__str__" in vars(model), "Django's default names the class and the key"
