"""Logins: how long a session lasts, who tries to log in from where, and who must wait.

django-axes counts the failures of a user name at an address, and refuses both together once there
are LOGIN_FAILURES of them, for LOGIN_LOCK_MINUTES after the last. A user name alone is never
refused: anybody could then keep the moderators out.
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

# Failures that an address may have with all user names together, in limits of one user name:
# who tries one password with every name is stopped, an office behind one address is not.
NAMES_AN_ADDRESS = 10
# Characters of what a client sent that are noted; no user has a longer name.
NOTED = 150
# What one customer of a provider has of IPv6's addresses.
IPV6_PREFIX = 64


def limit_session(request: HttpRequest, **_: Any) -> None:
    """Let the session end SESSION_COOKIE_AGE seconds after this login, however it is used.

    Without a date in it, each save of a session (a long message is one) starts the time again.
    """
    request.session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))


def noted(text: str | None) -> str | None:
    """Return what a client sent as every database can hold it: not too long, and without NUL."""
    return None if text is None else text[:NOTED].replace("\0", "\N{REPLACEMENT CHARACTER}")


def username_of(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str | None:
    """Return the user name of an attempt, as it is noted; Django's form takes any length."""
    return noted((credentials or request.POST).get("username"))


class LoginHandler(AxesDatabaseHandler):
    """Counts the failures of a user name at an address, and those of an address with all names."""

    def user_login_failed(
        self,
        sender: Any,
        credentials: Mapping[str, Any],
        request: HttpRequest | None = None,
        **kwargs: Any,
    ) -> None:
        """Count a failure, whatever the client says about itself."""
        for name in ("axes_user_agent", "axes_http_accept", "axes_path_info"):
            if hasattr(request, name):
                setattr(request, name, noted(getattr(request, name)))
        super().user_login_failed(sender, credentials, request, **kwargs)

    def get_failures(
        self, request: HttpRequest, credentials: Mapping[str, Any] | None = None
    ) -> int:
        """Return the number of failures that the limit of one user name is compared with."""
        since = timezone.now() - settings.AXES_COOLOFF_TIME
        recent = AccessAttempt.objects.filter(
            ip_address=request.axes_ip_address,  # type: ignore[attr-defined] # set by axes
            attempt_time__gte=since,
        )
        total = recent.aggregate(total=Sum("failures_since_start"))["total"] or 0
        of_name: int = super().get_failures(request, credentials)
        return max(of_name, total // NAMES_AN_ADDRESS)


def client_address(request: HttpRequest) -> str | None:
    """Return where a request comes from; None where that is unknown, as with a local socket.

    Behind proxies, each of which adds the address that it sees to X-Forwarded-For, it is what the
    outermost of ours added; whatever stands before was sent by the client. IPv6 counts by network.
    """
    direct = request.META.get("REMOTE_ADDR", "")
    seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    proxies = settings.TRUSTED_PROXIES
    if proxies and len(seen) >= proxies:
        return _network(seen[-proxies]) or _network(direct)
    return _network(direct)


def _network(text: str) -> str | None:
    """Return an address as text, without a port and IPv6's host part; None where it is not one."""
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


def describe(
    username: str | None, address: str | None, _agent: str, path: str, _request: HttpRequest
) -> str:
    """Name an attempt in the log; what a client sent cannot begin a line of its own there."""
    return f"user {username!r} at {address} on {path!r}"


def locked_out(
    request: HttpRequest, _response: HttpResponse, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """Tell that the wait is not over, whatever the password was, and note the attempt."""
    name = username_of(request, credentials)
    address = client_address(request)
    logger.warning("Login refused after too many failures: user %r at %s", name, address)
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    response = render(request, "429.html", {"minutes": minutes}, status=429)
    response.headers["Retry-After"] = str(minutes * 60)
    return response
