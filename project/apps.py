"""The app of the site itself, which connects the receiver for logins."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class ProjectConfig(AppConfig):
    """An app without models, for receivers that belong to the whole site."""

    name = "project"

    def ready(self) -> None:
        """Connect the receiver that limits the lifetime of sessions."""
        from project import logins  # noqa: PLC0415 - needs the models of axes

        user_logged_in.connect(logins.limit_session, dispatch_uid="project.limit_session")
