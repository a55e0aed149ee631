"""The search of the change list of posts, by indexes of three letters where PostgreSQL has them."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

from posts.models import Post

# Authors whose posts are looked for by an index. A name that more of them have is found in so many
# posts that a page is soon full.
FEW_AUTHORS = 1_000


def search_posts(posts: QuerySet[Post], term: str) -> QuerySet[Post]:
    """Keep the posts that have each word in title, body or the author's user name, in any case.

    Words in quotation marks are one.
    """
    for word in smart_split(term):
        quoted = word[0] in "\"'" and word[0] == word[-1] and len(word) > 1
        posts = posts.filter(_has(unescape_string_literal(word) if quoted else word))
    return posts


def _has(word: str) -> Q:
    """Return the condition for one word. Indexes do not span joins, so authors come first."""
    users = get_user_model()._default_manager.filter(username__icontains=word)
    authors = list(users.values_list("pk", flat=True)[: FEW_AUTHORS + 1])
    by_author = Q(author__any_of=authors)
    if len(authors) > FEW_AUTHORS:
        by_author = Q(author__username__icontains=word)
    return Q(title__icontains=word) | Q(body__icontains=word) | by_author
