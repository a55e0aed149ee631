"""What every adapter must do, whatever its storage.

To test another adapter, extend `AdapterContract`, which needs nothing of this repository but
`moderation.storage`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, storages
from django.db import transaction
from django.test import override_settings

from moderation.storage import (
    IDENTITY_FILE,
    LEASE_EXPIRED,
    Adapter,
    FileToErase,
    Lease,
    Moment,
    Outcome,
    Result,
    odd_spellings,
)
from moderation.storage.filesystem import FileSystemAdapter
from moderation.storage.generic import GenericAdapter
from moderation.storage.s3 import S3Adapter
from tests.services.s3_gateway import S3Server
from tests.storage.conftest import MakeBucket
from tests.storage.dict_adapter import REQUEST_KEYS, DictAdapter, DictStorage

LONGEST_WAIT = 20  # seconds


class WatchedLease(Lease):
    """Says when it was checked for the first time, which is right before the first request."""

    def __init__(self) -> None:
        super().__init__(60, Moment.now())
        self.was_checked = Event()

    def is_active(self) -> bool:
        self.was_checked.set()
        return super().is_active()


def erase(adapter: Adapter, *names: str, lease: Lease | None = None) -> dict[str, Outcome]:
    """Erase names; return their outcomes."""
    files = [FileToErase(name, lease=lease) for name in names]
    outcomes = list(adapter.erase(files, lambda _versions: None))
    assert sorted(outcome.name for outcome in outcomes) == sorted(names)
    return {outcome.name: outcome for outcome in outcomes}


class AdapterContract:
    """Tests of an adapter. A subclass names it and has a fixture that returns an empty storage."""

    adapter_class: type[Any]
    request_keys = 1  # the most keys that fit into one request

    @pytest.fixture
    def storage(self) -> Storage:
        raise NotImplementedError

    @pytest.fixture
    def adapter(self, storage: Storage) -> Adapter:
        adapter: Adapter = self.adapter_class(storage)
        return adapter

    @pytest.fixture
    def names(self, storage: Storage) -> list[str]:
        """Return the names of two files in the storage."""
        return [storage.save(f"a/{number}.jpg", ContentFile(b"x")) for number in range(2)]

    def test_each_of_many_names_has_exactly_one_outcome(
        self, adapter: Adapter, storage: Storage, names: list[str]
    ) -> None:
        missing = [f"a/missing-{number}.jpg" for number in range(2 * self.request_keys + 1)]
        outcomes = erase(adapter, *names, *missing)
        assert {outcome.result for outcome in outcomes.values()} == {Result.ERASED}
        assert not any(storage.exists(name) for name in names)

    @pytest.mark.parametrize("bad", ["", "../a.jpg", "a/../../a.jpg", IDENTITY_FILE])
    def test_a_bad_name_becomes_an_outcome_and_the_others_are_erased(
        self, adapter: Adapter, names: list[str], bad: str
    ) -> None:
        outcomes = erase(adapter, names[0], bad, names[1])
        assert (outcomes[bad].result, outcomes[bad].own) == (Result.FAILED, True)
        assert {outcomes[name].result for name in names} == {Result.ERASED}
        with pytest.raises(ValueError):  # noqa: PT011 - each adapter words it
            adapter.key(bad)
        with pytest.raises(ValueError):  # noqa: PT011
            adapter.full_key(bad)

    def test_nothing_is_sent_after_the_lease_has_expired(
        self, adapter: Adapter, storage: Storage, names: list[str]
    ) -> None:
        lease = Lease(60, Moment.now())
        lease.end()
        outcome = erase(adapter, names[0], lease=lease)[names[0]]
        assert (outcome.result, outcome.code, outcome.own) == (Result.FAILED, LEASE_EXPIRED, False)
        assert storage.exists(names[0])

    def test_no_more_names_are_consumed_before_the_first_request_than_fit_into_it(
        self, adapter: Adapter
    ) -> None:
        lease = WatchedLease()

        def files() -> Iterator[FileToErase]:
            for number in range(self.request_keys):
                yield FileToErase(f"{number}.jpg", lease=lease)
            assert lease.was_checked.wait(LONGEST_WAIT), "another name is consumed too early"
            yield FileToErase("last.jpg", lease=lease)

        assert len(list(adapter.erase(files(), lambda _versions: None))) == self.request_keys + 1

    def test_names_of_one_file_have_the_same_key_and_are_searched_for(
        self, adapter: Adapter, storage: Storage, names: list[str]
    ) -> None:
        prefixes = (*adapter.odd_prefixes(""), *adapter.odd_prefixes("a/"))
        for odd in filter(exists_in(storage), odd_spellings(names[0])):
            assert adapter.full_key(odd) == adapter.full_key(names[0])
            assert odd in adapter.odd_spellings(names[0])
            assert odd.startswith(prefixes)

    def test_an_erased_file_is_verified_to_be_absent(
        self, adapter: Adapter, names: list[str]
    ) -> None:
        erase(adapter, names[0])
        absent = adapter.verify([*names, "a/never.jpg"])
        assert absent == {names[0]: True, names[1]: False, "a/never.jpg": True}

    def test_the_identity_file_is_replaced_under_its_own_name(
        self, adapter: Adapter, storage: Storage
    ) -> None:
        assert adapter.read_identity_file() is None
        for content in (b"one", b"two"):
            adapter.write_identity_file(content)
            assert adapter.read_identity_file() == content
        assert storage.listdir("")[1] == [IDENTITY_FILE]

    def test_all_methods_work_while_it_is_opened_and_afterwards(
        self, adapter: Adapter, names: list[str]
    ) -> None:
        with adapter.opened():
            adapter.write_identity_file(b"id")
            assert adapter.read_identity_file() == b"id"
            assert erase(adapter, names[0])[names[0]].result is Result.ERASED
            assert adapter.verify(names) == {names[0]: True, names[1]: False}
        assert adapter.read_identity_file() == b"id"
        assert erase(adapter, names[1])[names[1]].result is Result.ERASED

    @pytest.mark.django_db(transaction=True)
    def test_the_network_is_refused_inside_a_transaction_as_soon_as_a_method_is_called(
        self, adapter: Adapter
    ) -> None:
        calls: list[Callable[[], object]] = [
            lambda: adapter.erase([FileToErase("a")], lambda _versions: None),
            lambda: adapter.verify(["a"]),
            adapter.read_identity_file,
            lambda: adapter.write_identity_file(b"x"),
        ]
        for call in calls:
            with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
                call()
            call()


def exists_in(storage: Storage) -> Callable[[str], bool]:
    """Return a function that says whether the storage accepts a name and has a file under it."""

    def exists(name: str) -> bool:
        try:
            return storage.exists(name)
        except SuspiciousOperation:
            return False

    return exists


class TestFileSystem(AdapterContract):
    adapter_class = FileSystemAdapter

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return FileSystemStorage(tmp_path)


class TestGeneric(AdapterContract):
    adapter_class = GenericAdapter

    @pytest.fixture
    def storage(self) -> Storage:
        return InMemoryStorage()


class TestS3(AdapterContract):
    adapter_class = S3Adapter
    request_keys = 5

    @pytest.fixture
    def storage(self, s3_gateway: S3Server, make_bucket: MakeBucket) -> Iterator[Storage]:
        make_bucket(s3_gateway, location="media")
        with override_settings(MODERATION_REQUEST_KEYS=self.request_keys):
            yield storages["default"]


class TestVersionedS3(AdapterContract):
    adapter_class = S3Adapter
    request_keys = 5

    @pytest.fixture
    def storage(self, versioned_s3: S3Server, make_bucket: MakeBucket) -> Iterator[Storage]:
        make_bucket(versioned_s3, location="media", versioned=True)
        with override_settings(MODERATION_REQUEST_KEYS=self.request_keys):
            yield storages["default"]


class TestDict(AdapterContract):
    adapter_class = DictAdapter
    request_keys = REQUEST_KEYS

    @pytest.fixture
    def storage(self) -> Storage:
        return DictStorage()

    def test_a_failed_request_does_not_count_as_an_attempt_and_the_other_names_wait(self) -> None:
        class Broken(DictStorage):
            def delete_many(self, names: Sequence[str]) -> None:
                raise ConnectionResetError(104, "reset")

        files = (FileToErase(f"{number}.jpg") for number in range(2 * REQUEST_KEYS))
        outcomes = list(DictAdapter(Broken()).erase(files, lambda _versions: None))
        expected = (Result.FAILED, "ConnectionResetError", "[Errno 104] reset", False, True)
        assert {(o.result, o.code, o.message, o.own, o.unsure) for o in outcomes} == {expected}
        assert len(outcomes) == len(list(files)) == REQUEST_KEYS
