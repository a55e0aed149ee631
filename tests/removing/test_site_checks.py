"""The checks of what the site as a whole has to say."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from pytest_django import Settings

from moderation.site_checks import check_environment


@pytest.mark.parametrize("name", ["", "  "])
def test_e081_a_site_without_a_name(name: str) -> None:
    with override_settings(ENVIRONMENT=name):
        (message,) = [each for each in run_checks() if each.id == "moderation.E081"]
        assert message.hint
    with override_settings(ENVIRONMENT=name, DEBUG=True):
        assert check_environment() == []


def test_e081_a_site_that_never_heard_of_it(settings: Settings) -> None:
    del settings.ENVIRONMENT
    assert [message.id for message in check_environment()] == ["moderation.E081"]


def test_the_site_itself_has_a_name() -> None:
    assert check_environment() == []
