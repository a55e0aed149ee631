"""The search of the change list of posts. PostgreSQL uses trigram indexes."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils.text import smart_split, unescape_string_literal

from posts.models import Post

# Up to this many matching authors, their posts are looked up by an index. If there are more, so
# many posts match that reading them in the order of the list soon fills a page.
FEW_AUTHORS = 1_000


def search_posts(posts: QuerySet[Post], term: str) -> QuerySet[Post]:
    """Return the posts with each word in title, body or the author's user name, ignoring case.

    A phrase in quotation marks counts as one word.
    """
    for word in smart_split(term):
        quoted = word[0] in "\"'" and word[0] == word[-1] and len(word) > 1
        posts = posts.filter(_contains(unescape_string_literal(word) if quoted else word))
    return posts


def _contains(word: str) -> Q:
    """Return the condition for one word. Runs a query for authors: indexes do not span joins."""
    users = get_user_model()._default_manager.filter(username__icontains=word)
    authors = list(users.values_list("pk", flat=True)[: FEW_AUTHORS + 1])
    by_author = Q(author__any_of=authors)
    if len(authors) > FEW_AUTHORS:
        by_author = Q(author__username__icontains=word)
    return Q(title__icontains=word) | Q(body__icontains=word) | by_author
