"""A virtual environment with the wheel, and a new Django project in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = Path(__file__).parent / "example"
RECIPE_PINS = Path(__file__).parent / "requirements-recipes.txt"
# Django's version -> the file with its requirements.
VERSIONS = {"5.2": "requirements.txt", "6": "requirements-django6.txt"}
LONGEST = 600  # seconds that pip may take on a slow network
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", re.MULTILINE)


@dataclass(frozen=True)
class Environment:
    """The Python of a virtual environment with the wheel, and the folder of a project."""

    python: str
    folder: Path

    def run(self, *command: str, settings: str = "", error: bool = False) -> str:
        """Run Python with arguments; return its output. `error` expects it to fail."""
        return run(self.python, *command, cwd=self.folder, settings=settings, error=error)


def run(*command: str, cwd: Path, settings: str = "", error: bool = False) -> str:
    """Run a program without this process's settings; return all that it prints."""
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("DJANGO", "PYTHON", "PYTEST"))
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean | ({"DJANGO_SETTINGS_MODULE": settings} if settings else {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert bool(done.returncode) is error, done.stdout
    return done.stdout


def python_for(version: str) -> str:
    """Return a Python for a version of Django; skip the test where there is none, but not in CI."""
    if version == "5.2":
        return sys.executable
    finder = ROOT / ".ci" / "find-python6"
    found = subprocess.run([finder], capture_output=True, text=True, check=False)
    if found.returncode and os.environ.get("CI") != "true":
        pytest.skip(found.stderr)
    return found.stdout.strip()


def build_wheel(python: str, folder: Path) -> Path:
    """Build the source distribution of this repository, and return the wheel built from it."""
    run(python, "-m", "build", "--outdir", str(folder), str(ROOT), cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(folder: Path, *packages: str, python: str, requirements: str) -> Environment:
    """Make a virtual environment with packages, in the versions of a file of requirements."""
    run(python, "-m", "venv", "venv", cwd=folder)
    pins = folder / "constraints.txt"
    pins.write_text(
        "".join(f"{name}=={version}\n" for name, version in _pins(requirements).items())
    )
    environment = Environment(str(folder / "venv" / "bin" / "python"), folder)
    environment.run("-m", "pip", "install", "--quiet", "-c", str(pins), *packages)
    return environment


def start_project(environment: Environment) -> None:
    """Start a project and an app as Django's tutorial does, and copy the example into them."""
    environment.run("-m", "django", "startproject", "plain", ".")
    environment.run("manage.py", "startapp", "gallery")
    shutil.copytree(EXAMPLE, environment.folder, dirs_exist_ok=True)


def _pins(requirements: str) -> dict[str, str]:
    """Return {package: version}. What a file does not pin is as in requirements.txt."""
    files = [ROOT / "requirements-constraints.txt", ROOT / "requirements.txt", ROOT / requirements]
    return {
        name: version
        for file in [RECIPE_PINS, *files]
        for name, version in PIN.findall(file.read_text())
    }
