"""A custom admin site, alone or with others, supports every step from list to progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from moderation.admin.removals.removal_admin import RemovalAdmin
from moderation.admin.sites import register_pages
from moderation.models import AuditEntry, AuditEvent, Removal
from moderation.removals.draft import confirm
from posts.admin import PostAdmin
from posts.models import Post
from tests.admin.conftest import browser_of, drafted, words
from tests.admin.desk import Removing, a_site, allowing, said, serving
from tests.testapp.models import Volume, VolumeProxy

MakePosts = Callable[..., list[Post]]
LIST = "/desk/posts/post/"


class FilesAndFolders(admin.ModelAdmin):
    """Like django-filer's, which has two querysets and its own checkboxes."""

    def response_action(  # type: ignore[override]
        self, request: Any, files_queryset: Any, folders_queryset: Any
    ) -> HttpResponse:
        return HttpResponse(f"{files_queryset} and {folders_queryset}")


@pytest.fixture
def root(db: None) -> Client:
    return browser_of(User.objects.create_superuser("root"))


def chosen(client: Client, objects: list[Any], address: str = LIST) -> Any:
    sent = {"action": "remove_selected", "_selected_action": [each.pk for each in objects]}
    return client.post(address, sent)


def links_of(response: Any) -> list[str]:
    """Return the URLs on a page that lead to an admin."""
    parts = response.content.decode().split('"')
    return [part for part in parts if part.startswith(("/desk/", "/admin/", "/other/"))]


def test_a_custom_site_has_all_pages_without_the_default_site(
    root: Client, make_posts: MakePosts
) -> None:
    posts = make_posts(2)
    with serving(a_site("desk", Post, post=PostAdmin)):
        assert links_of(root.get(LIST))
        response = chosen(root, posts)
        removal = Removal.objects.get()
        draft = f"/desk/moderation/removal/{removal.pk}/change/"
        assert response["Location"] == draft
        pages = [root.get(address) for address in (draft, f"{draft}?show=objects")]
        gone = root.post(
            f"/desk/moderation/removal/{removal.pk}/exclude/",
            {"seal": removal.seal, "object": f"1024:{posts[0].pk}", "show": "objects"},
        )
        assert gone["Location"] == f"{draft}?show=objects"
        removal.refresh_from_db()
        response = root.post(f"/desk/moderation/removal/{removal.pk}/confirm/", words(removal))
        assert response["Location"] == draft
        entry = AuditEntry.objects.latest("pk")
        event = AuditEvent.objects.latest("pk")
        pages += [
            root.get(address)
            for address in (
                draft,
                f"/desk/moderation/removal/{removal.pk}/progress/",
                "/desk/moderation/removal/",
                "/desk/moderation/auditentry/",
                f"/desk/moderation/auditentry/{entry.pk}/change/",
                "/desk/moderation/auditentry/export/",
                "/desk/moderation/auditevent/",
                f"/desk/moderation/auditevent/{event.pk}/change/",
                f"{LIST}{posts[0].pk}/change/",
                f"{LIST}{posts[0].pk}/delete/",
                "/desk/",
            )
        ]
    assert [page.status_code for page in pages] == [200] * len(pages)
    links = [link for page in pages for link in links_of(page)]
    assert links
    assert not [link for link in links if not link.startswith("/desk/")]
    assert list(Post.objects.all()) == posts[:1]


@pytest.mark.parametrize("action", ["stop", "resume", "retry", "cancel"])
def test_an_action_redirects_to_its_own_site(
    root: Client, make_posts: MakePosts, moderator: User, action: str
) -> None:
    removal = drafted(make_posts(1), moderator)
    confirm(removal, actor=moderator, seal=removal.seal, reason="spam")
    if action == "cancel":
        removal = drafted(make_posts(1), User.objects.get(username="root"))
    with serving(a_site("desk", Post), admin.site):
        response = root.post(f"/desk/moderation/removal/{removal.pk}/{action}/")
    assert response["Location"].startswith("/desk/")


