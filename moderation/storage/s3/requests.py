"""The requests that delete: in batches, or singly where a batch cannot carry a key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from moderation.storage.s3.errors import (
    NO_ANSWER,
    NOT_S3,
    S3_ERRORS,
    Kind,
    Trouble,
    coded,
    trouble_of,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import (
        DeleteObjectsOutputTypeDef,
        ObjectIdentifierTypeDef,
    )

# More than that S3 refuses, and moto takes: so the limit is asserted here.
MOST_KEYS = 1000
# What XML 1.0 cannot carry.
NOT_IN_XML = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")
OK, NO_CONTENT = 200, 204
# S3 answers a missing key as deleted; Google and a few clones say so.
MISSING_CODES = {"NoSuchKey", "NoSuchVersion"}


class Target(NamedTuple):
    """What one deletion takes: a key, or one version of it."""

    key: str
    version: str = ""


class Answer(NamedTuple):
    """The storage's result for one target.

    `marked`: the storage only created a delete marker. `missing`: it reported that nothing was
    there. `own`: False if the request failed as a whole, so that the error is not about this key;
    see also `speaks_of_key`.
    """

    target: Target
    trouble: Trouble | None = None
    marked: bool = False
    missing: bool = False
    own: bool = True

    @property
    def speaks_of_key(self) -> bool:
        """Return whether the trouble is the storage's answer about this very key."""
        return self.own and self.trouble is not None and self.trouble.speaks_of_key


class Refusal(Exception):
    """The request failed as a whole: nothing is known of any of its targets."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.code)
        self.trouble = trouble


def must_go_singly(target: Target) -> bool:
    """Return whether the key would spoil the XML of a whole batch."""
    return NOT_IN_XML.search(target.key) is not None


class Deletion:
    """Sends the deletions of one bucket. Safe to use from several threads."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self.client = client
        self.bucket = bucket
        self.batches_understood = True

    def send(self, targets: Sequence[Target]) -> list[Answer]:
        """Delete distinct targets in one request: one answer for each. Raises Refusal."""
        if len(targets) > MOST_KEYS:
            raise ValueError(f"{len(targets)} keys in one request; S3 takes {MOST_KEYS}.")
        try:
            return [self._one(targets[0])] if len(targets) == 1 else self._batch(targets)
        except S3_ERRORS as error:
            trouble = trouble_of(error)
            if len(targets) == 1:
                return [_troubled(targets[0], trouble)]
            if trouble.kind is Kind.NO_BATCH:
                self.batches_understood = False
            raise Refusal(trouble) from error

    def _one(self, target: Target) -> Answer:
        if target.version:
            reply = self.client.delete_object(
                Bucket=self.bucket, Key=target.key, VersionId=target.version
            )
        else:
            reply = self.client.delete_object(Bucket=self.bucket, Key=target.key)
        told = reply["ResponseMetadata"]
        empty = told["HTTPHeaders"].get("content-length") == "0"
        # botocore reads no body here: an error page sent with 200 would pass as a deletion.
        if told["HTTPStatusCode"] == NO_CONTENT or (told["HTTPStatusCode"] == OK and empty):
            return Answer(target, marked=bool(reply.get("DeleteMarker")) and not target.version)
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
    """Return the result of every target in the reply to a batch; without one it is NO_ANSWER.

    Some servers (the JuiceFS gateway) name no key under `Deleted`. Such nameless successes count
    only if their number equals that of the targets without another result, and if the reply
    mentions no key that was not requested: such an error may belong to any target.
    """
    asked = set(targets)
    answers: dict[Target, Answer] = {}
    nameless = 0
    for deleted in reply.get("Deleted", []):
        if "Key" not in deleted:
            nameless += 1
            continue
        target = _asked_for(Target(deleted["Key"], deleted.get("VersionId", "")), asked)
        marked = bool(deleted.get("DeleteMarker")) and not target.version
        answers[target] = Answer(target, marked=marked)
    for error in reply.get("Errors", []):
        target = _asked_for(Target(error.get("Key", ""), error.get("VersionId", "")), asked)
        trouble = coded(error.get("Code") or "Unknown", error.get("Message", ""))
        answers[target] = _troubled(target, trouble)
    unsaid = sum(target not in answers for target in targets)
    is_accounted_for = unsaid == nameless and answers.keys() <= asked
    otherwise = None if is_accounted_for else NO_ANSWER
    return [answers.get(target) or Answer(target, otherwise) for target in targets]


def _asked_for(told: Target, asked: set[Target]) -> Target:
    """Some servers name the null version where only the key was given to them."""
    return told if told in asked else Target(told.key)


def _troubled(target: Target, trouble: Trouble) -> Answer:
    if trouble.code in MISSING_CODES:
        return Answer(target, missing=True)
    return Answer(target, trouble)
