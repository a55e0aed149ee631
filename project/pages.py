"""The error page for 405 responses, which Django sends without content."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

GetResponse = Callable[[HttpRequest], HttpResponse]


def method_not_allowed_page(get_response: GetResponse) -> GetResponse:
    """Middleware that adds a page with a link back to an empty 405 response."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == 405 and not response.streaming and not response.content:  # noqa: PLR2004 - the status
            page = render(request, "405.html")
            response.content = page.content
            response.headers["Content-Type"] = page.headers["Content-Type"]
            response.headers.pop("Content-Length", None)
        return response

    return respond
