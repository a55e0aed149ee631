"""Every command of the documentation is run: as it stands, or in the file that ELSEWHERE names.

A command that is added to a fenced block is run without any change here.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.images.alike import advertisement
from tests.installation.checkout import OUR_PROGRAMS, Checkout, copy_of_repository, variables
from tests.installation.site import ROOT
from tests.project.documents import DOCUMENTS, Document, words_of
from tests.services import postgres, redis_server
from tests.services.processes import free_port

READ = [Document.read(path) for path in DOCUMENTS if path.name != "CHANGELOG.md"]
LINES = [line for document in READ for line in document.lines]
PROSE = {
    span for document in READ for span in document.spans
    if span.startswith(("make ", "manage.py ", "python -m "))
}  # fmt: skip

# These run all tests, take hours, or are tested with other arguments: the file that runs them, and
# the text that does.
ALL_TESTS = ("Makefile", "test-sqlite test-postgresql $$django6")
ELSEWHERE = {
    "make test": (".ci/run", "make test"),
    "make lint": (".ci/run", "make lint"),
    "make test-sqlite": ALL_TESTS,
    "make test-postgresql": ALL_TESTS,
    "make test-django6": ("Makefile", 'django6="test-django6-sqlite test-django6-postgresql"'),
    ".venv/bin/pytest tests/project/test_settings.py": ("Makefile", "$(BIN)/pytest\n"),
    ".venv/bin/pytest --postgresql tests/project": ("Makefile", "$(BIN)/pytest --postgresql"),
    "make faults": ("pyproject.toml", 'testpaths = ["tests"]'),
    "make bench": ("tests/benchmarks/test_harness.py", '"-m", "benchmarks"'),
    "make bench SIZE=full": ("tests/benchmarks/test_harness.py", '"-m", "benchmarks"'),
    "make help": ("tests/project/test_documents.py", '["make", "help"]'),
    "make format": ("tests/installation/test_documented_commands.py", "def test_make_format"),
    "python -m build": ("tests/installation/site.py", '"-m", "build"'),
}
# What these print once they have started. Then they are stopped.
READY = {
    "make run": "Press Ctrl-C to stop.",
    "manage.py rqworker": "Listening on",
    "manage.py db_worker": "Starting worker",
    "gunicorn": "Listening at",
}
FOLDER = re.compile(r"\bFOLDER\b")
DATABASE = "postgresql://user@host/database"


def of_postgresql(line: str) -> bool:
    return DATABASE in line


def of_labelled_posts(line: str) -> bool:
    return bool(FOLDER.search(line))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copy_of_repository(tmp_path)


@pytest.fixture
def site(copy: Path) -> Checkout:
    """A copy with its own virtual environment, which the first commands make."""
    return Checkout(
        copy,
        variables(
            copy / ".venv" / "bin",
            ENVIRONMENT="production",
            SECRET_KEY=secrets.token_urlsafe(50),
            PORT=str(free_port()),
            DJANGO_SUPERUSER_USERNAME="root",
            DJANGO_SUPERUSER_EMAIL="root@example.org",
            DJANGO_SUPERUSER_PASSWORD=secrets.token_urlsafe(),
        ),
    )


@pytest.fixture
def examples(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the parts of commands that differ from machine to machine: {documented: used here}."""
    with redis_server.serve(tmp_path) as redis:
        yield {
            "/srv/site/": "",
            "127.0.0.1:8000": f"127.0.0.1:{free_port()}",
            "createsuperuser": "createsuperuser --no-input",  # the environment answers
            ".venv/bin/python manage.py rqworker": f"TASKS_BACKEND=rq REDIS_URL={redis} "
            ".venv/bin/python manage.py rqworker",
        }


def test_every_command_in_the_prose_is_run() -> None:
    run = {word for line in LINES for word in words_of(line)}
    for span in PROSE:
        program, name, *_arguments = span.split()
        assert span in {*LINES, *ELSEWHERE} or (program == "manage.py" and name in run), span


def test_what_runs_elsewhere_is_documented_and_run_there() -> None:
    for command, (file, text) in ELSEWHERE.items():
        assert command in {*LINES, *PROSE}, f"no document has {command}"
        assert text in (ROOT / file).read_text(), f"{file} does not run {command}"


