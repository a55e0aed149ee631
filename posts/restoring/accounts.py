"""The demo accounts: under DEBUG they get role and password, anywhere else they are plain users."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import Group, User

from project.demo import ACCOUNTS, Account


def account_of(username: str) -> Account | None:
    """Return the demo account of that name, where it may have its role: under DEBUG only."""
    found = (account for account in ACCOUNTS if account.username == username)
    return next(found, None) if settings.DEBUG else None


def missing_groups(usernames: Iterable[str]) -> list[str]:
    """Return the groups that the accounts among these users need and the database does not have."""
    accounts = [account for name in usernames if (account := account_of(name))]
    wanted = {account.group for account in accounts if account.group}
    found = Group.objects.filter(name__in=wanted).values_list("name", flat=True)
    return sorted(wanted - set(found))


def save_new(user: User) -> None:
    """Save a user who is not there yet: without any right or password, but for demo accounts."""
    account = account_of(user.username)
    if account is None:
        user.set_unusable_password()
    else:
        user.set_password(account.password)
        user.is_staff, user.is_superuser = True, not account.group
    user.save(force_insert=True)
    if account is not None and account.group:
        user.groups.add(Group.objects.get(name=account.group))
