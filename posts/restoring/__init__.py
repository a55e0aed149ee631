"""Demo content out of `fixtures/` into a site: rows and pictures, all of them or none.

`fixtures/NAME.json` is a list of rows in the form of Django's own fixtures:

    {"model": "auth.user", "pk": 101, "fields": {"username": "mossy_gate"}}
    {"model": "posts.post", "pk": 1001, "fields": {
        "author": 101, "title": "…", "body": "…", "created_at": "2026-11-02T08:15:00+00:00"}}
    {"model": "posts.postimage", "pk": 1001, "fields": {"post": 1001, "image": "tomato-1.jpg"}}
    {"model": "posts.report", "pk": 1001, "fields": {
        "post": 1001, "reporter": 102, "reason": "…", "created_at": "…"}}

`kinds.py` says which models and fields there may be; their order in the file does not matter, and
a foreign key names a row of the same fixture. A user has a name and nothing else. A theme has no
primary key: its name tells it. `fixtures/theme.json`, where there is one, is loaded with each.

`image` is the name of a file in `fixtures/pictures/`, not a storage key: each picture goes through
the intake and gets a fresh key. Keys are never reused, so that what a removal erased can be
restored although the audit log says, and goes on saying, that the old key is erased.
"""
