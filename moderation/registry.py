"""Registration: the face of this app for models that own files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage, storages
from django.db.models import FileField, Model, QuerySet
from django.utils.functional import LazyObject

from moderation.chosen_storages import StorageOf, chosen_aliases
from moderation.models.audit import TITLE_LENGTH
from moderation.rows import all_rows

# A lookup from the model as text ("post__title"), or a function that takes a page of rows and gives
# one value a row, in the same order.
Lookup = str | Callable[[Sequence[Any]], Sequence[Any]]
# Takes a page of rows and yields (row, storage alias, name) of files that no field names.
ExtraFiles = Callable[[Sequence[Any]], Iterable[tuple[Any, str, str]]]
# The model, and the keys on which details of a row depend.
Relatives = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Registration:
    """What a registered model told of itself. `lookups` holds the ones that were given."""

    model: type[Model]
    lookups: Mapping[str, Lookup]
    picture: str
    thumbnail: str
    extra_files: ExtraFiles | None
    storage: StorageOf | None = None

    @cached_property
    def label(self) -> str:
        """The model as "app.Model"."""
        return str(self.model._meta.label)

    @property
    def fields(self) -> tuple[FileField, ...]:
        """The file fields that the model's own table holds.

        In multi-table inheritance each table answers for its own columns: Django deletes the parent
        row as an object of its own, so an inherited column would be recorded twice.
        """
        return own_file_fields(self.model)

    def aliases_of(self, rows: Sequence[Model]) -> list[dict[str, str]]:
        """Return for each row {file field: the alias of the storage that holds its file}.

        Raises ImproperlyConfigured for an alias that STORAGES does not have.
        """
        if self.storage is None:
            own = {field.name: storage_alias(field) for field in self.fields}
            return [own] * len(rows)
        names = [field.name for field in self.fields]
        told = chosen_aliases(self.storage, rows, names)
        return [
            {f.name: aliases.get(f.name) or storage_alias(f) for f in self.fields}
            for aliases in told
        ]

    def alias_of(self, row: Model, field: FileField) -> str:
        """Return the alias of the storage that holds the file in this field of a row."""
        return self.aliases_of([row])[0][field.name] if self.storage else storage_alias(field)

    @property
    def measured_field(self) -> str:
        """The file field that `size` and `sha256` speak of: the picture, else the first one."""
        fields = self.fields
        return self.picture or (fields[0].name if fields else "")

    @property
    def size_column(self) -> str:
        """The column of the model's own that holds the size; empty where it is read elsewhere."""
        size = self.lookups.get("size")
        return size if isinstance(size, str) and "__" not in size else ""

    @property
    def parent_field(self) -> str:
        """The relation that `title` starts with: it leads to what a reader knows the row by."""
        title = self.lookups.get("title")
        leads_on = isinstance(title, str) and _column_of_relation(self.model, title)
        return str(title).split("__")[0] if leads_on else ""

    def details(self, keys: Sequence[Any], *, using: str) -> dict[Any, dict[str, Any]]:
        """What the lookups tell of the rows with these keys, and which row each one hangs on.

        {key: {"title": ..., "size": ..., "parent_label": ..., "parent_key": ...}}. One query for
        all textual lookups, one more where a lookup is a function.
        """
        rows = all_rows(self.model, using).filter(pk__any_of=keys)
        textual = {name: path for name, path in self.lookups.items() if isinstance(path, str)}
        if self.parent_field:
            textual["parent_key"] = _column_of_relation(self.model, textual["title"])
        parent = {"parent_label": self.parent_label}
        found: dict[Any, dict[str, Any]] = {
            row[0]: {**parent, **dict(zip(textual, row[1:], strict=True))}
            for row in rows.values_list("pk", *textual.values())
        }
        functions = {n: path for n, path in self.lookups.items() if not isinstance(path, str)}
        if functions:
            page = [row for row in rows if row.pk in found]
            for name, function in functions.items():
                for row, value in zip(page, function(page), strict=True):
                    found[row.pk][name] = value
        return found

    @property
    def parent_label(self) -> str:
        """The label of the model that `parent_field` leads to."""
        if not self.parent_field:
            return ""
        related: Any = self.model._meta.get_field(self.parent_field).related_model
        return str(related._meta.label)

    def at_hand(self, row: Model) -> dict[str, Any]:
        """Those of the details that the row's own columns hold."""
        return {name: getattr(row, attname) for name, attname in self._own_lookups.items()}

    def relatives(self, row: Model) -> Relatives:
        """What the other details depend on: two rows for which this is the same share them.

        The keys of the rows that the lookups lead to; the row's own key where one is a function or
        leads elsewhere.
        """
        columns = self._relations or (("pk",) if self._beyond else ())
        return (self.model, *[getattr(row, column) for column in columns])

    def details_by_relatives(
        self, rows: QuerySet[Any], *, using: str
    ) -> dict[Relatives, dict[str, Any]]:
        """The details that the rows' own columns do not hold, by `relatives` of those rows.

        One query where all lookups lead through foreign keys, none where all name own columns.
        """
        if not self._beyond:
            return {(self.model,): {"parent_label": self.parent_label}}
        if not self._relations:
            keys = list(rows.values_list("pk", flat=True))
            return {
                (self.model, key): told for key, told in self.details(keys, using=using).items()
            }
        paths = [str(self.lookups[name]) for name in self._beyond]
        found = {}
        for row in rows.order_by().values_list(*self._relations, *paths).distinct():
            keys = row[: len(self._relations)]
            told = dict(zip(self._beyond, row[len(keys) :], strict=True))
            if self.parent_field:
                parent = _column_of_relation(self.model, str(self.lookups["title"]))
                told["parent_key"] = keys[self._relations.index(parent)]
            found[(self.model, *keys)] = {"parent_label": self.parent_label, **told}
        return found

    @cached_property
    def _own_lookups(self) -> dict[str, str]:
        """The lookups that name columns of the model's own, with their attributes."""
        own = {f.name: f.attname for f in self.model._meta.concrete_fields}
        paths = ((name, path) for name, path in self.lookups.items() if isinstance(path, str))
        return {name: own[path] for name, path in paths if path in own}

    @cached_property
    def _beyond(self) -> list[str]:
        """The names of the other lookups, which lead further."""
        return [name for name in self.lookups if name not in self._own_lookups]

    @cached_property
    def _relations(self) -> tuple[str, ...]:
        """The columns of the foreign keys that the other lookups go through.

        Empty where one is a function or goes otherwise, and where there are none.
        """
        paths = (self.lookups[name] for name in self._beyond)
        columns = [isinstance(p, str) and _column_of_relation(self.model, p) for p in paths]
        return tuple(dict.fromkeys(map(str, columns))) if all(columns) else ()


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
        extra = self.extra_files if _concrete(relative) is self.model else None
        if relative._meta.abstract or not (own or extra or file_names_of(self.model)):
            return
        connect(relative)
        is_new = _concrete(relative) not in _registrations
        if (own or extra) and (relative is self.model or is_new):
            _registrations[_concrete(relative)] = Registration(
                model=_concrete(relative),
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

    model = _concrete(model)
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
    return _registrations.get(_concrete(model))


def registration_by_label(label: str) -> Registration:
    """The registration of "app.model". Raises LookupError where there is none."""
    registration = registration_for(apps.get_model(label))
    if registration is None:
        raise LookupError(f"{label} is not registered with moderation.")
    return registration


def _column_of_relation(model: type[Model], path: str) -> str:
    """The column of the foreign key that a lookup goes through; empty where it goes otherwise."""
    first, *onward = path.split("__")
    keys = {field.name: field.attname for field in model._meta.concrete_fields if field.is_relation}
    return keys.get(first, "") if onward else ""


def _concrete(model: type[Model]) -> type[Model]:
    return model._meta.concrete_model or model


@cache
def own_file_fields(model: type[Model]) -> tuple[FileField, ...]:
    """The file fields of the model's own table, in the order of their declaration."""
    return tuple(f for f in _concrete(model)._meta.local_fields if isinstance(f, FileField))


def storage_alias(field: FileField) -> str:
    """The alias in STORAGES of the storage that a file field writes to.

    Raises ImproperlyConfigured where it is none of them: a purge could not find it again.
    """
    wanted = unwrapped(field.storage)
    for alias in storages.backends:
        if _is_same(unwrapped(storages[alias]), wanted):
            return alias
    raise ImproperlyConfigured(
        f"{field}: its storage is not in STORAGES. Give it an alias there and use "
        f"storage=storages[alias], so that a purge can find it again."
    )


def alias_of(row: Model, field: FileField) -> str:
    """Return the alias of the storage that holds the file in a field of a row, whoever chooses it.

    Raises ImproperlyConfigured where it has none.
    """
    registration = registration_for(field.model)
    return registration.alias_of(row, field) if registration else storage_alias(field)


def unwrapped(storage: Storage) -> Any:
    """Return the storage itself where it is wrapped, as the default one is.

    Raises what it raises when it cannot be made.
    """
    if isinstance(storage, LazyObject):
        bool(storage)  # DefaultStorage makes its storage at the first touch
        return storage.__dict__["_wrapped"]
    return storage


def _is_same(one: Any, other: Any) -> bool:
    """Whether two storage objects are one, or were made alike: both write to the same place."""
    if one is other:
        return True
    if type(one) is not type(other) or not hasattr(one, "deconstruct"):
        return False
    return bool(one.deconstruct() == other.deconstruct())


def title_text(value: object) -> str:
    """A title as the audit log keeps it: one line, 80 characters at most."""
    return " ".join(str(value or "").split())[:TITLE_LENGTH]
