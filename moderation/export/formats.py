"""The formats of an export. Each writes a chunk of rows at a time."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, BinaryIO

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from import_export.formats import base_formats

from moderation.exceptions import ExportFailed
from moderation.export.cells import Converter, cell_converter, json_converter
from moderation.export.resource import COLUMNS

# Rows that are fetched and written at a time: some 500 kB of text.
CHUNK_ROWS = 1_000
# The limits of the file format: rows of a sheet, including the header row, and characters of a
# cell, in UTF-16 code units. (ECMA-376, and Microsoft's "Excel specifications")
SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767
# What XML 1.0 cannot represent, not even escaped.
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class CSV(base_formats.CSV):
    """Comma-separated values, with a byte-order mark so that spreadsheets recognise UTF-8."""

    row_limit: int | None = None

    def write(self, entries: QuerySet[Any], file: BinaryIO) -> Iterator[int]:
        """Write a header and the entries; yield the number of rows in each chunk."""
        file.write(codecs.BOM_UTF8 + _csv_text([COLUMNS]))
        for rows in _row_chunks(entries, _converters(entries.model, cell_converter)):
            file.write(_csv_text(rows))
            yield len(rows)


class JSONLines(base_formats.Format):
    """JSON Lines: one object per line, every value exactly as in the log."""

    row_limit: int | None = None

    def get_title(self) -> str:
        """Return the name of the format on the export page and in the command."""
        return "jsonl"

    def get_extension(self) -> str:
        """Return the file name's extension."""
        return "jsonl"

    def get_content_type(self) -> str:
        """Return the media type of the file."""
        return "application/jsonl"

    def can_export(self) -> bool:
        """Return True: the format can be written."""
        return True

    def write(self, entries: QuerySet[Any], file: BinaryIO) -> Iterator[int]:
        """Write the entries, if there are any; yield the number of rows in each chunk."""
        for rows in _row_chunks(entries, _converters(entries.model, json_converter)):
            objects = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
            lines = (json.dumps(each, ensure_ascii=False) + "\n" for each in objects)
            file.write("".join(lines).encode())
            yield len(rows)


class XLSX(base_formats.XLSX):
    """A workbook with one sheet."""

    row_limit: int | None = SHEET_ROWS - 1

    def write(self, entries: QuerySet[Any], file: BinaryIO) -> Iterator[int]:
        """Write a header and the entries; yield the number of rows in each chunk.

        Raises ExportFailed if there are too many rows, or a text is too long, for a sheet: openpyxl
        would truncate the text silently. In its write-only mode, it keeps no rows in memory.
        """
        from openpyxl import Workbook  # noqa: PLC0415 - optional, and slow to import

        workbook = Workbook(write_only=True)
        sheet = workbook.create_sheet("audit entries")
        with closing(sheet):  # openpyxl writes in a generator, which must also end after an error
            sheet.append(COLUMNS)
            written = 0
            for rows in _row_chunks(entries, _converters(entries.model, cell_converter)):
                written += len(rows)
                if written >= SHEET_ROWS:
                    raise ExportFailed(_("There are more entries than a sheet can hold."))
                for row in rows:
                    sheet.append(_sheet_row(row))
                yield len(rows)
        workbook.save(file)


def _sheet_row(row: Sequence[Any]) -> list[Any]:
    return [
        _sheet_text(column, value) if isinstance(value, str) else value
        for column, value in zip(COLUMNS, row, strict=True)
    ]


def _sheet_text(column: str, text: str) -> str:
    """Return the text with U+FFFD in place of characters that XML does not allow.

    Raises ExportFailed if the text is too long for a cell.
    """
    if len(text) > CELL_CHARACTERS // 2 and len(text.encode("utf-16-le")) > 2 * CELL_CHARACTERS:
        message = _(
            "A text in the column “%(column)s” is longer than %(limit)s characters, the limit of a "
            "cell."
        )
        raise ExportFailed(message % {"column": column, "limit": f"{CELL_CHARACTERS:,}"})
    return NOT_IN_XML.sub("\ufffd", text)


def _converters(model: type[Model], choose: Any) -> list[Converter]:
    return [choose(model._meta.get_field(name)) for name in COLUMNS]


def _row_chunks(
    entries: QuerySet[Any], converters: Sequence[Converter]
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield chunks of converted rows, read with a cursor and without creating instances.

    Values are converted column by column: a call for each cell would take most of an export's time.
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


# XLSX is available if openpyxl is installed.
FORMATS = tuple(each for each in (CSV, XLSX, JSONLines) if each.is_available())
