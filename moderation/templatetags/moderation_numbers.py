"""Numbers in the templates, messages and command output of this app."""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def grouped(number: int) -> str:
    """Return a whole number as people of the site's language write it: 12,345."""
    return number_format(number, force_grouping=True)


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number and its noun for the output of a command: "1 key", "12,345 keys"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
