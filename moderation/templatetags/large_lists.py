"""Django's template tags for change lists, with templates for counts that have a cap."""

from django import template
from django.contrib.admin.templatetags.admin_list import admin_actions, pagination, search_form

register = template.Library()
register.inclusion_tag("admin/moderation/search_form.html", name="large_list_search")(search_form)
register.inclusion_tag("admin/moderation/pagination.html", name="large_list_pages")(pagination)
register.inclusion_tag(
    "admin/moderation/actions.html", takes_context=True, name="large_list_actions"
)(admin_actions)
