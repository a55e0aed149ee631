"""The admin of posts and users. Django imports this package."""

from posts.admin.post import PostAdmin
from posts.admin.user import UserAdmin

__all__ = ["PostAdmin", "UserAdmin"]