@pytest.mark.skipif(
    not shutil.which("sqlite3") and os.environ.get("CI") != "true",
    reason="the program sqlite3 was not found (Debian: apt-get install sqlite3)",
)
def test_commands_run_as_they_stand(site: Checkout, examples: dict[str, str]) -> None:
    add_posts_to_import(site.folder)
    add_a_reason(site.folder)
    for line in LINES:
        if line in ELSEWHERE or of_postgresql(line) or of_labelled_posts(line):
            continue
        completed = line
        for example, value in examples.items():
            completed = completed.replace(example, value)
        ready = next((text for name, text in READY.items() if name in line), None)
        if ready:
            site.start(completed, ready=ready)
        else:
            site.run(completed)
    (migration,) = (site.folder / "moderation" / "migrations").glob("*_what_it_does.py")
    assert "'unwanted'" in migration.read_text()


def add_posts_to_import(folder: Path) -> None:
    """Write posts.jsonl with one post, and its picture in pictures/."""
    picture = min((ROOT / "fixtures" / "pictures").glob("*.webp"))
    post = {
        "author": "user_17", "title": "A title", "body": "", "reports": 2,
        "created_at": "2026-11-04T14:50:27+02:00", "images": [picture.name],
    }  # fmt: skip
    (folder / "posts.jsonl").write_text(json.dumps(post))
    (folder / "pictures").mkdir()
    shutil.copy(picture, folder / "pictures")


def add_a_reason(folder: Path) -> None:
    """Change the choices of two fields, so that `makemigrations` finds something."""
    states = folder / "moderation" / "models" / "states.py"
    last = '    OTHER = "other", _("Other")\n'
    before, after = states.read_text().split(last)
    states.write_text(f'{before}{last}    UNWANTED = "unwanted", _("Unwanted")\n{after}')


def test_a_dump_of_postgresql_is_restored_into_an_empty_database(copy: Path) -> None:
    dump, restore = filter(of_postgresql, LINES)
    server, _slash, name = postgres.start().rpartition("/")
    site = Checkout(
        copy,
        variables(
            OUR_PROGRAMS,
            ENVIRONMENT="production",
            SECRET_KEY=secrets.token_urlsafe(50),
            DATABASE_URL=f"{server}/site",
        ),
    )
    load = "python manage.py restore_fixtures demo --environment production"
    maintenance, url = for_libpq(server, name), for_libpq(server, "site")
    site.run(f"createdb --maintenance-db={maintenance} site")
    site.run(f"python manage.py migrate && python manage.py mark_storage && {load}")
    site.run(dump.replace(DATABASE, url))
    site.run(f"dropdb --maintenance-db={maintenance} site")
    site.run(f"createdb --maintenance-db={maintenance} site")
    site.run(restore.replace(DATABASE, url))
    assert "demo: nothing would be added" in site.run(f"{load} --dry-run")
    site.run("python manage.py migrate")  # recreates the triggers, whose text a dump changes
    assert "moderation." not in site.run("python manage.py check --database default")


def for_libpq(server: str, name: str) -> str:
    """Return a database's URL with the folder of the server's socket as PostgreSQL reads it."""
    login, at, folder = server.partition("@/")
    return f"{login}@{quote(folder, safe='')}/{name}" if at else f"{server}/{name}"


def test_make_format_formats(copy: Path) -> None:
    code = copy / "project" / "unformatted.py"
    code.write_text('"""A module."""\nx = {  "a":1 }')
    here = Checkout(copy, variables(OUR_PROGRAMS))
    here.run(f"make --assume-old=.venv/installed-dev BIN={OUR_PROGRAMS} format")
    assert code.read_text() == '"""A module."""\n\nx = {"a": 1}\n'


def test_commands_about_labelled_posts(tmp_path: Path) -> None:
    write_labelled_posts(tmp_path)
    here = Checkout(ROOT, variables(OUR_PROGRAMS))
    lines = list(filter(of_labelled_posts, LINES))
    assert len(lines) == 3
    for line in lines:
        here.run(FOLDER.sub(str(tmp_path), line))


def write_labelled_posts(folder: Path) -> None:
    """Write spam that repeats five pictures, and good posts with pictures of their own."""
    images = folder / "images"
    images.mkdir()
    for number in range(5):
        advertisement(number).save(images / f"{number}.jpg")
    photographs = sorted((ROOT / "fixtures" / "pictures").glob("*-[12].webp"))[:12]
    for path in photographs:
        shutil.copy(path, images)
    spam = [("spam", [f"{number % 5}.jpg"]) for number in range(300)]
    good = [("ham", [path.name]) for path in photographs]
    with gzip.open(folder / "posts.jsonl.gz", "wt") as file:
        for number, (label, pictures) in enumerate([*spam, *good]):
            row = {
                "author": f"user{number}", "title": f"Post {number}", "body": "", "reports": 1,
                "created_at": "2026-11-04T14:50:27+00:00", "label": label, "images": pictures,
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
