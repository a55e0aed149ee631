"""The posts in the admin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from moderation.models import AuditEntry
from posts.admin import PostAdmin
from posts.models import Post, PostImage, Report
from tests.posts.drawn import a_picture, a_post, drawing, files_in

pytestmark = pytest.mark.django_db

LIST = "/admin/posts/post/"


def page_of(post: Post) -> str:
    return reverse("admin:posts_post_change", args=(post.pk,))


def report(post: Post, *names: str) -> None:
    for name in names:
        reporter, _ = get_user_model().objects.get_or_create(username=name)
        Report.objects.create(post=post, reporter=reporter)


def shown(client: Client, **parameters: str) -> list[str]:
    """Return the titles that the change list shows, in its order."""
    return [post.title for post in client.get(LIST, parameters).context["cl"].result_list]


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def form(post: Post, *uploads: SimpleUploadedFile, **changes: Any) -> dict[str, Any]:
    """Return what the browser sends for the post's page, as it stands, with files to add."""
    pictures = list(post.post_images.order_by("pk"))
    data: dict[str, Any] = {
        "author": post.author_id,
        "title": post.title,
        "body": post.body,
        "created_at_0": "2026-11-01",
        "created_at_1": "12:00:00",
        **management_form("post_images", len(pictures), len(pictures)),
        **management_form("post_images-2", len(uploads), 0),
        **management_form("reports", 0, 0),
    }
    for number, picture in enumerate(pictures):
        data |= {f"post_images-{number}-id": picture.pk, f"post_images-{number}-post": post.pk}
    for number, upload in enumerate(uploads):
        data[f"post_images-2-{number}-upload"] = upload
    return data | changes


def management_form(prefix: str, total: int, initial: int) -> dict[str, int]:
    return {f"{prefix}-TOTAL_FORMS": total, f"{prefix}-INITIAL_FORMS": initial}