def test_a_draft_belongs_to_the_site_it_was_made_on(root: Client, make_posts: MakePosts) -> None:
    """The ModelAdmins of another site may permit what its own refuse."""
    held = make_posts(1)[0]
    strict = a_site("desk", Post, post=allowing(lambda _, post: post.title != "held"))
    lax = a_site("other", Post)
    with serving(strict, lax):
        chosen(root, [held])
        removal = Removal.objects.get()
        Post.objects.update(title="held")
        there = f"/other/moderation/removal/{removal.pk}/"
        for response in (
            root.get(f"{there}change/"),
            root.post(f"{there}confirm/", words(removal)),
        ):
            assert response["Location"] == f"/desk/moderation/removal/{removal.pk}/change/"
        assert Post.objects.exists()
        confirm_url = f"/desk/moderation/removal/{removal.pk}/confirm/"
        response = root.post(confirm_url, words(removal), follow=True)
        assert "Post: held" in response.text
    with serving(lax):
        assert root.get(f"{there}change/").status_code == 404
    assert Post.objects.exists()


def test_two_sites_do_not_mix_their_removals(root: Client, make_posts: MakePosts) -> None:
    posts = make_posts(2)
    with serving(a_site("desk", Post), a_site("other", Post)):
        for name, post in zip(("desk", "other"), posts, strict=True):
            chosen(root, [post], f"/{name}/posts/post/")
            removal = Removal.objects.latest("pk")
            page = f"/{name}/moderation/removal/{removal.pk}/"
            links = links_of(root.get(f"{page}change/"))
            assert all(link.startswith(f"/{name}/") for link in links)
            response = root.post(f"{page}confirm/", words(removal))
            assert response["Location"] == f"{page}change/"
    assert not Post.objects.exists()


@pytest.mark.parametrize("beside", [False, True])
def test_a_site_without_the_pages_creates_no_draft(
    root: Client, make_posts: MakePosts, *, beside: bool
) -> None:
    posts = make_posts(1)
    others = [admin.site] if beside else []
    with serving(a_site("desk", Post, pages=False), *others):
        response = chosen(root, posts)
        assert "The admin site “desk” has no pages for removals." in said(response)
        assert response["Location"] == LIST
        response = root.post(f"{LIST}{posts[0].pk}/delete/")
        assert response.status_code == 200
        assert "has no pages for removals" in response.content.decode()
    assert not Removal.objects.exists()


def test_the_pages_are_registered_where_they_are_missing() -> None:
    class OwnRemovalAdmin(RemovalAdmin):
        pass

    site = admin.AdminSite("desk")
    site.register(Removal, OwnRemovalAdmin)
    register_pages(site)
    assert isinstance(site.get_model_admin(Removal), OwnRemovalAdmin)
    assert site.is_registered(AuditEntry)
    assert site.is_registered(AuditEvent)


def test_the_admin_of_a_proxy_decides_about_the_objects_of_its_list(root: Client) -> None:
    volumes = [Volume.objects.create(text=f"{n}.txt") for n in range(2)]
    refusing = allowing(lambda _, volume: volume.pk != volumes[0].pk)
    site = a_site("desk", VolumeProxy, volumeproxy=refusing)
    with serving(site):
        address = reverse("admin:library_volumeproxy_changelist", current_app="desk")
        response = chosen(root, volumes, address)
        assert f"Volume proxy: {VolumeProxy.objects.get(pk=volumes[0].pk)}" in said(response)
        removal = Removal.objects.get()
        assert removal.permissions == ["library.delete_volumeproxy"]
        page = root.get(response["Location"]).content.decode()
        assert f'href="{address}' in page
        root.post(f"/desk/moderation/removal/{removal.pk}/confirm/", words(removal))
        progress = root.get(response["Location"]).content.decode()
        assert f'href="{address}">Back to the list' in progress
    assert [volume.pk for volume in Volume.objects.all()] == [volumes[0].pk]


def test_an_action_may_be_called_with_querysets_of_its_own(
    root: Client, make_posts: MakePosts
) -> None:
    """Like django-filer, whose checkboxes send "file-1" and "folder-2"."""

    class Folders(Removing, FilesAndFolders):  # type: ignore[misc]
        def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
            return self.response_action(request, files_queryset="files", folders_queryset="folders")

    make_posts(1)
    with serving(a_site("desk", Post, post=Folders)):
        response = root.post(LIST, {"_selected_action": ["file-1", "folder-2"]})
    assert response.content == b"files and folders"
