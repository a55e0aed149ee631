"""Doing what the plan says: in one transaction, and a failure leaves neither rows nor files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from django.contrib.auth.models import User
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import IntegrityError, connections, models, router

from posts.models import PostImage
from posts.pictures import place, stored_bytes
from posts.restoring.accounts import save_new
from posts.restoring.kinds import Kind
from posts.restoring.originals import Original
from posts.restoring.plan import LostFile, Plan
from posts.restoring.rows import FixtureError, Row
from posts.uploads import side_by_side, uploads

# Never lowers a sequence: the key of a removed row must not come back as another row's.
RAISE_SEQUENCE = """
    SELECT setval(sequence, %s)
    FROM (SELECT pg_get_serial_sequence(%s, %s)::regclass AS sequence) AS one
    WHERE coalesce(pg_sequence_last_value(sequence), 0) < %s
"""


def write(plan: Plan, advance: Callable[[], object]) -> None:
    """Write the new rows with their pictures, and put lost files back.

    `advance` is called after each. Raises FixtureError where somebody wrote the same at the same
    time, and what database and storage raise; then everything is as it was.
    """
    try:
        _write(plan, advance)
    except (IntegrityError, PostImage.DoesNotExist) as error:
        raise FixtureError(
            f"The site changed meanwhile: {error}\nNothing was written. Start again."
        ) from error


def _write(plan: Plan, advance: Callable[[], object]) -> None:
    with ExitStack() as put_back:
        with uploads():
            for instance in side_by_side(_instance, plan.new):
                _save_new(instance)
                advance()
            for lost in plan.lost:
                _put_back(lost, put_back)
                advance()
            for kind in plan.new_of_each_kind():
                _raise_sequence(kind, plan)
        put_back.pop_all()  # committed: the files stay


def _instance(row: Row) -> models.Model:
    """Return the row as an instance, its picture stored under a fresh key; not yet saved."""
    image = row.values.get("image")
    plain = {
        row.kind.attname(name): value
        for name, value in row.values.items()
        if not isinstance(value, Original)
    }
    instance = row.kind.model(pk=row.pk, **plain)
    if isinstance(instance, PostImage) and isinstance(image, Original):
        with image.path.open("rb") as file:
            place(image.picture, File(file), row=instance)
    return instance


def _save_new(instance: models.Model) -> None:
    """Insert, and never update: a row that came meanwhile is an error."""
    if isinstance(instance, User):
        save_new(instance)
    else:
        instance.save(force_insert=True)


def _put_back(lost: LostFile, undo: ExitStack) -> None:
    """Store a file anew under the name that its row has, while the row is locked.

    Saving the unchanged row asks everybody who guards keys whether this one may be used. Raises
    DoesNotExist where the row went meanwhile, and what the guards raise.
    """
    row = PostImage.objects.select_for_update().get(pk=lost.pk)
    row.save(update_fields=[lost.field])
    file = getattr(row, lost.field)
    if file.storage.exists(file.name):
        return  # another restoration was faster
    undo.callback(file.storage.delete, file.name)
    picture = lost.original.picture
    with lost.original.path.open("rb") as original:
        is_thumbnail = lost.field == "thumbnail"
        content = picture.thumbnail if is_thumbnail else stored_bytes(picture, File(original))
    name = file.storage.save(file.name, ContentFile(content))
    if name != file.name:
        undo.callback(file.storage.delete, name)
        raise FixtureError(f"The storage would keep {file.name} as {name}. Nothing was written.")


def _raise_sequence(kind: Kind, plan: Plan) -> None:
    """Let PostgreSQL give new rows keys beyond those that were written here."""
    connection = connections[router.db_for_write(kind.model)]
    pks = [row.pk for row in plan.new if row.kind == kind and row.pk is not None]
    if connection.vendor != "postgresql" or not pks:
        return
    meta = kind.model._meta
    table = connection.ops.quote_name(meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(RAISE_SEQUENCE, [max(pks), table, meta.pk.column, max(pks)])
