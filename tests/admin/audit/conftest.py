"""People and entries for the tests of the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import AuditEntry, AuditEvent, Removal
from moderation.models.states import EventType, Reason, RemovalState
from moderation.permission_groups import AUDITORS, MODERATORS

PASSWORD = "a-password-for-tests"
LIST = "admin:moderation_auditentry_changelist"


def person(name: str, *codes: str, group: str = "") -> User:
    """Make a member of staff with permissions of moderation, or of a group."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def removal_of(user: User, **given: Any) -> Removal:
    """Make a removal that somebody confirmed, with the event for it."""
    names = {"actor": user, "actor_name": user.get_username()}
    standard = {"state": RemovalState.DONE, "reason": Reason.SPAM, "confirmed_at": timezone.now()}
    removal = Removal.objects.create(model_label="posts.Post", **names, **{**standard, **given})
    details = {"reason": removal.reason}
    AuditEvent.objects.create(type=EventType.CONFIRM, removal=removal, details=details, **names)
    return removal


def entry_of(removal: Removal | None, key: str, **given: Any) -> AuditEntry:
    """Make the entry of one key."""
    now = timezone.now()
    by = {"removal": removal, "reason": removal.reason} if removal else {}
    if removal:
        by |= {"actor_id": removal.actor_id, "actor_name": removal.actor_name}
    standard = {
        "storage": "default",
        "name": key,
        "object_label": "posts.PostImage",
        "object_key": "1",
        "recorded_at": now,
        "due_at": now,
    }
    return AuditEntry.objects.create(key=key, **{**standard, **by, **given})


def shown_keys(client: Client, **params: Any) -> set[str]:
    """Return the keys that the change list shows."""
    response = client.get(reverse(LIST), params)
    assert response.status_code == 200
    return {entry.key for entry in response.context["cl"].result_list}


@pytest.fixture
def moderator(db: None) -> User:
    return person("moderator", group=MODERATORS)


@pytest.fixture
def auditor(db: None) -> User:
    return person("auditor", group=AUDITORS)


@pytest.fixture
def logged_in(db: None) -> Callable[[User], Client]:
    def log_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def audit_client(auditor: User, logged_in: Callable[[User], Client]) -> Client:
    return logged_in(auditor)
