"""Fixtures for every test: storage of its own, and the real parts that a test may ask for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import TransactionTestCase, override_settings
from playwright.sync_api import Browser, ConsoleMessage, Page
from pytest_django.live_server_helper import LiveServer

from moderation.permission_groups import MODERATORS
from moderation.recording import upload_identity
from moderation.references import databases
from moderation.storage import write_identity
from posts.models import Post, PostImage
from project import storages
from project.security import bucket_origins
from tests.helpers import stored
from tests.services import browser
from tests.services import s3_gateway as s3_gateway_part
from tests.services import versioned_s3 as versioned_s3_part
from tests.services.flush import Flush
from tests.services.s3_gateway import S3Server
from tests.testapp.storage import ATTACHMENTS

# Without it every page that links a stylesheet asks for a `collectstatic` first.
STORAGES_WITHOUT_MANIFEST = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep SQLite's test database in a file: worker processes and locks need a real one."""
    if connection.vendor == "sqlite":
        path = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(path)


@pytest.fixture(autouse=True)
def fresh_storage(tmp_path: Path) -> Iterator[Path]:
    """Point the default storage to an empty folder, so that no test writes into `var/`."""
    root = tmp_path / "media"
    entry = storages.disk(root=root, url=settings.MEDIA_URL)
    entries = STORAGES_WITHOUT_MANIFEST | {"default": entry, "attachments": ATTACHMENTS}
    with override_settings(STORAGES=entries):
        yield root
    shutil.rmtree(ATTACHMENTS["OPTIONS"]["location"], ignore_errors=True)


@pytest.fixture(autouse=True)
def trusted_storages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust every storage, because most tests upload files without an identity file.

    Tests of the verification use `verified_storages`.
    """
    upload_identity.forget_verified_storages()
    if "verified_storages" not in request.fixturenames:
        monkeypatch.setattr(upload_identity, "_verify_identity", lambda *_: None)


@pytest.fixture
def verified_storages(trusted_storages: None) -> None:
    """Verify the identity of storages before uploads, as outside the tests."""


@pytest.fixture(scope="session")
def s3_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Return a real S3 gateway, started once; its buckets have no versions."""
    with s3_gateway_part.serve(tmp_path_factory.mktemp("s3-gateway")) as server:
        yield server


@pytest.fixture(scope="session")
def versioned_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Return an S3 server, started once, whose buckets can have versions."""
    with versioned_s3_part.serve(tmp_path_factory.mktemp("versioned-s3")) as server:
        yield server


@pytest.fixture
def s3_storage(fresh_storage: Path, s3_gateway: S3Server) -> Iterator[str]:
    """Point the default storage to a bucket of its own on the gateway; give the bucket's name."""
    bucket = s3_gateway.make_bucket()
    with default_storage_on(s3_gateway, bucket):
        yield bucket


@pytest.fixture
def versioned_storage(fresh_storage: Path, versioned_s3: S3Server) -> Iterator[str]:
    """Point the default storage to a versioned bucket of its own; give the bucket's name."""
    bucket = versioned_s3.make_bucket(versioned=True)
    with default_storage_on(versioned_s3, bucket):
        yield bucket


@contextmanager
def default_storage_on(server: S3Server, bucket: str) -> Iterator[None]:
    """Point the default storage to a bucket, and let pages show its pictures."""
    origins = bucket_origins(bucket=bucket, endpoint=server.endpoint, region="")
    policy = settings.SECURE_CSP | {"img-src": [*settings.SECURE_CSP["img-src"], *origins]}
    entries = settings.STORAGES | {"default": server.storage(bucket)}
    with override_settings(STORAGES=entries, SECURE_CSP=policy):
        yield


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Yield a browser, started once. Without one: CI fails, a developer's run says so and skips."""
    program = browser.find()
    if program is None and os.environ.get("CI") == "true":
        pytest.fail(browser.MISSING)
    if program is None:
        pytest.skip(browser.MISSING)
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's synchronous interface runs an event loop in this thread, and Django refuses
        # its ORM beside one. No coroutine of ours ever runs in it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with browser.launch(program) as found:
            yield found


@pytest.fixture
def browser_page(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Yield a fresh page whose relative addresses are the live server's.

    The test fails when a script raised an error or the browser refused something by the policy.
    """
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if refused(said) else None)
    yield page
    context.close()
    assert not complaints


def refused(said: ConsoleMessage) -> bool:
    """Say whether the browser reports a breach of the Content-Security-Policy."""
    return said.type == "error" and "Content Security Policy" in said.text


@pytest.fixture(autouse=True, scope="session")
def quick_flush() -> Iterator[None]:
    """Empty the tables by `Flush` after each test that commits."""
    flush = Flush(TransactionTestCase._fixture_teardown)  # type: ignore[attr-defined]  # private

    def fixture_teardown(test: TransactionTestCase) -> None:
        flush.after(test)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", fixture_teardown)
        yield


@pytest.fixture(autouse=True, scope="session")
def lasting_table_cache() -> Iterator[None]:
    """Do not read the list of tables once a minute, which may be while a test counts queries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "CACHE_SECONDS", 3600.0)
        yield


@pytest.fixture
def moderator(db: None) -> User:
    user = User.objects.create_user("mod", is_staff=True)
    user.groups.add(Group.objects.get(name=MODERATORS))
    return user


@pytest.fixture
def marked(transactional_db: None) -> None:
    """The storages carry their marks, as `mark_storage` leaves them."""
    write_identity("default")
    write_identity("attachments")


@pytest.fixture
def make_posts(db: None) -> Callable[..., list[Post]]:
    """Make posts whose pictures are small files in storage; bytes, not pictures, are enough."""

    def make(count: int, *, images: int = 2, author: str = "spammer") -> list[Post]:
        user, _ = User.objects.get_or_create(username=author)
        posts = Post.objects.bulk_create(
            Post(author=user, title=f"Cheap pills {n}", body="Buy!") for n in range(count)
        )
        PostImage.objects.bulk_create(
            PostImage(
                post=post,
                image=stored(f"{post.pk}-{n}.jpg"),
                thumbnail=stored(f"{post.pk}-{n}-thumb.webp"),
                sha256="0" * 64,
                size=10,
                width=1,
                height=1,
            )
            for post in posts
            for n in range(images)
        )
        return posts

    return make
