"""Every page of moderation and posts that the resolver knows, and what is wrong with its HTML."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from django.contrib.staticfiles import finders
from django.urls import Resolver404, resolve

from tests.admin.test_roles import pages_to_list

# Pages that a user reads: the others only redirect, or send a picture, JSON or a part of a page.
PARTS = {"moderation_removal_progress"}
NO_PAGES = {
    "moderation_picture",
    "moderation_auditentry_suggest",
    "moderation_refusedpicture_lift",
    "moderation_refusedpicture_again",
    "posts_post_remove",
}
ACTIONS = {
    f"moderation_removal_{name}"
    for name in (
        "save",
        "exclude",
        "return",
        "add",
        "review",
        "refuse",
        "confirm",
        "cancel",
        "preferences",
        "stop",
        "resume",
        "retry",
    )
}
POST_ACTIONS = {"posts_post_dismiss_reports", "posts_post_undo_dismissal"}
REFUSED = {  # nobody adds or deletes a row of the audit log
    f"moderation_{model}_{page}"
    for model in ("auditentry", "auditevent")
    for page in ("add", "delete")
}


def names_of_pages() -> list[str]:
    """Return the names of the pages that a user reads."""
    return sorted(pages_to_list() - PARTS - NO_PAGES - ACTIONS - POST_ACTIONS - REFUSED)


class Elements(HTMLParser):
    """The elements of a page with their attributes, in order, and the texts of some of them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {"h1": [], "title": [], "script": [], "style": []}
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.found.append((tag, attributes))
        # django-admin-interface has the name of the site in a heading of the first level, too.
        if tag in self.texts and attributes.get("id") != "site-name":
            self.texts[tag].append("")
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        for tag in self._inside:
            self.texts[tag][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


def problems_of(page: str) -> Iterator[str]:
    """Yield what is wrong with a page of the admin."""
    elements = Elements(page)
    yield from _problems_of_frame(page, elements)
    yield from _problems_of_policy(elements)
    yield from _problems_of_links(elements)
    yield from _problems_of_forms(elements)


def _problems_of_frame(page: str, elements: Elements) -> Iterator[str]:
    titles = [text.strip() for text in elements.texts["h1"]]
    if len(titles) != 1 or not titles[0]:
        yield f"{len(titles)} headings of the first level: {titles}"
    if not "".join(elements.texts["title"]).strip():
        yield "no title"
    if [html.get("lang") for html in elements.attributes("html")] != ["en"]:
        yield "no language"
    if "breadcrumbs" not in page:
        yield "no breadcrumbs"
    ids = Counter(attributes["id"] for _, attributes in elements.found if "id" in attributes)
    yield from (f"the id {name} stands on {n} elements" for name, n in ids.items() if n > 1)
    if re.search(r"\{[{%]|%\(\w+\)s", page):
        yield "a piece of a template, or a placeholder, that nobody filled"


def _problems_of_policy(elements: Elements) -> Iterator[str]:
    """Yield what the Content-Security-Policy refuses, or what only the theme may do."""
    for tag, attributes in elements.found:
        for name in attributes:
            if name.startswith("on") or (name == "style" and tag != "html"):
                yield f"<{tag} {name}=…> stands in the page; put it into a file"
    scripts = zip(elements.attributes("script"), elements.texts["script"], strict=True)
    for attributes, text in scripts:
        if text.strip() and attributes.get("type") != "application/json":
            yield f"a script in the page: {text.strip()[:40]}"


def _problems_of_links(elements: Elements) -> Iterator[str]:
    for tag, name in (("a", "href"), ("form", "action"), ("link", "href"), ("script", "src"),
                      ("img", "src")):  # fmt: skip
        for attributes in elements.attributes(tag):
            target = attributes.get(name, "")
            if target.startswith("javascript:"):
                yield f"{target} needs a script"
            elif target.startswith("/static/"):
                if not finders.find(target.removeprefix("/static/").partition("?")[0]):
                    yield f"{target} does not exist"
            elif target.startswith("/media/"):
                continue  # the proxy serves uploaded files
            elif target.startswith("/") and not _leads_somewhere(target):
                yield f"{target} is not a page"
    ids = {attributes.get("id") for _, attributes in elements.found}
    anchors = [each["href"] for each in elements.attributes("a") if "href" in each]
    yield from (f"{a} is not on the page" for a in anchors if a[:1] == "#" and a[1:] not in ids
                and a != "#")  # fmt: skip


def _leads_somewhere(target: str) -> bool:
    try:
        match = resolve(re.split(r"[?#]", target)[0])
    except Resolver404:
        return False
    return match.url_name is not None  # not the view that catches everything else


def _problems_of_forms(elements: Elements) -> Iterator[str]:
    forms = elements.attributes("form")
    posts = [form for form in forms if form.get("method", "").lower() == "post"]
    tokens = [each for each in elements.attributes("input")
              if each.get("name") == "csrfmiddlewaretoken"]  # fmt: skip
    if len(tokens) < len(posts):
        yield f"{len(posts)} forms by POST, {len(tokens)} tokens"
    for picture in elements.attributes("img"):
        if "alt" not in picture:
            yield f"a picture without alt: {picture.get('src')}"
