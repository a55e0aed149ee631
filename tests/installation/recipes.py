"""The code of docs/recipes.md."""

from __future__ import annotations

import re
from pathlib import Path

from tests.installation.site import ROOT

SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_of_recipes() -> dict[str, dict[str, str]]:
    """Return {path: code} for each heading with code below it."""
    _introduction, *parts = SECTION.split((ROOT / "docs" / "recipes.md").read_text())
    sections = zip(parts[::2], parts[1::2], strict=True)
    return {title: dict(BLOCK.findall(text)) for title, text in sections}


def write_recipe(title: str, app: str, project: Path) -> None:
    """Write the files of a recipe into a project, which has the app that the recipe is for.

    What the recipe adds to the settings follows those of the app, in the module recipe_settings.
    """
    code = code_of_recipes()[title]
    settings = code.pop("settings.py")
    for name, text in code.items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    (project / "recipe_settings.py").write_text(f"from with_{app} import *\n\n{settings}")
