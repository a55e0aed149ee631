"""`register()`, with which a site registers its models that own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db.models import FileField, Model
from django.db.models.signals import class_prepared

from moderation.recording.receivers import connect
from moderation.registry import ExtraFiles, Lookup, Registration, StorageOf, caches
from moderation.registry.fields import concrete, own_file_fields
from moderation.registry.registrations import add_registration, is_registered
from moderation.registry.review_rule import ReviewRule


@dataclass(frozen=True, eq=False)
class RegisterCall:
    """The arguments of a call of `register`, which apply to a model, its proxies and subclasses."""

    model: type[Model]
    lookups: Mapping[str, Lookup]
    review_lookups: Mapping[str, str]
    review_rules: Sequence[ReviewRule]
    picture: str
    thumbnail: str
    extra_files: ExtraFiles | None
    storage: StorageOf | None
    replaced_files: bool

    def apply_to(self, model: type[Model]) -> None:
        """Connect the receivers for the model, a proxy or a subclass, and register its own files.

        Connects them for a subclass without files too, because saving it saves its parent.
        """
        own = {field.name for field in own_file_fields(model)}
        extra = self.extra_files if concrete(model) is self.model else None
        if model._meta.abstract or not (own or extra or file_names_of(self.model)):
            return
        connect(model)
        is_new = not is_registered(model)
        if (own or extra) and (model is self.model or is_new):
            add_registration(
                Registration(
                    model=concrete(model),
                    lookups=self.lookups,
                    review_lookups=self.review_lookups,
                    review_rules=self.review_rules,
                    picture=self.picture if self.picture in own else "",
                    thumbnail=self.thumbnail if self.thumbnail in own else "",
                    extra_files=extra,
                    storage=self.storage,
                    replaced_files=self.replaced_files,
                )
            )


_calls: dict[type[Model], RegisterCall] = {}


def register(
    model: type[Model],
    *,
    title: Lookup | None = None,
    owner: Lookup | None = None,
    picture: str = "",
    thumbnail: str = "",
    size: Lookup | None = None,
    sha256: Lookup | None = None,
    frames: Lookup | None = None,
    perceptual_hash: str = "",
    created: str = "",
    text: str = "",
    reports: str = "",
    review_rules: Sequence[ReviewRule] = (),
    extra_files: ExtraFiles | None = None,
    storage: StorageOf | None = None,
    replaced_files: bool = True,
) -> None:
    """Record and purge the files of `model`, its proxies and its subclasses.

    Call it in the module `moderation` of the model's app. It also applies to proxies and subclasses
    that are declared later. Everything but the model is optional; without a lookup, the pages show
    less.

    `title` and `owner` are recorded in the audit log. `picture` and `thumbnail` are file fields;
    the preview is made from the thumbnail if there is one. `size` (bytes), `sha256` (hex) and
    `frames` (more than one for an animation) describe the picture or, without one, the first
    file field. They must come from columns, because no file may be opened inside the
    transaction. `perceptual_hash` is the column of the hash by which similar pictures are found;
    `manage.py hash_images` fills it. `created`, `text` and `reports` are lookups of the time, the
    text and the texts of reports, by which a selection is reviewed. `review_rules` mark objects
    to be checked first. They get the selected objects: the parents of the rows, or the rows if they
    have no parent. `storage` determines which storage holds a row's files, if that differs from row
    to row. `extra_files` yields files that no field names. Such a file is kept while a row that
    shares a field's file with the deleted row yields it too; other rows cannot be found by an extra
    file.
    It must not yield files that are derived from the default of a field, such as a thumbnail,
    because a default belongs to no row. All functions are called inside the transaction and should
    read only the row's own columns. `replaced_files=False` leaves the files that a saved row no
    longer names to the site. Raises ImproperlyConfigured for a name that is not a file field of the
    model.
    """
    model = concrete(model)
    given = {"title": title, "owner": owner, "size": size, "sha256": sha256, "frames": frames}
    lookups = {name: lookup for name, lookup in given.items() if lookup is not None}
    for_review = {"perceptual_hash": perceptual_hash, "created": created, "text": text}
    for_review = {name: path for name, path in {**for_review, "reports": reports}.items() if path}
    file_names = file_names_of(model)
    for name in filter(None, (picture, thumbnail)):
        if name not in file_names:
            raise ImproperlyConfigured(
                f"register({model._meta.label}): {name!r} is not one of its file fields; "
                f"it has {', '.join(sorted(file_names)) or 'none'}."
            )
    class_prepared.connect(_apply_to_new_model, dispatch_uid="moderation.registration")
    caches.clear()
    _calls[model] = RegisterCall(
        model, lookups, for_review, review_rules, picture, thumbnail, extra_files, storage,
        replaced_files,
    )  # fmt: skip
    for each in _with_subclasses(model):
        _calls[model].apply_to(each)


def file_names_of(model: type[Model]) -> set[str]:
    """Return the names of all file fields of a model, including inherited ones."""
    return {field.name for field in model._meta.fields if isinstance(field, FileField)}


def _with_subclasses(model: type[Model]) -> Iterator[type[Model]]:
    """Yield the model and those of its proxies and subclasses that are already declared."""
    yield model
    for subclass in model.__subclasses__():
        meta = subclass._meta
        if meta.abstract or apps.all_models[meta.app_label].get(str(meta.model_name)) is subclass:
            yield from _with_subclasses(subclass)


def _apply_to_new_model(sender: type[Model], **_: Any) -> None:
    """Apply the registration of the nearest registered ancestor to a newly declared model.

    Models may be declared after `ready()`: the admin imports `admin.py` when all apps are ready,
    and other code declares models in functions. Each proxy or subclass sends its own signals.
    """
    caches.clear()
    for ancestor in sender.__mro__:
        if ancestor in _calls:
            _calls[ancestor].apply_to(sender)
            return
