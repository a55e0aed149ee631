"""The tests on Django 6 run without the packages that its built-in tasks replace."""

from __future__ import annotations

from importlib.util import find_spec

import django
import pytest


@pytest.mark.skipif(django.VERSION < (6,), reason="is about the environment of Django 6")
@pytest.mark.parametrize("package", ["django_tasks", "django_tasks_db", "django_stubs_ext"])
def test_a_package_that_django_6_makes_superfluous_is_not_installed(package: str) -> None:
    assert find_spec(package) is None
