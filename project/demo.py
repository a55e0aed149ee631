"""The accounts of the demo site. They get their passwords under DEBUG only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """A demo user; `group` is the one that gives the role, empty for the superuser."""

    username: str
    password: str
    group: str


ACCOUNTS = (
    Account("moderator", "demo-moderator", "Moderators"),
    Account("auditor", "demo-auditor", "Auditors"),
    Account("superuser", "demo-superuser", ""),
)
