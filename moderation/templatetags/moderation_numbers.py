"""Numbers in the templates of this app."""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def grouped(number: int) -> str:
    """Return a whole number as people of the site's language write it: 12,345."""
    return number_format(number, force_grouping=True)
