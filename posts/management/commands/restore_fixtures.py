"""Load a fixture's rows and pictures into the running site."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from moderation.templatetags.moderation_numbers import counted
from posts.fixtures.images import FixtureImages
from posts.fixtures.load import write
from posts.fixtures.parse import FixtureError, read_rows
from posts.fixtures.plan import Plan, check_allowed, make_plan
from posts.fixtures.schema import FixtureModel, fixture_models
from posts.management.formats import FIXTURE_FORMAT, FormatHelp
from posts.storage_identity import WrongStorage

THEME = "theme"  # loaded with every fixture, if it exists


class Command(BaseCommand):
    """Check the whole fixture, compare it with the site, then write what is missing."""

    help = (
        "Load fixtures/NAME.json, and fixtures/theme.json if it exists. The files have the format "
        "of Django's fixtures, but contain only users (a username), posts, pictures, reports and "
        "themes. A picture names a file in fixtures/pictures/, which is checked and stored like an "
        "upload, under a fresh key. Equal rows that already exist stay as they are; files that are "
        "missing from the storage are restored. If a primary key or a username belongs to another "
        "row, nothing is written. Users get neither permissions nor passwords, except for the demo "
        "accounts under DEBUG."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser. Its help ends with the format of a fixture."""
        kwargs = {"epilog": FIXTURE_FORMAT, "formatter_class": FormatHelp, **kwargs}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name", metavar="NAME", nargs="?", default="demo", help="the fixture (default: demo)"
        )
        parser.add_argument(
            "--environment",
            metavar="NAME",
            help="the name of this environment, as in ENVIRONMENT; required unless DEBUG is on",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="check and compare everything, write nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        name: str = options["name"]
        if not re.fullmatch(r"[\w-]+", name):
            raise CommandError(f"{name!r} is not a valid name of a fixture, such as demo.")
        _refuse_wrong_environment(name, options["environment"])
        try:
            plan = _plan(name, dry_run=options["dry_run"])
            if not options["dry_run"]:
                _restore(plan)
        except (FixtureError, WrongStorage) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_summary(name, plan, dry_run=options["dry_run"]))


def _refuse_wrong_environment(name: str, environment: str | None) -> None:
    """Raise CommandError for another environment's name, or for none unless DEBUG is on."""
    if environment == settings.ENVIRONMENT or (settings.DEBUG and environment is None):
        return
    reason = "DEBUG is off" if environment is None else f"This environment is not {environment}"
    raise CommandError(
        f"{reason}: the rows would go into {settings.ENVIRONMENT}. If that is intended, type:\n"
        f"  manage.py restore_fixtures {name} --environment {settings.ENVIRONMENT}"
    )


def _plan(name: str, *, dry_run: bool) -> Plan:
    """Return the plan for a fixture and the theme. Raises FixtureError and CommandError."""
    folder = Path(settings.BASE_DIR) / "fixtures"
    paths = [folder / f"{name}.json"]
    if not paths[0].is_file():
        raise CommandError(f"There is no {folder.name}/{name}.json.")
    theme = folder / f"{THEME}.json"
    if theme.is_file() and name != THEME:
        paths.append(theme)
    images = FixtureImages(folder / "pictures")
    with tqdm(desc="Checking", unit=" rows", disable=None) as bar:
        rows = read_rows(paths, fixture_models(), images, bar.update)
    plan = make_plan(rows)
    check_allowed(plan, is_counted=not dry_run)
    return plan


def _restore(plan: Plan) -> None:
    """Write the rows and files of a plan. Raises FixtureError and WrongStorage."""
    total = len(plan.new) + len(plan.missing)
    with tqdm(desc="Restoring", total=total, unit=" rows", disable=None) as bar:
        write(plan, bar.update)


def _summary(name: str, plan: Plan, *, dry_run: bool) -> str:
    new = [f"{number} {_noun(model, number)}" for model, number in plan.new_by_model().items()]
    would_be = "would be " if dry_run else ""
    return (
        f"{name}: {', '.join(new) or 'nothing'} {would_be}added; {counted(plan.existing, 'row')} "
        f"already existed; {counted(len(plan.missing), 'missing file')} {would_be}restored."
    )


def _noun(fixture_model: FixtureModel, number: int) -> str:
    meta = fixture_model.model._meta
    return str(meta.verbose_name if number == 1 else meta.verbose_name_plural).lower()
