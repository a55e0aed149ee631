"""The draft page names the same forbidden and protected rows as Django's delete page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import RequestFactory
from django.utils.html import strip_tags

from moderation.admin.action import create_draft
from moderation.models import Removal
from moderation.removals.delete import missing_permissions
from posts.models import Post, PostImage, Report
from tests.admin.conftest import browser_of, make_user
from tests.admin.desk import a_site, allowing, serving
from tests.testapp.models import (
    Album,
    Bookmark,
    BoundVolume,
    Country,
    Exhibit,
    Loan,
    Note,
    Shelf,
    Song,
    Stamp,
    Tag,
    Thread,
    Visit,
    Volume,
    VolumeProxy,
)

pytestmark = pytest.mark.django_db

never = allowing(lambda *_: False)
always = allowing(lambda *_: True)


@dataclass
class Shape:
    """Objects, the models that the site shows, and what the person may delete by permission."""

    make: Callable[[], list[Model]]
    registered: tuple[type[Model], ...]
    codes: tuple[str, ...] = ()
    admins: dict[str, type[ModelAdmin]] = field(default_factory=dict)


def posts() -> list[Model]:
    author = User.objects.create(username="spammer")
    made = [Post.objects.create(author=author, title=f"Post {n}", body="") for n in range(2)]
    for post in made:
        Report.objects.create(post=post, reporter=author, reason="spam")
        PostImage.objects.create(
            post=post, image=f"{post.pk}.jpg", thumbnail=f"{post.pk}.webp", sha256="0" * 64,
            size=7, width=1, height=1,
        )  # fmt: skip
    return list(made)


def authors() -> list[Model]:
    return [posts()[0].author]  # type: ignore[attr-defined]


def shelves() -> list[Model]:
    shelf = Shelf.objects.create(name="Top")
    bound = BoundVolume.objects.create(shelf=shelf, text="a", index="b", cover="c")
    bound.tags.add(Tag.objects.create(name="t"))
    Note.objects.create(target=Volume.objects.get(pk=bound.pk))
    Bookmark.objects.create(volume=bound, second=bound, third=bound)
    return [shelf]


def bound_volumes() -> list[Model]:
    shelves()
    return list(BoundVolume.objects.all())


def proxies() -> list[Model]:
    shelves()
    return list(VolumeProxy.objects.all())


def lent() -> list[Model]:
    made = [Volume.objects.create(text=f"{n}") for n in range(3)]
    for volume in made[:2]:
        Loan.objects.create(volume=volume)
    return list(made)


def on_a_lent_shelf() -> list[Model]:
    shelf = Shelf.objects.create(name="Low")
    Loan.objects.create(volume=Volume.objects.create(shelf=shelf, text="a"))
    return [shelf]


def singles() -> list[Model]:
    album, single = Album.objects.create(name="a"), Album.objects.create(name="s")
    for _ in range(2):
        Song.objects.create(album=album, single_of=single)
    return [single]


def both_albums() -> list[Model]:
    singles()
    return list(Album.objects.all())


def threads() -> list[Model]:
    first = Thread.objects.create(picture="1")
    Thread.objects.create(parent=Thread.objects.create(parent=first, picture="2"), picture="3")
    return [first]


def countries() -> list[Model]:
    country = Country.objects.create(code="at")
    Stamp.objects.create(country=country, scan="at.png")
    return [country]


def visited() -> list[Model]:
    exhibit = Exhibit.objects.create(poster="p")
    Visit.objects.create(exhibit=exhibit)
    return [exhibit]


SHAPES = {
    "nothing permitted": Shape(posts, (Post, PostImage, Report), ("view_post",)),
    "only the objects": Shape(posts, (Post, PostImage, Report), ("delete_post",)),
    "children in no admin": Shape(posts, (Post,), ("delete_post",)),
    "all permitted": Shape(
        posts, (Post, PostImage, Report), ("delete_post", "delete_postimage", "delete_report")
    ),
    "a child's admin refuses": Shape(
        posts, (Post, Report), ("delete_post", "delete_report"), {"report": never}
    ),
    "a child's admin permits": Shape(
        posts, (Post, PostImage, Report), ("delete_post",), {"postimage": always, "report": always}
    ),
    "the admin refuses": Shape(posts, (Post,), ("delete_post",), {"post": never}),
    "the admin permits": Shape(posts, (Post, Report), ("delete_report",), {"post": always}),
    "authors": Shape(authors, (User, Post, Report), ("delete_user",)),
    "two steps away": Shape(shelves, (Shelf, Volume, BoundVolume, Note), ("delete_shelf",)),
    "relations that are set": Shape(
        shelves, (Shelf, Bookmark, Tag), ("delete_shelf",), {"bookmark": never, "tag": never}
    ),
    "a parent": Shape(bound_volumes, (BoundVolume, Volume), ("delete_boundvolume",)),
    "a parent's admin refuses": Shape(
        bound_volumes, (BoundVolume, Volume), ("delete_boundvolume",), {"volume": never}
    ),
    "a proxy alone": Shape(proxies, (VolumeProxy, BoundVolume), ("delete_volume",)),
    "a proxy beside its model": Shape(
        proxies, (VolumeProxy, Volume, BoundVolume), ("delete_volumeproxy", "delete_volume")
    ),
    "protected": Shape(lent, (Volume, Loan), ("delete_volume", "delete_loan")),
    "protected, in no admin": Shape(lent, (Volume,), ("delete_volume",)),
    "protected further down": Shape(on_a_lent_shelf, (Shelf, Volume), ("delete_shelf",)),
    "protected in a tree": Shape(visited, (Exhibit, Visit), ("delete_exhibit", "delete_visit")),
    "restricted": Shape(singles, (Album, Song), ("delete_album", "delete_song")),
    "not restricted": Shape(both_albums, (Album, Song), ("delete_album", "delete_song")),
    "a chain": Shape(threads, (Thread,), ("delete_thread",)),
    "a key to another column": Shape(countries, (Country, Stamp), ("delete_country",)),
}


# Shapes in which nothing prevents the removal.
FREE = {
    "children in no admin", "all permitted", "a child's admin permits", "the admin permits",
    "relations that are set", "not restricted", "a chain",
}  # fmt: skip


@dataclass
class Named:
    """The models that may not be deleted, and the rows that prevent the removal."""

    forbidden: set[str]
    protected: set[str]


@pytest.mark.parametrize("name", SHAPES)
def test_the_page_names_what_djangos_would(name: str) -> None:
    shape = SHAPES[name]
    objects = shape.make()
    model = type(objects[0])
    admins: Any = shape.admins
    site = a_site("desk", *shape.registered, **admins)
    view = f"view_{model._meta.model_name}"
    person = make_user("person", codes=(*shape.codes, view))
    model_admin = site.get_model_admin(model)
    with serving(site):
        django = _named_by_django(model_admin, objects, person)
        ours = _named_by_us(model_admin, objects, person)
    assert bool(django.forbidden or django.protected) is (name not in FREE)
    assert ours.forbidden == django.forbidden
    assert ours.protected == django.protected


def _named_by_django(model_admin: ModelAdmin, objects: list[Model], person: User) -> Named:
    request = RequestFactory().get("/")
    request.user = person
    queryset = model_admin.model._default_manager.filter(pk__in=[each.pk for each in objects])
    _, _, forbidden, protected = model_admin.get_deleted_objects(queryset, request)
    return Named({str(name) for name in forbidden}, {strip_tags(name) for name in protected})


def _named_by_us(model_admin: ModelAdmin, objects: list[Model], person: User) -> Named:
    """Return what is reported when the draft is created, and what its page shows."""
    request: Any = RequestFactory().post("/")
    request.user = person
    request._messages = messages = Messages()
    queryset = model_admin.model._default_manager.filter(pk__in=[each.pk for each in objects])
    response = create_draft(model_admin, request, queryset)
    forbidden = {name for text in messages for name in _refused_models(text, model_admin)}
    if response is None:
        assert not Removal.objects.exists()
        return Named(forbidden, set())
    page = browser_of(person).get(response["Location"])
    assert page.status_code == 200
    for code in missing_permissions(Removal.objects.get().permissions, person):
        app_label, _dot, codename = code.partition(".")
        name = apps.get_model(app_label, codename.removeprefix("delete_"))._meta.verbose_name
        assert f"Can delete {name}" in page.content.decode()
        forbidden.add(str(name))
    return Named(forbidden, set(page.context["blocking_rows"]))


class Messages(list[str]):
    """A substitute for the messages of a request without a session."""

    def add(self, level: int, message: str, extra_tags: str = "") -> None:
        self.append(message)


def _refused_models(text: str, model_admin: ModelAdmin) -> set[str]:
    """Return the models that a message names as the reason: in brackets, or the object's."""
    names = text.partition(": ")[2]
    if "(" in names and ": " in names.partition("(")[2]:
        return {each.partition(": ")[0].lower() for each in names.split("(")[1::1] if ": " in each}
    return {str(model_admin.opts.verbose_name)}
