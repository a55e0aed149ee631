"""The formats of an export, each a stream of bytes that never holds more than a few rows."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import Model, QuerySet
from import_export.formats import base_formats

from moderation.export.cells import Converter, cell_converter, json_converter
from moderation.export.resource import COLUMNS

# Rows that are fetched and sent at once: some 500 kB of text.
CHUNK_ROWS = 1_000
# Bytes of a finished workbook that are read and sent at once.
FILE_CHUNK = 1 << 20
# Rows of a sheet, the first of which holds the headers. The file format has no room for more.
SHEET_ROWS = 1_048_576


class CSV(base_formats.CSV):
    """Comma-separated values, sent while they are read."""

    row_limit: int | None = None

    def chunks(self, entries: QuerySet[Any]) -> Iterator[bytes]:
        """Give the file in pieces: a header, then the entries."""
        yield _csv_text([COLUMNS])
        for rows in _row_chunks(entries, _converters(entries.model, cell_converter)):
            yield _csv_text(rows)


class JSONLines(base_formats.Format):
    """JSON Lines: an object on each line, sent while they are read."""

    row_limit: int | None = None

    def get_title(self) -> str:
        """Name the format, as the page and the command offer it."""
        return "jsonl"

    def get_extension(self) -> str:
        """Give the ending of a file's name."""
        return "jsonl"

    def get_content_type(self) -> str:
        """Give the type that the file is sent as."""
        return "application/jsonl"

    def can_export(self) -> bool:
        """Say that the format can be written."""
        return True

    def chunks(self, entries: QuerySet[Any]) -> Iterator[bytes]:
        """Give the file in pieces; empty where there are no entries."""
        for rows in _row_chunks(entries, _converters(entries.model, json_converter)):
            objects = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
            yield "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects).encode()


class XLSX(base_formats.XLSX):
    """A workbook of one sheet. It is written to a temporary file first: its index comes last."""

    row_limit: int | None = SHEET_ROWS - 1

    def chunks(self, entries: QuerySet[Any]) -> Iterator[bytes]:
        """Give the file in pieces, once it is complete."""
        with tempfile.TemporaryFile() as file:
            _write_workbook(entries, file)
            file.seek(0)
            while piece := file.read(FILE_CHUNK):
                yield piece


def _write_workbook(entries: QuerySet[Any], file: Any) -> None:
    """Write the rows as they come; openpyxl keeps none of them in this mode."""
    from openpyxl import Workbook  # slow to import, and most exports are CSV
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("audit entries")
    sheet.append(COLUMNS)
    for rows in _row_chunks(entries, _converters(entries.model, cell_converter)):
        for row in rows:
            # XML has no way to write a control character, not even an escaped one.
            sheet.append(
                [ILLEGAL_CHARACTERS_RE.sub("�", v) if isinstance(v, str) else v for v in row]
            )
    workbook.save(file)


def _converters(model: type[Model], choose: Any) -> list[Converter]:
    return [choose(model._meta.get_field(name)) for name in COLUMNS]


def _row_chunks(
    entries: QuerySet[Any], converters: Sequence[Converter]
) -> Iterator[list[tuple[Any, ...]]]:
    """Read the columns by a cursor, without making instances; convert all but None.

    Column by column: a call for each of the cells is what an export's time would go into.
    """
    rows = iter(entries.values_list(*COLUMNS).iterator(chunk_size=CHUNK_ROWS))
    while chunk := list(islice(rows, CHUNK_ROWS)):
        pairs = zip(converters, zip(*chunk, strict=True), strict=True)
        yield list(zip(*(_converted(convert, column) for convert, column in pairs), strict=True))


def _converted(convert: Converter, column: Sequence[Any]) -> Sequence[Any]:
    if convert is None:
        return column
    return [None if value is None else convert(value) for value in column]


def _csv_text(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


FORMATS = (CSV, XLSX, JSONLines)
