"""The plan of a deletion: what it will delete, for the preview, the seal and the deletion itself.

The walk reads keys and stored names. It reads whole rows only to pass them to the functions of a
registration (`storage`, `extra_files`), and never accesses a storage. It holds at most `limit`
rows; a selection of any size is planned batch by batch.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import models

from moderation.cascade.preview import Preview, digest_of_object, fingerprint_of, json_key
from moderation.registry import registration_by_label
from moderation.registry.files import StoredFile


@dataclass(slots=True)
class Plan:
    """The rows and files that will be deleted with some objects of a model.

    `roots` are the keys of the objects that exist, in key order. `files` maps each stored file to
    the object it is deleted with. `lines` holds the digest's input for each object, by the owning
    model. `counts` holds the counts of the preview that cannot be derived from the rest. `rows`
    maps the deleted rows of the requested models to their object: {model: {key: object}}.
    `blocking` are querysets of the rows that protect or restrict. `rows_read` counts the deleted
    rows that were read, by model label.
    """

    model: type[models.Model]
    roots: list[Any] = field(default_factory=list)
    files: dict[StoredFile, Any] = field(default_factory=dict)
    lines: dict[Any, dict[str, list[tuple[Any, str]]]] = field(default_factory=dict)
    counts: Preview = field(default_factory=Preview)
    rows: dict[type[models.Model], dict[Any, Any]] = field(default_factory=dict)
    blocking: list[models.QuerySet[Any]] = field(default_factory=list)
    rows_read: Counter[str] = field(default_factory=Counter)

    def pictures(self) -> list[StoredFile]:
        """Return the files that the preview shows one by one, in the order of their objects.

        Thumbnails are left out: they are erased with their pictures.
        """
        order = {root: position for position, root in enumerate(self.roots)}
        return sorted(
            (file for file in self.files if _is_picture(file.label, file.field)),
            key=lambda f: (order[self.files[f]], f.label, str(f.key), f.name),
        )

    def preview(self) -> Preview:
        """Return the counts of the plan, and the digest of each object."""
        label, objects = self.model._meta.label, []
        for root in self.roots:
            owned = {
                owner: [line for _, line in sorted(lines)]
                for owner, lines in self.lines.get(root, {}).items()
            }
            objects.append((json_key(root), digest_of_object(label, root, owned)))
        by_field = Counter((file.label, file.field) for file in self.files)
        pictures = {pair: number for pair, number in by_field.items() if _is_picture(*pair)}
        return replace(
            self.counts,
            objects=objects,
            files=len(self.files),
            pictures=sum(pictures.values()),
            without_picture=len(self.without_picture(pictures)),
            fingerprints=self._fingerprints(),
        )

    def _fingerprints(self) -> dict[str, str]:
        """Return the fingerprints of the pictures of each object, in the order of their rows."""
        fingerprints: dict[str, str] = defaultdict(str)
        pictures = (file for file in self.files if _is_picture(file.label, file.field))
        for file in sorted(pictures, key=lambda file: (file.label, file.key)):
            fingerprints[str(json_key(self.files[file]))] += fingerprint_of(file.name)
        return dict(fingerprints)

    def without_picture(
        self, picture_fields: Collection[tuple[str, str]] | None = None
    ) -> list[Any]:
        """Return the keys of the objects that have no picture.

        `picture_fields` are the (label, field) pairs that hold pictures, if the caller knows them.
        """
        if picture_fields is None:
            pairs = {(file.label, file.field) for file in self.files}
            picture_fields = {pair for pair in pairs if _is_picture(*pair)}
        with_picture = {
            root for file, root in self.files.items() if (file.label, file.field) in picture_fields
        }
        return [root for root in self.roots if root not in with_picture]


def _is_picture(label: str, field: str) -> bool:
    """Return whether the preview shows the files of a field. An extra file has no field."""
    return not field or field != registration_by_label(label).thumbnail
