"""The alternatives to this app, as the authors of a site would write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models.signals import post_delete, post_init, post_save, pre_delete, pre_save

from moderation import conf
from moderation.recording import receivers
from moderation.storage.s3.client import prepared_client
from posts.models import Post, PostImage

OURS = (
    (pre_delete, receivers.collect_files),
    (post_delete, receivers.write_files),
    (pre_save, receivers.reserve_keys),
    (post_save, receivers.confirm_keys),
)
CLEANUP_SIGNALS = {
    "post_init": post_init,
    "pre_save": pre_save,
    "post_save": post_save,
    "post_delete": post_delete,
}


@contextmanager
def without_moderation() -> Iterator[None]:
    """Disconnect moderation's receivers from pictures, as if these were not registered."""
    for signal, receiver in OURS:
        uid = f"moderation.{receiver.__name__}.{PostImage._meta.label}"
        if not signal.disconnect(sender=PostImage, dispatch_uid=uid):
            raise RuntimeError(f"{uid} was not connected.")
    try:
        yield
    finally:
        receivers.connect(PostImage)


def delete_by_receiver() -> None:
    """(a) Delete the posts with a receiver that deletes files and picture rows one by one."""
    with without_moderation(), _connected(pre_delete, Post, _delete_pictures):
        Post.objects.all().delete()


def _delete_pictures(instance: Post, **_: Any) -> None:
    for picture in instance.post_images.all():
        default_storage.delete(str(picture.image.name))
        default_storage.delete(str(picture.thumbnail.name))
        picture.delete()


def delete_with_cleanup() -> None:
    """(b) Delete the posts with django-cleanup, which does not retry a file after an error."""
    with without_moderation(), _cleanup():
        Post.objects.all().delete()


@contextmanager
def _cleanup() -> Iterator[None]:
    """Connect django-cleanup as its AppConfig does, and disconnect it at the end."""
    from django_cleanup import cache, handlers

    cache.prepare(False)  # noqa: FBT003 - its default: all models; a second call does nothing
    handlers.connect()
    try:
        yield
    finally:
        for model in cache.cleanup_models():
            for name, signal in CLEANUP_SIGNALS.items():
                uid = f"{name}_django_cleanup_{cache.get_model_name(model)}"
                signal.disconnect(sender=model, dispatch_uid=uid)


def delete_by_sql() -> None:
    """(d) Do the minimum: one DELETE per table and parallel DeleteObjects, no log, no checks."""
    pairs = PostImage.objects.values_list("image", "thumbnail")
    names = [name for pair in pairs for name in pair]
    with transaction.atomic(), connection.cursor() as cursor:
        for model in (PostImage, Post):
            cursor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608 - our own table
    storage: Any = default_storage
    client = prepared_client(storage)

    def delete(keys: Iterable[str]) -> None:
        objects = [{"Key": key} for key in keys]
        client.delete_objects(Bucket=storage.bucket_name, Delete={"Objects": objects})  # type: ignore[typeddict-item]

    with ThreadPoolExecutor(conf.requests()) as pool:
        list(pool.map(delete, _chunks(names, conf.request_keys())))


def _chunks(names: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]


def delete_bare(batches: Iterable[list[Any]]) -> None:
    """Delete the posts of each batch with Django and a receiver that does nothing."""
    with without_moderation(), _connected(pre_delete, PostImage, _do_nothing):
        for keys in batches:
            with transaction.atomic():
                Post._base_manager.filter(pk__in=keys).delete()


def _do_nothing(**_: Any) -> None:
    """Prevent Django's fast delete, as every receiver does."""


@contextmanager
def _connected(signal: Any, sender: Any, receiver: Any) -> Iterator[None]:
    signal.connect(receiver, sender=sender, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)
