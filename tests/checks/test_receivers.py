"""The check for receivers of other code that erase the files of a deleted row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db.models.signals import ModelSignal, post_delete, pre_delete

from moderation.checks.receivers import check_erasing_receivers
from tests.testapp.models import Piece


@contextmanager
def connected(signal: ModelSignal, receiver: Callable[..., None], sender: Any) -> Iterator[None]:
    signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)


def delete_of_the_field(instance: Any, **kwargs: Any) -> None:
    instance.picture.delete(save=False)


def delete_of_a_storage(instance: Any, **kwargs: Any) -> None:
    default_storage.delete(instance.name)


def removal_from_disk(instance: Any, **kwargs: Any) -> None:
    os.remove(instance.path)  # noqa: PTH107 - as many sites do it


def call_of_a_library(instance: Any, **kwargs: Any) -> None:
    instance.delete_stored_files()


def deletion_of_other_rows(instance: Any, **kwargs: Any) -> None:
    type(instance).objects.filter(name=instance.file.name).delete()


@pytest.mark.parametrize("signal", [pre_delete, post_delete])
@pytest.mark.parametrize("sender", [Piece, None])
@pytest.mark.parametrize(
    "receiver", [delete_of_the_field, delete_of_a_storage, removal_from_disk, call_of_a_library]
)
def test_w032_a_receiver_that_erases_files(
    signal: ModelSignal, sender: Any, receiver: Callable[..., None]
) -> None:
    with connected(signal, receiver, sender):
        found = [message for message in check_erasing_receivers() if message.obj is Piece]
    (warning,) = found
    assert warning.id == "moderation.W032"
    assert f"test_receivers.{receiver.__name__} seems to erase the files of deleted" in warning.msg


def test_w032_does_not_report_a_receiver_that_deletes_rows() -> None:
    with connected(post_delete, deletion_of_other_rows, Piece):
        assert check_erasing_receivers() == []
