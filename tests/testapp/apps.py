"""The tests' second content app."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    """Gives the app a label that says what its models are about."""

    name = "tests.testapp"
    label = "library"
