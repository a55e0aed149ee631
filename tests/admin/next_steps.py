"""A removal and the next steps that its page suggests."""

from __future__ import annotations

import re

from django.contrib.auth.models import User
from django.test import Client

from moderation.models import Removal
from moderation.models.states import RemovalState
from posts.models import Post
from tests.admin.conftest import drafted, page_of
from tests.helpers import confirmed


def removed(posts: list[Post], moderator: User) -> Removal:
    """Return a removal whose posts are deleted."""
    removal = confirmed(drafted(posts, moderator), moderator)
    assert removal.state == RemovalState.PURGING
    return removal


def steps(client: Client, removal: Removal, page: str = "change") -> dict[str, str]:
    """Return the next steps on the page of a removal: {text: URL}."""
    text = " ".join(client.get(page_of(removal, page)).text.split())
    section = text.partition("removal-next-steps")[2].partition("</section>")[0]
    found = re.findall(r'<a href="([^"]*)">([^<]*)</a>', section)
    return {label: url.replace("&amp;", "&") for url, label in found}
