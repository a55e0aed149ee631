"""A client that sends a moderator's requests to the site in this process, and times them."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.test import Client

from benchmarks import content
from benchmarks.measure import stopwatch

OK, FOUND = 200, 302


class AdminClient:
    """A client that is logged in as the moderator."""

    def __init__(self) -> None:
        self.client = Client(headers={"host": "localhost"})
        self.client.force_login(content.moderator())

    def get(self, path: str) -> tuple[float, bytes]:
        """Return the seconds and the body of a page. Raises RuntimeError unless it is a 200."""
        with stopwatch() as watch:
            response = self.client.get(path)
        return watch.seconds, _expect(OK, response).content

    def post(self, path: str, data: dict[str, Any], *, expect: int) -> tuple[float, Any]:
        """Return the seconds and the response of a POST. Raises RuntimeError for another status."""
        with stopwatch() as watch:
            response = self.client.post(path, data)
        return watch.seconds, _expect(expect, response)


def _expect(status: int, response: HttpResponseBase) -> Any:
    if response.status_code != status:
        raise RuntimeError(f"The site answered with status {response.status_code}.")
    return response
