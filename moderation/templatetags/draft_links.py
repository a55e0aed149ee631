"""Links between the pages of a draft."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_block_tag(takes_context=True)
def draft_link(
    context: Context,
    content: str,
    *,
    anchor: str = "selection",
    label: str = "",
    current: str = "",
    parameter: str = "",
    number: int = 0,
    **page_parameters: Any,
) -> SafeString:
    """Return a link to another page of a draft's selection.

    The page has these `page_parameters`, or is the current one with another `number` of its
    `parameter`. The objects to check first stay on their page. `label` is the name of the link, and
    `current` the value of `aria-current`, unless they are empty. Without JavaScript, the link is a
    button that saves what was entered.
    """
    here = context["page_parameters"]
    there = (
        {**here, parameter: number}
        if parameter
        else {"check": here.get("check"), **page_parameters}
    )
    query = urlencode({name: value for name, value in there.items() if value})
    values = {"content": content, "query": query, "anchor": anchor, "label": label}
    names = {"current": current, "removal": context["removal"]}
    page: Any = context.template  # set during rendering
    link: template.Template = page.engine.get_template("admin/moderation/removal/draft_link.html")
    return link.render(context.new(values | names))
