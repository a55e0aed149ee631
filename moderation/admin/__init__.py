"""The pages of moderation in the admin. Importing this registers them."""

from moderation.admin import audit_admin, removal_admin

__all__ = ["audit_admin", "removal_admin"]
