"""Logins: how long a session lasts, which attempts are logged, and who is locked out.

django-axes counts failures for each pair of user name and address, and locks the pair after
LOGIN_FAILURES of them, until LOGIN_LOCK_MINUTES after the last one. An address with ten times as
many, whatever the names, is locked too. A user name alone is never locked: otherwise anyone could
lock moderators out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_interface
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

logger = logging.getLogger(__name__)

# An address is locked after this many times LOGIN_FAILURES, with all user names together. This
# stops someone who tries one password with every name, but not an office behind one address.
ADDRESS_FACTOR = 10
# The most characters of a client's text that are stored; no user name is longer.
MAX_LENGTH = 150
# The network that a provider usually assigns to one customer.
IPV6_PREFIX = 64


def limit_session(request: HttpRequest, **_: Any) -> None:
    """Make the session end SESSION_COOKIE_AGE seconds after this login, even if it is used.

    Without an explicit expiry date, each change to the session, such as a stored message, would
    extend it.
    """
    request.session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))


def truncated(text: str | None) -> str | None:
    """Return a client's text as every database can store it: truncated, and without NUL."""
    return None if text is None else text[:MAX_LENGTH].replace("\0", "\N{REPLACEMENT CHARACTER}")


def username_of(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str | None:
    """Return the user name of an attempt as it is stored; Django's form accepts any length."""
    return truncated((credentials or request.POST).get("username"))


class LoginHandler(AxesDatabaseHandler):
    """Counts failures for each pair of user name and address, and for each address alone."""

    def user_login_failed(
        self,
        sender: Any,
        credentials: Mapping[str, Any],
        request: HttpRequest | None = None,
        **kwargs: Any,
    ) -> None:
        """Count a failure, whatever headers and path the client has sent."""
        for name in ("axes_user_agent", "axes_http_accept", "axes_path_info"):
            if hasattr(request, name):
                setattr(request, name, truncated(getattr(request, name)))
        super().user_login_failed(sender, credentials, request, **kwargs)

    def get_failures(
        self, request: HttpRequest, credentials: Mapping[str, Any] | None = None
    ) -> int:
        """Return the number of failures that axes compares with LOGIN_FAILURES.

        It is that of the pair, or a tenth of that of the address, whichever is larger.
        """
        since = timezone.now() - settings.AXES_COOLOFF_TIME
        recent = AccessAttempt.objects.filter(
            ip_address=request.axes_ip_address,  # type: ignore[attr-defined] # set by axes
            attempt_time__gte=since,
        )
        total = recent.aggregate(total=Sum("failures_since_start"))["total"] or 0
        of_name: int = super().get_failures(request, credentials)
        return max(of_name, total // ADDRESS_FACTOR)


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address, or None if it is unknown, as with a local socket.

    Each proxy appends the address that it sees to X-Forwarded-For. The result is the address that
    our outermost proxy appended; everything before it was sent by the client. For IPv6, return the
    network.
    """
    direct = request.META.get("REMOTE_ADDR", "")
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    proxies = settings.TRUSTED_PROXIES
    if proxies and len(seen) >= proxies:
        return _network(seen[-proxies]) or _network(direct)
    return _network(direct)


def _network(text: str) -> str | None:
    """Return an address without its port and IPv6 host part, or None if it is invalid."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_interface((int(address), IPV6_PREFIX)).network.network_address)
    return str(address)


def describe_attempt(
    username: str | None, address: str | None, _agent: str, path: str, _request: HttpRequest
) -> str:
    """Describe an attempt for the log, escaped so that the client cannot inject a line."""
    return f"user {username!r} at {address} on {path!r}"


def locked_out(
    request: HttpRequest, _response: HttpResponse, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """Return the page that says how long to wait, whatever the password was; log the attempt."""
    name = username_of(request, credentials)
    address = client_address(request)
    logger.warning("Login refused after too many failures: user %r at %s", name, address)
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    response = render(request, "429.html", {"minutes": minutes}, status=429)
    response.headers["Retry-After"] = str(minutes * 60)
    return response
