"""Import every module of moderation; print those that cannot be, with the reason."""

import pkgutil
from importlib import import_module

import django

django.setup()

import moderation  # noqa: E402 - Django is set up first

for module in pkgutil.walk_packages(moderation.__path__, "moderation.", onerror=lambda _name: None):
    try:
        import_module(module.name)
    except Exception as error:  # noqa: BLE001 - the test knows which are expected
        print(f"{module.name}: {type(error).__name__}: {error}")  # noqa: T201 - read by the test
