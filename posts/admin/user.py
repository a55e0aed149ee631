"""Users in the admin, who are removed together with their posts."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import User

from moderation.admin.action import RemoveSelectedMixin
from moderation.admin.large_lists import LargeListMixin
from moderation.admin.query_parameters import CheckedParameters

admin.site.unregister(User)  # Django's own UserAdmin, registered when `auth_admin` was imported


@admin.register(User)
class UserAdmin(RemoveSelectedMixin, LargeListMixin, CheckedParameters, auth_admin.UserAdmin):
    """Users. A removal also deletes their posts and pictures, and writes the audit log."""
