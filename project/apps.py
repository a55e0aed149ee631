"""The app of the site itself, which connects the handler for logins."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class ProjectConfig(AppConfig):
    """An app without models, for handlers that belong to the whole site."""

    name = "project"

    def ready(self) -> None:
        """Limit the lifetime of each session at login."""
        from project import logins

        user_logged_in.connect(logins.limit_session, dispatch_uid="project.limit_session")
