"""A small fixture for the command that restores fixtures."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

from admin_interface.models import Theme
from django.contrib.auth.models import User
from django.core.management import call_command

from posts.models import Post, PostImage, Report

WHEN = "2026-11-02T08:15:00+00:00"

Rows = list[dict[str, Any]]


def row(model: str, pk: object, **fields: Any) -> dict[str, Any]:
    return {"model": model, "pk": pk, "fields": fields}


def small_site() -> Rows:
    post = {"title": "Bulbs", "body": "All in.", "created_at": WHEN}
    return [  # what points to others comes first: the order must not matter
        row("posts.report", 51, post=31, reporter=22, reason="spam", created_at=WHEN),
        row("posts.postimage", 41, post=31, image="one.png"),
        row("posts.postimage", 42, post=31, image="two.png"),
        row("posts.post", 31, author=21, **post),
        row("auth.user", 21, username="mossy_gate"),
        row("auth.user", 22, username="moderator"),
        row("auth.user", 23, username="superuser"),
    ]


def offer(folder: Path, content: object, name: str = "demo") -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / f"{name}.json").write_text(text)


def restore(*arguments: str) -> str:
    out = StringIO()
    call_command("restore_fixtures", *arguments, "--environment", "test", stdout=out)
    return out.getvalue()


def state() -> list[list[Any]]:
    models = (User, Post, PostImage, Report, Theme)
    return [list(model._base_manager.order_by("pk").values()) for model in models]


def a_theme(**fields: Any) -> Rows:
    return [{"model": "admin_interface.theme", "fields": {"name": "Clearing", **fields}}]
