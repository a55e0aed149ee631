"""Registration: the face of this app for models that own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db.models import FileField, Model

from moderation.chosen_storages import StorageOf
from moderation.file_fields import concrete, own_file_fields, storage_alias, unwrapped
from moderation.models.audit import TITLE_LENGTH
from moderation.registration import ExtraFiles, Lookup, Registration, Relatives

__all__ = [
    "ExtraFiles",
    "Lookup",
    "Registration",
    "Relatives",
    "alias_of",
    "own_file_fields",
    "register",
    "registered_models",
    "registration_by_label",
    "registration_for",
    "storage_alias",
    "title_text",
    "unwrapped",
]

_registrations: dict[type[Model], Registration] = {}


@dataclass(frozen=True, eq=False)
class Registered:
    """One call of `register`, to be applied to the model and each relative, also a later one."""

    model: type[Model]
    lookups: Mapping[str, Lookup]
    picture: str
    thumbnail: str
    extra_files: ExtraFiles | None
    storage: StorageOf | None

    def apply_to(self, relative: type[Model]) -> None:
        """Connect the receivers for a relative, and register the files of its own table.

        Also for a subclass without a file of its own: saving it saves its parent.
        """
        from moderation.receivers import connect  # the receivers read the registry

        own = {field.name for field in own_file_fields(relative)}
        extra = self.extra_files if concrete(relative) is self.model else None
        if relative._meta.abstract or not (own or extra or file_names_of(self.model)):
            return
        connect(relative)
        is_new = concrete(relative) not in _registrations
        if (own or extra) and (relative is self.model or is_new):
            _registrations[concrete(relative)] = Registration(
                model=concrete(relative),
                lookups=self.lookups,
                picture=self.picture if self.picture in own else "",
                thumbnail=self.thumbnail if self.thumbnail in own else "",
                extra_files=extra,
                storage=self.storage,
            )


_calls: dict[type[Model], Registered] = {}


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
    extra_files: ExtraFiles | None = None,
    storage: StorageOf | None = None,
) -> None:
    """Let moderation record and purge the files of `model`, its proxies and its subclasses.

    Call it from an AppConfig's `ready()`; relatives that are declared later follow by themselves.
    All but the model is optional: where a lookup is missing the pages show less. `size` (bytes) and
    `sha256` (hex) speak of the picture, or of the first file field where no picture is named; they
    must be columns, since nothing may open a file inside the transaction. A default of a file field
    belongs to no row: `extra_files` must not yield what was made of it, such as its thumbnail. An
    extra file stays as long as a row that shares a field's file with the deleted one has it among
    its own extra files; other rows cannot be found by it.
    `frames` is the number of frames of the picture; pages say where there is more than one.
    `storage` says which storage holds a row's files, where that differs from row to row; like all
    functions here it is asked inside the transaction, and should read the row's own columns only.
    Raises ImproperlyConfigured for a field that is no file field of the model.
    """
    from moderation import late_models  # it reads the registry

    model = concrete(model)
    given = {"title": title, "owner": owner, "size": size, "sha256": sha256, "frames": frames}
    lookups = {name: lookup for name, lookup in given.items() if lookup is not None}
    file_names = file_names_of(model)
    for name in filter(None, (picture, thumbnail)):
        if name not in file_names:
            raise ImproperlyConfigured(
                f"register({model._meta.label}): {name!r} is no file field of it; "
                f"it has {', '.join(sorted(file_names)) or 'none'}."
            )
    late_models.watch()
    late_models.forget()  # what owns files, and what leads nowhere, may be another thing now
    _calls[model] = Registered(model, lookups, picture, thumbnail, extra_files, storage)
    for relative in _with_subclasses(model):
        _calls[model].apply_to(relative)


def registered_calls() -> Mapping[type[Model], Registered]:
    """The calls of `register` by their model; an abstract one has no registration of its own."""
    return _calls


def file_names_of(model: type[Model]) -> set[str]:
    """The names of all file fields of a model, inherited ones included."""
    return {field.name for field in model._meta.fields if isinstance(field, FileField)}


def _with_subclasses(model: type[Model]) -> Iterator[type[Model]]:
    """The model, its proxies and subclasses as far as they are declared; later ones follow."""
    yield model
    for subclass in model.__subclasses__():
        yield from _with_subclasses(subclass)


def registered_models() -> list[type[Model]]:
    """The concrete models whose files are looked after."""
    return list(_registrations)


def registration_for(model: type[Model]) -> Registration | None:
    """The registration of a model or of the concrete model behind a proxy, None without one."""
    return _registrations.get(concrete(model))


def registration_by_label(label: str) -> Registration:
    """The registration of "app.model". Raises LookupError where there is none."""
    registration = registration_for(apps.get_model(label))
    if registration is None:
        raise LookupError(f"{label} is not registered with moderation.")
    return registration


def alias_of(row: Model, field: FileField) -> str:
    """Return the alias of the storage that holds the file in a field of a row, whoever chooses it.

    Raises ImproperlyConfigured where it has none.
    """
    registration = registration_for(field.model)
    return registration.alias_of(row, field) if registration else storage_alias(field)


def title_text(value: object) -> str:
    """A title as the audit log keeps it: one line, 80 characters at most."""
    return " ".join(str(value or "").split())[:TITLE_LENGTH]
