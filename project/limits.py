"""Limit the size of request bodies, to a few kilobytes for everyone but staff."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# A login needs a few hundred bytes, and only staff have anything else to send.
BYTES_WITHOUT_STAFF_STATUS = 64 * 1024

GetResponse = Callable[[HttpRequest], HttpResponse]


def limit_bodies(get_response: GetResponse) -> GetResponse:
    """Middleware that refuses a body by its Content-Length, before any of it is read.

    It must come after the middleware that sets the user, and before any that reads the body:
    accessing one field of a form writes its files to disk.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        length = _content_length(request)
        if length > BYTES_WITHOUT_STAFF_STATUS and length > _allowed(request):
            return render(request, "413.html", status=413)
        return get_response(request)

    return respond


def _content_length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0  # Django reads no body in this case


def _allowed(request: HttpRequest) -> int:
    is_staff = request.user.is_active and request.user.is_staff
    return settings.UPLOAD_LIMIT if is_staff else BYTES_WITHOUT_STAFF_STATUS
