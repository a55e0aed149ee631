"""The requests that delete keys: many at a time, or one if a batch cannot contain the key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from moderation.storage.s3.errors import (
    NO_ANSWER,
    NOT_S3,
    S3_ERRORS,
    ErrorCategory,
    StorageError,
    classify,
    classify_code,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import (
        DeleteObjectsOutputTypeDef,
        ObjectIdentifierTypeDef,
    )

# S3 rejects requests with more keys. moto accepts them, so the limit is checked here.
MAX_KEYS = 1000
# What XML 1.0 cannot represent.
NOT_IN_XML = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")
OK, NO_CONTENT = 200, 204
# S3 reports a missing key as deleted; Google and a few clones report it as missing.
MISSING_CODES = {"NoSuchKey", "NoSuchVersion"}


class Target(NamedTuple):
    """A key to delete, or one version of it."""

    key: str
    version: str = ""


class Answer(NamedTuple):
    """The storage's result for one target.

    `created_marker`: the storage only created a delete marker. `missing`: it reported that nothing
    was there. `own`: False if the request failed as a whole, so that the error is not about this
    key; see also `concerns_key`.
    """

    target: Target
    error: StorageError | None = None
    created_marker: bool = False
    missing: bool = False
    own: bool = True

    @property
    def concerns_key(self) -> bool:
        """Return whether there is an error and it is about this key."""
        return self.own and self.error is not None and self.error.concerns_key


class BatchRejected(Exception):
    """A request failed as a whole: the result of each of its targets is unknown."""

    def __init__(self, error: StorageError) -> None:
        super().__init__(error.code)
        self.error = error


def needs_separate_request(target: Target) -> bool:
    """Return whether the key would make the XML of a batch invalid."""
    return NOT_IN_XML.search(target.key) is not None


class DeleteClient:
    """Sends delete requests for one bucket. Safe to use from several threads."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self.client = client
        self.bucket = bucket
        self.supports_batches = True

    def send(self, targets: Sequence[Target]) -> list[Answer]:
        """Delete distinct targets in one request; return an answer for each.

        Raises BatchRejected if a request for several targets fails as a whole.
        """
        if len(targets) > MAX_KEYS:
            raise ValueError(f"{len(targets)} keys in one request; S3 accepts {MAX_KEYS}.")
        try:
            return [self._one(targets[0])] if len(targets) == 1 else self._batch(targets)
        except S3_ERRORS as exception:
            error = classify(exception)
            if len(targets) == 1:
                return [_answer_for(targets[0], error)]
            if error.category is ErrorCategory.NO_BATCH:
                self.supports_batches = False
            raise BatchRejected(error) from exception

    def _one(self, target: Target) -> Answer:
        if target.version:
            reply = self.client.delete_object(
                Bucket=self.bucket, Key=target.key, VersionId=target.version
            )
        else:
            reply = self.client.delete_object(Bucket=self.bucket, Key=target.key)
        status = reply["ResponseMetadata"]["HTTPStatusCode"]
        is_empty = reply["ResponseMetadata"]["HTTPHeaders"].get("content-length") == "0"
        # botocore reads no body here: an error page with status 200 would count as a deletion.
        if status == NO_CONTENT or (status == OK and is_empty):
            return Answer(
                target, created_marker=bool(reply.get("DeleteMarker")) and not target.version
            )
        return Answer(target, NOT_S3)

    def _batch(self, targets: Sequence[Target]) -> list[Answer]:
        objects = [_identifier(target) for target in targets]
        reply = self.client.delete_objects(
            Bucket=self.bucket, Delete={"Objects": objects, "Quiet": False}
        )
        return read_reply(targets, reply)


def _identifier(target: Target) -> ObjectIdentifierTypeDef:
    if target.version:
        return {"Key": target.key, "VersionId": target.version}
    return {"Key": target.key}


def read_reply(targets: Sequence[Target], reply: DeleteObjectsOutputTypeDef) -> list[Answer]:
    """Return the answer for each target in the reply to a batch, or NO_ANSWER if there is none.

    Some servers (the JuiceFS gateway) name no key under `Deleted`. Such nameless successes count
    only if their number equals that of the targets without another answer, and if the reply
    mentions no key that was not requested: such an error may belong to any target.
    """
    requested = set(targets)
    answers: dict[Target, Answer] = {}
    nameless = 0
    for deleted in reply.get("Deleted", []):
        if "Key" not in deleted:
            nameless += 1
            continue
        target = _requested(Target(deleted["Key"], deleted.get("VersionId", "")), requested)
        created_marker = bool(deleted.get("DeleteMarker")) and not target.version
        answers[target] = Answer(target, created_marker=created_marker)
    for failed in reply.get("Errors", []):
        target = _requested(Target(failed.get("Key", ""), failed.get("VersionId", "")), requested)
        error = classify_code(failed.get("Code") or "Unknown", failed.get("Message", ""))
        answers[target] = _answer_for(target, error)
    unanswered = sum(target not in answers for target in targets)
    is_accounted_for = unanswered == nameless and answers.keys() <= requested
    otherwise = None if is_accounted_for else NO_ANSWER
    return [answers.get(target) or Answer(target, otherwise) for target in targets]


def _requested(reported: Target, requested: set[Target]) -> Target:
    """Return the requested target; some servers report the null version of a requested key."""
    return reported if reported in requested else Target(reported.key)


def _answer_for(target: Target, error: StorageError) -> Answer:
    if error.code in MISSING_CODES:
        return Answer(target, missing=True)
    return Answer(target, error)
