"""The admin pages of moderation. Importing this package registers them."""

from moderation.admin.audit import audit_admin
from moderation.admin.refused_pictures import refused_picture_admin
from moderation.admin.removals import removal_admin
from moderation.admin.sites import add_remove_action, register_pages

__all__ = [
    "add_remove_action",
    "audit_admin",
    "refused_picture_admin",
    "register_pages",
    "removal_admin",
]
