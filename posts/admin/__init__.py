"""The admin of the content: Django finds it here."""

from posts.admin.post import PostAdmin

__all__ = ["PostAdmin"]
