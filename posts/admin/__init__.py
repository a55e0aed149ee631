"""The admin of the content: Django finds it here."""

from posts.admin.post import PostAdmin
from posts.admin.user import UserAdmin

__all__ = ["PostAdmin", "UserAdmin"]
