"""Every template is rendered by some page, and every static file is linked by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.template.loader import get_template
from django.test import Client
from django.test.signals import template_rendered
from django.urls import get_resolver, reverse

from moderation.models import AuditEntry, Removal
from posts.models import Post, PostImage
from tests.admin import test_roles
from tests.admin.conftest import browser_of, drafted, page_of, words
from tests.admin.test_dismiss_reports import dismiss_form
from tests.admin.test_roles import World
from tests.services.processes import ROOT

world = test_roles.world

FOLDERS = [ROOT / "moderation" / "templates", ROOT / "templates"]
TEMPLATES = {
    str(path.relative_to(folder)): path
    for folder in FOLDERS for path in sorted(folder.rglob("*.html"))
}  # fmt: skip
STATIC = {
    str(path.relative_to(folder)): path
    for folder in (ROOT / "moderation/static", ROOT / "posts/static", ROOT / "static")
    for path in sorted(folder.rglob("*"))
    if path.is_file()
}
# Rendered by their own tests, because no page of the admin shows them.
ERROR_PAGES = {name for name in TEMPLATES if re.fullmatch(r"(\d{3}(_csrf)?|error)\.html", name)}


@pytest.fixture
def rendered() -> Iterator[set[str]]:
    """Collect the names of all templates that are rendered, with those that they include."""
    names: set[str] = set()

    def collect(template: Any, **_: object) -> None:
        names.add(str(template.name))

    template_rendered.connect(collect)
    yield names
    template_rendered.disconnect(collect)


@pytest.mark.django_db
def test_every_template_is_rendered_by_a_page(
    world: World, client: Client, rendered: set[str], make_posts: Callable[..., list[Post]]
) -> None:
    root = browser_of(User.objects.create_superuser("root"))
    visit_lists_and_objects(root, world)
    visit_draft(client, world)
    visit_texts(client, world, make_posts)
    visit_progress(root, world)
    client.post(reverse("admin:logout"))
    parents = {name for each in rendered for name in ancestors(each)}
    unused = set(TEMPLATES) - rendered - parents - ERROR_PAGES
    assert unused == set(), "no page renders these: delete them, or visit their page here"


def visit_lists_and_objects(root: Client, world: World) -> None:
    lists = ("posts_post", "auth_user", "auth_group", "moderation_auditentry",
             "moderation_auditevent", "moderation_removal",
             "moderation_refusedpicture")  # fmt: skip
    for name in lists:
        assert root.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert root.get("/admin/").status_code == 200
    pages = ["posts_post_change", "posts_post_delete", "posts_post_find",
             "posts_post_removed_authors", "auth_user_change", "auth_user_delete",
             "moderation_auditentry_change", "moderation_auditevent_change",
             "moderation_auditentry_export", "moderation_refusedpicture_refuse"]  # fmt: skip
    for page in pages:
        url = reverse(f"admin:{page}", args=world.arguments(page))
        assert root.get(url).status_code == 200
    url, sent = dismiss_form(root.get(f"/admin/posts/post/{world.post.pk}/change/").text)
    assert "Reopen these reports" in root.post(url, sent, follow=True).text


def visit_draft(client: Client, world: World) -> None:
    """Every view of a draft, and its page after a confirmation that found a difference.

    One of its objects is marked, and two share a picture with a post that is not selected. Then
    one of them has a nearly identical picture.
    """
    PostImage.objects.update(sha256="1" * 64)
    batch = world.draft.batches.get()
    world.draft.marked_objects.create(key=str(batch.frozen[0][0]))
    for view in ("pictures", "objects", "without-pictures", "kept"):
        client.get(page_of(world.draft), {"show": view})
    group = client.get(page_of(world.draft)).context["previews"][0]
    picture = PostImage.objects.get(pk=group.details.file.key)
    picture.pk, picture.post = None, Post.objects.create(author=picture.post.author)
    picture.save()  # a post that shares the picture and is not selected
    client.get(page_of(world.draft), {"show": "groups", "group": group.group.key})
    PostImage.objects.update(perceptual_hash="0f" * 32)
    PostImage.objects.filter(pk=group.details.file.key).update(sha256="2" * 64)
    client.get(page_of(world.draft), {"show": "groups", "group": group.group.key})
    world.draft.marked_objects.update(is_reviewed=True)
    PostImage.objects.filter(post__in=Post.objects.all()).delete()
    response = client.post(page_of(world.draft, "confirm"), words(world.draft), follow=True)
    assert "changed since you looked" in response.text


def visit_texts(client: Client, world: World, make_posts: Callable[..., list[Post]]) -> None:
    """The posts without pictures, and those of a group of similar texts."""
    texts, others = make_posts(2, images=0), make_posts(1, images=0, title="Front wheel")
    Post.objects.filter(pk__in=[post.pk for post in texts]).update(title="Cheap pills")
    page = page_of(drafted([*texts, *others], world.moderator))
    for group in ("", str(texts[0].pk)):
        client.get(page, {"show": "without-pictures", "group": group})


def visit_progress(root: Client, world: World) -> None:
    AuditEntry.objects.filter(removal=world.running).update(state="failed", error="Access Denied")
    Removal.objects.filter(pk=world.running.pk).update(state="done")
    for page in ("change", "progress"):
        assert "Access Denied" in root.get(page_of(world.running, page)).text


def ancestors(name: str) -> set[str]:
    """Return the names of the templates that a template extends."""
    path = TEMPLATES.get(name)
    found = re.findall(r"{% extends \"([^\"]+)\" %}", path.read_text()) if path else []
    return set(found).union(*(ancestors(parent) for parent in found if parent != name))


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_compiles_and_what_it_includes_exists(name: str) -> None:
    get_template(name)
    text = TEMPLATES[name].read_text()
    for other in re.findall(r"{% (?:include|extends) \"([^\"]+)\"", text):
        get_template(other)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_has_no_style_and_no_script_of_its_own(name: str) -> None:
    text = TEMPLATES[name].read_text()
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", text), (
        "put it into a file below static/: the policy refuses scripts in a page"
    )


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_marks_no_value_as_safe(name: str) -> None:
    """A title may contain HTML. What is safe is marked where it is made, with format_html."""
    assert not re.search(r"\|\s*safe\b|autoescape off|mark_safe", TEMPLATES[name].read_text())


@pytest.mark.parametrize("name", TEMPLATES)
def test_urls_in_a_template_are_names_of_pages(name: str) -> None:
    known = {each for each in get_resolver().namespace_dict["admin"][1].reverse_dict
             if isinstance(each, str)}  # fmt: skip
    used = re.findall(r"{% url \"admin:(\w+)\"", TEMPLATES[name].read_text())
    assert [url for url in used if url not in known] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_texts_of_a_template_can_be_translated(name: str) -> None:
    text = TEMPLATES[name].read_text()
    uses = re.search(r"{% (translate|blocktranslate)", text)
    loads = re.search(r"{% load [^%]*\bi18n\b", text)
    assert bool(uses) <= bool(loads)
    assert "{% trans " not in text
    assert "{% blocktrans " not in text


def texts_that_link_static_files() -> str:
    code = [path for label in ("moderation", "posts", "project") for path in
            (ROOT / label).rglob("*.py")]  # fmt: skip
    styles = [path for path in STATIC.values() if path.suffix in (".css", ".js")]
    return "\n".join(path.read_text() for path in [*TEMPLATES.values(), *code, *styles])


@pytest.mark.parametrize("name", STATIC)
def test_static_file_is_linked_by_a_page(name: str) -> None:
    assert finders.find(name)
    assert name in texts_that_link_static_files(), f"nothing links {name}: delete it"


@pytest.mark.parametrize("name", TEMPLATES)
def test_static_files_of_a_template_exist(name: str) -> None:
    linked = re.findall(r"{% static \"([^\"]+)\"", TEMPLATES[name].read_text())
    assert [each for each in linked if not finders.find(each)] == []


# The site's own stylesheet overrides rules of Django's, which name left and right.
OVERRIDING = {"project/admin.css"}
STYLES = [name for name in STATIC if name.endswith(".css")]


@pytest.mark.parametrize("name", [name for name in STYLES if name not in OVERRIDING])
def test_stylesheet_names_neither_left_nor_right(name: str) -> None:
    """They turn around in languages that are written from right to left."""
    text = re.sub(r"/\*.*?\*/", "", STATIC[name].read_text(), flags=re.DOTALL)
    physical = r"(?:margin|padding|border)-(?:left|right)\s*:|text-align:\s*(?:left|right)\b"
    assert re.findall(physical, text) == [], "use margin-inline-start and the like"


@pytest.mark.parametrize("name", [name for name in STATIC if name.endswith(".js")])
def test_script_needs_no_library_and_builds_no_html_of_text(name: str) -> None:
    text = STATIC[name].read_text()
    for word in ("eval(", "insertAdjacentHTML", "document.write", "jQuery", "$(", "new Function"):
        assert word not in text, f"{name}: {word}"


def test_pages_of_the_app_extend_only_its_own_templates_and_those_of_django() -> None:
    """A site that installs only the app has no others."""
    own = {name: path for name, path in TEMPLATES.items() if path.is_relative_to(FOLDERS[0])}
    for name, path in own.items():
        for other in re.findall(r"{% (?:include|extends) \"([^\"]+)\"", path.read_text()):
            is_own = other in own
            origin = str(get_template(other).origin)  # type: ignore[attr-defined]
            assert is_own or "/django/contrib/admin/" in origin or overrides(other), (name, other)


def overrides(name: str) -> bool:
    """Return whether a template of the site takes the place of one that Django's admin has."""
    admin = Path(django_admin.__file__).parent / "templates"
    return (admin / name).exists()
