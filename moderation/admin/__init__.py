"""The pages of moderation in the admin. Importing this registers them."""

from moderation.admin.audit import audit_admin
from moderation.admin.removals import removal_admin

__all__ = ["audit_admin", "removal_admin"]
