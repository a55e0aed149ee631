"""What the deletion of a page of objects takes: the one plan behind preview, seal and deed.

The walk reads keys and stored names, never whole rows, and never touches storage. It holds at most
`limit` rows; a selection of any size is planned batch by batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import models

from moderation.cascade.preview import Preview, digest_of_object, json_key
from moderation.registry import (
    registration_by_label,
)
from moderation.registry.files import StoredFile


@dataclass(slots=True)
class Plan:
    """What is deleted with a page of objects.

    `roots` are the keys that exist, in key order. `files` maps each stored file to the object that
    pulls it in. `lines` holds the digest's input for each object, by the owning model. `counts`
    holds counts; the other fields of `Preview` are derived from these. `rows` maps the deleted rows
    of the requested models to their object: {model: {key: object}}. `standing` are querysets of the
    rows that protect or restrict. `rows_read` counts the deleted rows that were read, by model
    label.
    """

    model: type[models.Model]
    roots: list[Any] = field(default_factory=list)
    files: dict[StoredFile, Any] = field(default_factory=dict)
    lines: dict[Any, dict[str, list[tuple[Any, str]]]] = field(default_factory=dict)
    counts: Preview = field(default_factory=Preview)
    rows: dict[type[models.Model], dict[Any, Any]] = field(default_factory=dict)
    standing: list[models.QuerySet[Any]] = field(default_factory=list)
    rows_read: Counter[str] = field(default_factory=Counter)

    def pictures(self) -> list[StoredFile]:
        """Return the files that a page shows one by one, in the order of their objects.

        A thumbnail goes with its picture and has no card of its own.
        """
        order = {root: place for place, root in enumerate(self.roots)}
        return sorted(
            (file for file in self.files if _is_shown(file.label, file.field)),
            key=lambda f: (order[self.files[f]], f.label, str(f.key), f.name),
        )

    def preview(self) -> Preview:
        """Return what is shown of the objects."""
        label, objects = self.model._meta.label, []
        for root in self.roots:
            owned = {
                owner: [line for _, line in sorted(lines)]
                for owner, lines in self.lines.get(root, {}).items()
            }
            objects.append((json_key(root), digest_of_object(label, root, owned)))
        kinds = Counter((file.label, file.field) for file in self.files)
        pictures = {kind: number for kind, number in kinds.items() if _is_shown(*kind)}
        return replace(
            self.counts,
            objects=objects,
            files=len(self.files),
            pictures=sum(pictures.values()),
            without_picture=len(self.without_picture(pictures)),
        )

    def without_picture(self, kinds: Collection[tuple[str, str]] | None = None) -> list[Any]:
        """Return the roots without a card, which do not appear among the pictures.

        `kinds` are the (label, field) pairs that have pictures, if the caller knows them.
        """
        if kinds is None:
            every = {(file.label, file.field) for file in self.files}
            kinds = {kind for kind in every if _is_shown(*kind)}
        seen = {root for file, root in self.files.items() if (file.label, file.field) in kinds}
        return [root for root in self.roots if root not in seen]


def _is_shown(label: str, field: str) -> bool:
    return not field or field != registration_by_label(label).thumbnail
