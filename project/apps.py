"""The site as an app: it connects what has to happen at every login."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class ProjectConfig(AppConfig):
    """Has no models; its handlers are those of the site as a whole."""

    name = "project"

    def ready(self) -> None:
        """Limit each session from its login on."""
        from project import logins

        user_logged_in.connect(logins.limit_session, dispatch_uid="project.limit_session")
