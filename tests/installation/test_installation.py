"""The wheel, installed into a new project, removes that project's objects with their files."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.installation.site import (
    ROOT,
    VERSIONS,
    Environment,
    install,
    python_for,
    start_project,
)

SETTINGS = "integrated"
S3_IS_MISSING = (
    "ImproperlyConfigured: Files in S3 need the package botocore: "
    'pip install "django-bulk-removal[s3]"'
)
NUMPY_IS_MISSING = "ModuleNotFoundError: No module named 'numpy'"


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def installed(wheel: Path, folder: Path, version: str, extras: str = "") -> Environment:
    """Return an environment with the wheel and its extras."""
    return install(
        folder,
        f"{wheel}{extras}",
        python=python_for(version),
        requirements=VERSIONS[version],
    )


def test_the_wheel_holds_the_app_alone(wheel: Path) -> None:
    with ZipFile(wheel) as file:
        names = [name for name in file.namelist() if ".dist-info/" not in name]
    own = [path for path in (ROOT / "moderation").rglob("*") if path.is_file()]
    expected = {str(path.relative_to(ROOT)) for path in own if path.suffix != ".pyc"}
    assert set(names) == expected
    assert {".html", ".css", ".js"} <= {Path(name).suffix for name in names}


def test_every_module_is_imported_without_extras(wheel: Path, tmp_path: Path, version: str) -> None:
    environment = installed(wheel, tmp_path, version)
    start_project(environment)
    reasons = environment.run("import_all.py", settings="without_extras").splitlines()
    modules = {reason.partition(": ")[0]: reason.partition(": ")[2] for reason in reasons}
    in_s3 = {name for name in modules if name.startswith("moderation.storage.s3")}
    assert {modules.pop(name) for name in in_s3} == {S3_IS_MISSING}
    assert modules == dict.fromkeys(
        ("moderation.images.pdq", "moderation.picture_groups.linkage"), NUMPY_IS_MISSING
    )
    environment.run("manage.py", "check", "--fail-level", "WARNING", settings="without_extras")
    output = environment.run(
        "manage.py", "export_audit", "a", "--format", "xlsx", settings="without_extras", error=True
    )
    assert "invalid choice: 'xlsx'" in output


def test_a_new_project_removes_its_objects(wheel: Path, tmp_path: Path, version: str) -> None:
    environment = installed(wheel, tmp_path, version, "[groups,s3,worker,xlsx]")
    start_project(environment)
    for command in (
        ("makemigrations", "gallery"),
        ("migrate",),
        ("mark_storage",),
        ("check", "--database", "default", "--fail-level", "WARNING"),
    ):
        environment.run("manage.py", *command, settings=SETTINGS)
    environment.run("walk.py", settings=SETTINGS)
