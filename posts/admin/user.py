"""The users in the admin: one who wrote posts goes with them, by a removal."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import User

from moderation.admin.action import RemoveSelectedMixin
from moderation.admin.query_parameters import CheckedParameters

admin.site.unregister(User)  # importing Django's registered it


@admin.register(User)
class UserAdmin(RemoveSelectedMixin, CheckedParameters, auth_admin.UserAdmin):
    """Users, whose removal takes their posts and pictures along and writes the audit log."""
