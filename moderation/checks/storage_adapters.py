"""A system check for the adapters that a site registers for its storages."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.files.storage import Storage
from django.utils.module_loading import import_string

from moderation.storage import Adapter
from moderation.storage.resolve import AdapterClass, imported_class, registered_adapters


def check_adapters(**_: Any) -> list[CheckMessage]:
    """E031: an adapter cannot work with the storages that it is registered for."""
    return [
        Error(
            f"register_adapter({_text(storage)}, {_text(adapter)}): {problem}",
            hint="Pass a subclass of django.core.files.storage.Storage, and a class with all "
            "members of moderation.storage.Adapter, or the dotted paths of these classes.",
            id="moderation.E031",
        )
        for storage, adapter in registered_adapters()
        if (problem := _problem(storage, adapter))
    ]


def _text(given: object) -> str:
    return getattr(given, "__qualname__", repr(given))


def _problem(storage: type[Storage] | str, adapter: AdapterClass | str) -> str:
    """Return what is wrong with a registration, or "".

    Does not import the module of a storage, or an adapter whose storage is not imported, because
    the packages that they need may be missing.
    """
    if isinstance(storage, str) and (module := storage.rpartition(".")[0]) not in sys.modules:
        return "" if _may_be_found(module) else f"there is no module {module!r}."
    storage_class = imported_class(storage)
    if storage_class is None:
        return f"the module has no {str(storage).rpartition('.')[2]!r}."
    if not (isinstance(storage_class, type) and issubclass(storage_class, Storage)):
        return f"{_text(storage_class)} does not extend Django's Storage."
    return _adapter_problem(adapter)


def _may_be_found(module: str) -> bool:
    """Return whether a module exists, or its package is not installed."""
    package = module.partition(".")[0]
    try:
        return bool(package) and (find_spec(package) is None or find_spec(module) is not None)
    except ImportError:
        return False


def _adapter_problem(adapter: AdapterClass | str) -> str:
    try:
        adapter_class = import_string(adapter) if isinstance(adapter, str) else adapter
    except ImportError as error:
        return f"{error}."
    missing = _missing_members(adapter_class)
    return f"the adapter lacks {', '.join(missing)}." if missing else ""


def _missing_members(adapter_class: AdapterClass) -> list[str]:
    """Return the members of `Adapter` that a class does not implement."""
    members = {name: member for name, member in vars(Adapter).items() if not name.startswith("_")}
    missing = {name for name, own in members.items() if getattr(adapter_class, name, own) is own}
    return sorted(missing | getattr(adapter_class, "__abstractmethods__", set()))


MODEL_CHECKS = (check_adapters,)