def an_upload(content: bytes, name: str = "../me & you.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def errors(response: Any) -> Sequence[str]:
    formsets = response.context["inline_admin_formsets"]
    return [str(e) for fs in formsets for f in fs.formset.errors for es in f.values() for e in es]


@pytest.fixture
def viewer(client: Client) -> Client:
    """Log somebody in who may look at posts and nothing else."""
    user = User.objects.create_user("viewer", is_staff=True)
    names = ["view_post", "view_postimage", "view_report"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return client


class TestChangeList:
    def test_asks_as_many_queries_for_10_as_for_100_posts(self, admin_client: Client) -> None:
        def add(number: int) -> None:
            for _ in range(number):
                post = a_post(author=f"author-{Post.objects.count()}")
                a_picture(post)
                report(post, "eve", "mallory")

        add(10)
        queries(admin_client, LIST)  # fills the caches of content types
        ten = queries(admin_client, LIST)
        add(90)
        assert queries(admin_client, LIST) == ten

    def test_shows_three_thumbnails_of_a_post_at_most(self, admin_client: Client) -> None:
        post = a_post()
        for _ in range(4):
            a_picture(post)
        page = admin_client.get(LIST).content.decode()
        assert page.count('class="post-thumbnail"') == 3
        assert '<span class="post-picture-total">4</span>' in page

    def test_thumbnails_name_no_storage_key(self, admin_client: Client) -> None:
        picture = a_picture(a_post())
        page = admin_client.get(LIST).content.decode()
        names = ("posts.postimage", picture.pk, "thumbnail")
        address = reverse("admin:moderation_picture", args=names)
        assert f'src="{address}"' in page
        assert str(picture.thumbnail) not in page

    def test_is_sorted_by_reports_and_by_pictures(self, admin_client: Client) -> None:
        calm, loud, colourful = a_post("calm"), a_post("loud"), a_post("colourful")
        report(loud, "eve", "mallory")
        report(calm, "eve")
        a_picture(colourful)
        columns = admin_client.get(LIST).context["cl"].list_display
        reports, pictures = columns.index("report_count"), columns.index("pictures")
        assert shown(admin_client, o=f"-{reports}") == ["loud", "calm", "colourful"]
        assert shown(admin_client, o=f"-{pictures}")[0] == "colourful"

    @pytest.mark.parametrize(
        ("parameters", "titles"),
        [
            ({"reported": "yes"}, {"reported"}),
            ({"reported": "no"}, {"illustrated", "plain"}),
            ({"pictures": "yes"}, {"illustrated"}),
            ({"pictures": "no"}, {"reported", "plain"}),
            ({"author": "BOB"}, {"plain"}),
            ({"author": "bo"}, set()),
            ({"author": " "}, {"reported", "illustrated", "plain"}),
            ({"q": "plain"}, {"plain"}),
            ({"q": "bob"}, {"plain"}),
            ({"q": "somewhere within"}, {"illustrated"}),
        ],
    )
    def test_filters_and_searches(
        self, admin_client: Client, parameters: dict[str, str], titles: set[str]
    ) -> None:
        report(a_post("reported"), "eve", "mallory")
        illustrated = a_post("illustrated")
        a_picture(illustrated)
        Post.objects.filter(pk=illustrated.pk).update(body="It is somewhere within.")
        a_post("plain", author="bob")
        found = shown(admin_client, **parameters)
        assert set(found) == titles
        assert len(found) == len(titles)

    def test_author_filter_keeps_what_else_is_chosen(self, admin_client: Client) -> None:
        a_post()
        page = admin_client.get(LIST, {"reported": "no", "q": "post", "author": "a<b"})
        assert '<input type="hidden" name="reported" value="no">' in page.content.decode()
        assert '<input type="hidden" name="q" value="post">' in page.content.decode()
        assert 'value="a&lt;b"' in page.content.decode()

    def test_author_leads_to_all_posts_of_theirs(self, admin_client: Client) -> None:
        a_post(author="ada+eve@home")
        page = admin_client.get(LIST).content.decode()
        assert 'href="?author=ada%2Beve%40home"' in page
        assert shown(admin_client, author="ada+eve@home") == ["A post"]

    def test_says_so_when_there_are_no_posts(self, admin_client: Client) -> None:
        assert "There are no posts." in admin_client.get(LIST).content.decode()


class TestPostPage:
    def test_asks_as_many_queries_for_2_as_for_12_pictures(self, admin_client: Client) -> None:
        post = a_post()

        def add(number: int) -> None:
            for _ in range(number):
                a_picture(post)
                report(post, f"reporter-{Report.objects.count()}")

        add(2)
        queries(admin_client, page_of(post))
        two = queries(admin_client, page_of(post))
        add(10)
        assert queries(admin_client, page_of(post)) == two

    def test_shows_what_was_measured_and_offers_no_field_to_replace_it(
        self, admin_client: Client
    ) -> None:
        picture = a_picture(a_post(), drawing(size=(64, 48)))
        page = admin_client.get(page_of(picture.post)).content.decode()
        assert "64 × 48" in page
        assert picture.sha256 in page
        assert 'name="post_images-0-DELETE"' in page
        assert 'name="post_images-0-upload"' not in page

    def test_takes_a_picture_in(self, admin_client: Client, fresh_storage: Path) -> None:
        post, content = a_post(), drawing(size=(64, 48))
        response = admin_client.post(page_of(post), form(post, an_upload(content)))
        assert response.status_code == 302
        picture = post.post_images.get()
        assert (picture.width, picture.size) == (64, len(content))
        assert len(files_in(fresh_storage)) == 2
        assert "you" not in str(picture.image)

    def test_adds_a_post_with_its_pictures(self, admin_client: Client) -> None:
        draft = Post(author=a_post().author, title="New")
        data = form(a_post("model"), an_upload(drawing()), an_upload(drawing("GIF")))
        response = admin_client.post(reverse("admin:posts_post_add"), data | {"title": draft.title})
        assert response.status_code == 302
        assert Post.objects.get(title="New").post_images.count() == 2

    def test_says_why_a_picture_is_refused_and_stores_nothing(
        self, admin_client: Client, fresh_storage: Path
    ) -> None:
        post = a_post()
        data = form(post, an_upload(drawing()), an_upload(drawing()[:60]), an_upload(b"<svg/>"))
        response = admin_client.post(page_of(post), data)
        assert errors(response) == [
            "me & you.png: The picture is broken or incomplete.",
            "me & you.png: The file is not a JPEG, PNG, GIF or WebP picture.",
        ]
        assert files_in(fresh_storage) == []

    def test_leaves_no_file_when_saving_fails_late(
        self, admin_client: Client, fresh_storage: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            assert len(files_in(fresh_storage)) == 2
            raise RuntimeError("too late")

        monkeypatch.setattr(PostAdmin, "log_change", fail)
        post = a_post()
        with pytest.raises(RuntimeError, match="too late"):
            admin_client.post(page_of(post), form(post, an_upload(drawing())))
        assert files_in(fresh_storage) == []
        assert not post.post_images.exists()

    def test_removes_one_picture_and_leaves_the_other(self, admin_client: Client) -> None:
        post = a_post()
        gone, stays = a_picture(post), a_picture(post)
        data = form(post) | {"post_images-0-DELETE": "on"}
        assert admin_client.post(page_of(post), data).status_code == 302
        assert list(PostImage.objects.all()) == [stays]
        assert gone != stays
        admin = User.objects.get(username="admin")
        written = AuditEntry.objects.values_list("object_key", "actor", "actor_name")
        assert set(written) == {(str(gone.pk), admin.pk, "admin")}

    def test_is_read_only_for_who_may_only_look(self, viewer: Client) -> None:
        post = a_post()
        a_picture(post)
        report(post, "eve")
        page = viewer.get(page_of(post)).content.decode()
        assert 'class="post-thumbnail"' in page
        assert "eve" in page
        assert 'type="file"' not in page
        assert viewer.post(page_of(post), form(post)).status_code == 403
