"""What the files of the commands look like, for their `--help`."""

from __future__ import annotations

from django.core.management.base import DjangoHelpFormatter

from posts.importing.lines import MAX_LINE_BYTES, MAX_PICTURES, MAX_REPORTS


class FormatHelp(DjangoHelpFormatter):
    """Help in which a text of several lines keeps them."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


IMPORT_FORMAT = f"""\
The format of FILE: JSON Lines, an object on each line, in UTF-8, plain or gzipped.

  {{"author": "user_17", "title": "A title", "body": "The text",
   "created_at": "2026-11-04T14:50:27+02:00", "images": ["red.png"], "reports": 2}}

(one line in the file). All six are required:

  author      a user name; a user without password and rights is made where there is none
  title       a text of at most 300 characters
  body        a text, which may be empty
  created_at  date and time with a time zone, in ISO 8601
  images      names of files in DIR, at most {MAX_PICTURES}; [] for none
  reports     how many users reported the post, at most {MAX_REPORTS}

Other names are ignored, and so are blank lines. A line has at most {MAX_LINE_BYTES // 1024} kB.
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

A foreign key names a row of the same file. `image` is the name of a file in fixtures/pictures/.
A theme (admin_interface.theme) has no pk: its name tells it.
"""
