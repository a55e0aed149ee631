"""The recipes of docs/recipes.md remove the objects of other apps, and leave no file behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.installation.recipes import code_of_recipes, write_recipe
from tests.installation.site import (
    VERSIONS,
    Environment,
    install,
    python_for,
    start_project,
)

# {app: (heading of its recipe, versions of Django that the app supports)}
RECIPES = {
    "photologue": ("django-photologue", ["5.2", "6.0"]),  # it excludes 6.1
    "filer": ("django-filer", ["5.2", "6"]),
    "wagtail": ("Wagtail images", ["5.2", "6"]),
    "sorl": ("sorl-thumbnail", ["5.2", "6"]),
}
PACKAGES = {
    "5.2": ["django-photologue", "django-filer", "wagtail", "sorl-thumbnail"],
    "6.0": ["django-photologue"],
    "6": ["django-filer", "wagtail", "sorl-thumbnail"],
}
REQUIREMENTS = VERSIONS | {"6.0": "tests/installation/requirements-django60.txt"}


@pytest.fixture(scope="module")
def python_with_apps(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return a function: the Python of an environment with the wheel and all apps of recipes."""

    @cache
    def python(version: str) -> str:
        return install(
            tmp_path_factory.mktemp("apps"),
            f"{wheel}[worker]",
            *PACKAGES[version],
            python=python_for(version),
            requirements=REQUIREMENTS[version],
        ).python

    return python


@pytest.mark.parametrize(
    ("app", "version"), [(app, version) for app in RECIPES for version in RECIPES[app][1]]
)
def test_a_recipe_removes_the_files_of_another_app(
    python_with_apps: Callable[[str], str], tmp_path: Path, app: str, version: str
) -> None:
    project = Environment(python_with_apps(version), tmp_path)
    start_project(project)
    write_recipe(RECIPES[app][0], app, tmp_path)
    project.run(f"walk_{app}.py", settings="recipe_settings")


def test_every_recipe_is_tested() -> None:
    assert {title for title, _versions in RECIPES.values()} == set(code_of_recipes())
