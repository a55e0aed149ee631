#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys

from project.environment import EnvironmentVariableError


def main() -> None:
    """Run the management command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings first

    try:
        execute_from_command_line(sys.argv)
    except EnvironmentVariableError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
