"""Register the pictures of posts, and grant moderators the permissions for posts."""

from __future__ import annotations

from django.apps import AppConfig

from moderation.permission_groups import MODERATORS, grant
from moderation.registration import register
from posts.models import PostImage
from posts.review_rules import author_with_good_posts

register(
    PostImage,
    title="post__title",
    owner="post__author__username",
    picture="image",
    thumbnail="thumbnail",
    size="size",
    sha256="sha256",
    frames="frames",
    perceptual_hash="perceptual_hash",
    created="post__created_at",
    text="post__body",
    reports="post__reports__open_reason",
    review_rules=[author_with_good_posts],
)


def grant_to_moderators(app_config: AppConfig, using: str) -> None:
    """Grant the group of moderators the permissions that they need for posts.

    They may view posts, remove them with their pictures and reports, dismiss reports, and disable
    the authors of removed posts.
    """
    models = ("post", "postimage", "report")
    codenames = [f"{action}_{model}" for action in ("view", "delete") for model in models]
    grant(app_config, MODERATORS, [*codenames, "dismiss_report", "disable_author"], using=using)
