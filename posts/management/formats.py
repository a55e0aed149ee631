"""The file formats of the commands, for their `--help`."""

from __future__ import annotations

from django.core.management.base import DjangoHelpFormatter

from posts.imports.parse import MAX_LINE_BYTES, MAX_PICTURES, MAX_REPORTS


class FormatHelp(DjangoHelpFormatter):
    """A help formatter that keeps the lines of a multi-line text."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


IMPORT_FORMAT = f"""\
The format of FILE: JSON Lines, one object per line, in UTF-8, plain or gzipped.

  {{"author": "user_17", "title": "A title", "body": "The text",
   "created_at": "2026-11-04T14:50:27+02:00", "images": ["red.png"], "reports": 2}}

In the file, this is a single line. All six fields are required:

  author      a user name; a missing user is created, without password and permissions
  title       at most 300 characters
  body        the text, which may be empty
  created_at  date and time with a time zone, in ISO 8601
  images      at most {MAX_PICTURES} names of files in DIR; [] for none
  reports     the number of users who reported the post, at most {MAX_REPORTS}

Other fields and blank lines are ignored. A line has at most {MAX_LINE_BYTES // 1024} kB.
"""

FIXTURE_FORMAT = """\
The format of fixtures/NAME.json: a list of rows.

  [{"model": "auth.user", "pk": 101, "fields": {"username": "mossy_gate"}},
   {"model": "posts.post", "pk": 1001, "fields": {
      "author": 101, "title": "A title", "body": "The text",
      "created_at": "2026-11-02T08:15:00+00:00"}},
   {"model": "posts.postimage", "pk": 1001, "fields": {
      "post": 1001, "image": "tomato-1.jpg"}},
   {"model": "posts.report", "pk": 1001, "fields": {
      "post": 1001, "reporter": 101, "reason": "spam",
      "created_at": "2026-11-02T09:00:00+00:00"}}]

A foreign key refers to a row of the same file. `image` is the name of a file in
fixtures/pictures/. A theme (admin_interface.theme) has no pk; its name identifies it.
"""
