"""What one request may send: little without a login, and no more than the site can use with one."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

# A login is some hundred bytes. Who is not logged in has nothing else to send.
ANONYMOUS_BYTES = 64 * 1024

GetResponse = Callable[[HttpRequest], HttpResponse]


def limit_bodies(get_response: GetResponse) -> GetResponse:
    """Middleware: refuse a body by its announced length, before anything of it is read.

    It must stand behind the one that knows the user, and before any that reads the body: files
    that a form carries are written to disk as soon as one field is asked for.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        length = _announced(request)
        if length > ANONYMOUS_BYTES and length > _allowed(request):
            return render(request, "413.html", status=413)
        return get_response(request)

    return respond


def _announced(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0  # as Django reads it: no body


def _allowed(request: HttpRequest) -> int:
    user = request.user
    return settings.UPLOAD_LIMIT if user.is_active and user.is_staff else ANONYMOUS_BYTES
