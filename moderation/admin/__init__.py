"""The admin pages of moderation. Importing this package registers them."""

from moderation.admin.audit import audit_admin
from moderation.admin.removals import removal_admin

__all__ = ["audit_admin", "removal_admin"]
