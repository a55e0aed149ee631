"""The tests' second content app."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    """Sets a label that says what the models are about."""

    name = "tests.testapp"
    label = "library"
