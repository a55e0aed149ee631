"""A site with big tables."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from moderation.storage import write_identity
from tests.query_plans.content import fill


@pytest.fixture
def big_site(transactional_db: None) -> Client:
    """Fill the tables, and log a superuser in."""
    fill()
    write_identity("default")
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client
