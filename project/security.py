"""The Content-Security-Policy header, until the site runs on Django 6, which sends its own."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware that sends the policy of SECURE_CSP, unless the view has set its own."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        policy = "; ".join(
            " ".join([directive, *sources]) for directive, sources in settings.SECURE_CSP.items()
        )
        response.headers.setdefault(HEADER, policy)
        return response

    return respond


def bucket_origins(*, bucket: str, endpoint: str, region: str) -> list[str]:
    """Return the origins from which a browser fetches a bucket's pictures, for `img-src`.

    Without an endpoint, they are Amazon's. The bucket may be part of the host name or of the path.
    """
    if not endpoint:
        regional = f"s3.{region}.amazonaws.com" if region else "s3.amazonaws.com"
        hosts = {"s3.amazonaws.com", regional}
        return sorted(f"https://{host}" for name in hosts for host in (name, f"{bucket}.{name}"))
    parts = urlsplit(endpoint)
    return [f"{parts.scheme}://{parts.netloc}", f"{parts.scheme}://{bucket}.{parts.netloc}"]
