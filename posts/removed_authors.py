"""Record the authors of removed posts, disable their accounts, and enable them again.

Disabling sets `is_active` to False, which Django checks at login and in each request. Staff,
superusers and the user's own account are never disabled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, QuerySet, Sum, TextChoices
from django.utils.translation import gettext_lazy as _

from moderation.db.bulk_insert import insert
from moderation.models import AuditEvent, Removal
from moderation.models.states import EventType
from posts.author_models import DisabledAuthor, RemovedAuthor
from posts.models import Post

# The most accounts that one transaction changes and its event names.
ACCOUNTS_PER_TRANSACTION = 100


class Skipped(TextChoices):
    """The reasons for which an account is not disabled."""

    DELETED = "deleted", _("deleted")
    OWN = "own account", _("own account")
    SUPERUSER = "superuser", _("superuser")
    STAFF = "staff", _("staff")
    INACTIVE = "inactive", _("already inactive")


class Disabling(NamedTuple):
    """The number of accounts that were disabled, and of those that were skipped for each reason."""

    accounts: int
    skipped: Counter[Skipped]


def record_authors(*, objects: QuerySet[Post], removal: Removal, using: str, **_: Any) -> None:
    """Record the authors of a batch's posts. A receiver of `objects_removed`."""
    posts = objects.order_by().values("author").annotate(posts=Count("pk"))
    rows = [{"author_id": row["author"], "posts": row["posts"]} for row in posts]
    insert(RemovedAuthor, rows, same={"removal_number": removal.pk}, using=using)


def forget_disabling(*, instance: Any, created: bool, update_fields: Any = None, **_: Any) -> None:
    """Forget that an account was disabled, because somebody else has enabled it since.

    If it is then disabled again, `enable` leaves it as it is. A receiver of `post_save`.
    """
    saves_it = update_fields is None or "is_active" in update_fields
    if not created and saves_it and instance.is_active:
        DisabledAuthor.objects.filter(author=instance.pk).delete()


def authors_of(removal: Removal) -> QuerySet[Any, Any]:
    """Return the authors with the number of their removed posts: {author: key, removed: number}.

    The authors with the most removed posts come first.
    """
    rows = RemovedAuthor.objects.filter(removal_number=removal.pk).values("author")
    return rows.annotate(removed=Sum("posts")).order_by("-removed", "author")


def accounts_to_disable(removal: Removal, actor: Any) -> QuerySet[Any]:
    """Return the accounts of a removal's authors that `disable` would disable."""
    authors = RemovedAuthor.objects.filter(removal_number=removal.pk)
    return _may_be_disabled(actor).filter(pk__in=authors.values("author"))


def accounts_to_enable(removal: Removal) -> QuerySet[Any]:
    """Return the accounts that `enable` would enable again."""
    return _users().filter(is_active=False, pk__in=disabled_authors(removal).values("author"))


def disabled_authors(removal: Removal) -> QuerySet[DisabledAuthor]:
    """Return the authors who were disabled after a removal, except those who were enabled since.

    Some of their accounts may have been deleted, or enabled by an update that sends no signal.
    """
    return DisabledAuthor.objects.filter(removal_number=removal.pk)


def skipped_because(account: Any, actor: Any) -> Skipped | None:
    """Return why `disable` skips an account, or None if it does not. A deleted account is None."""
    if account is None:
        return Skipped.DELETED
    reasons = {
        Skipped.OWN: account.pk == actor.pk,
        Skipped.SUPERUSER: account.is_superuser,
        Skipped.STAFF: account.is_staff,
        Skipped.INACTIVE: not account.is_active,
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def disable(removal: Removal, *, actor: Any) -> Disabling:
    """Disable the accounts of a removal's authors, and return how many were disabled and skipped.

    Each transaction disables a few accounts and records an event that names them.
    """
    authors = RemovedAuthor.objects.filter(removal_number=removal.pk)
    accounts, skipped = 0, Counter[Skipped]()
    for keys in _chunks(authors):
        few = _disable(removal, actor, keys)
        accounts += few.accounts
        skipped += few.skipped
    return Disabling(accounts, skipped)


def enable(removal: Removal, *, actor: Any) -> int:
    """Enable again the accounts that were disabled after a removal; return their number.

    Accounts that somebody has enabled since stay as they are.
    """
    return sum(_enable(removal, actor, keys) for keys in _chunks(disabled_authors(removal)))


def _disable(removal: Removal, actor: Any, keys: list[Any]) -> Disabling:
    with transaction.atomic():
        accounts = _locked(_may_be_disabled(actor).filter(pk__any_of=set(keys)))
        skipped = _skipped(set(keys) - set(accounts), actor)
        if not accounts:
            return Disabling(0, skipped)
        _users().filter(pk__any_of=set(accounts)).update(is_active=False)
        DisabledAuthor.objects.filter(author__any_of=set(accounts)).delete()  # of other removals
        rows = [{"author_id": key} for key in accounts]
        same = {"removal_number": removal.pk}
        insert(DisabledAuthor, rows, same=same, using=AuditEvent.objects.db)
        _record(EventType.DISABLE, removal, actor, accounts, skipped=skipped)
    return Disabling(len(accounts), skipped)


def _enable(removal: Removal, actor: Any, keys: list[Any]) -> int:
    with transaction.atomic():
        inactive = _users().filter(pk__any_of=set(keys), is_active=False)
        locked = _locked(inactive)
        recorded = disabled_authors(removal).filter(author__any_of=set(locked))
        still = set(recorded.values_list("author", flat=True))  # read once nobody can change it
        accounts = {key: name for key, name in locked.items() if key in still}
        _users().filter(pk__any_of=set(accounts)).update(is_active=True)
        disabled_authors(removal).filter(author__any_of=set(keys)).delete()
        if accounts:
            _record(EventType.ENABLE, removal, actor, accounts)
    return len(accounts)


def _skipped(keys: set[Any], actor: Any) -> Counter[Skipped]:
    """Return how many of the accounts with these keys are skipped for each reason."""
    accounts = _users().in_bulk(list(keys))
    reasons = (skipped_because(accounts.get(key), actor) for key in keys)
    return Counter(reason for reason in reasons if reason)


def _record(
    event: EventType, removal: Removal, actor: Any, accounts: dict[Any, str], **more: Any
) -> None:
    """Record an event with the number, the names and the keys of accounts, and more details."""
    details = {
        "accounts": len(accounts),
        "names": list(accounts.values()),
        "keys": [str(key) for key in accounts],
        **more,
    }
    AuditEvent.record(event, actor=actor, removal=removal, details=details)


def _locked(users: QuerySet[Any]) -> dict[Any, str]:
    """Lock accounts in the order of their keys, and return their names: {key: name}."""
    name = get_user_model().USERNAME_FIELD
    rows = users.select_for_update(no_key=True).order_by("pk")
    return dict(rows.values_list("pk", name))


def _may_be_disabled(actor: Any) -> QuerySet[Any]:
    active = _users().filter(is_active=True, is_staff=False, is_superuser=False)
    return active.exclude(pk=actor.pk)


def _users() -> QuerySet[Any]:
    users: QuerySet[Any] = get_user_model()._base_manager.all()
    return users


def _chunks(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    """Yield the keys of the authors in rows, a few at a time, in order."""
    keys = rows.order_by("author").values_list("author", flat=True).distinct()
    chunk = list(keys[:ACCOUNTS_PER_TRANSACTION])
    while chunk:
        yield chunk
        chunk = list(keys.filter(author__gt=chunk[-1])[:ACCOUNTS_PER_TRANSACTION])
