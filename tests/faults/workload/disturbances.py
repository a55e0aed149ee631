"""What a network or a server may do to requests without reporting a false result."""

from __future__ import annotations

import random
import re

from tests.services.faulty_proxy import Act, Fault, Request, error_reply, html_reply

# Seconds; well below a lease, since a running request cannot be cancelled.
SLOW = 0.4


def disturbance(dice: random.Random) -> Fault:
    """Draw a type of fault, and the share of the requests that it affects."""
    act = dice.choice(
        [
            lambda _request: error_reply(503, "SlowDown"),
            lambda _request: error_reply(500, "InternalError"),
            lambda _request: error_reply(403, "AccessDenied"),
            lambda _request: error_reply(404, "NoSuchBucket"),
            lambda _request: html_reply(),
            lambda _request: Act(reset=True),
            lambda _request: Act(cut=True),
            lambda _request: Act(cut=True),
            lambda _request: Act(delay=SLOW),
            _refused_singly,
            _emptied,
        ]
    )
    share = dice.choice([0.1, 0.3, 1.0])
    own = random.Random(dice.random())  # noqa: S311 - a test; requests come from several threads
    return lambda request: act(request) if own.random() < share else None


def _emptied(_request: Request) -> Act:
    """Let the server do it, but drop the body of its reply."""
    return Act(edit=lambda _content: b"", cut=True)


def _refused_singly(request: Request) -> Act | None:
    """Refuse every key of a batch separately, without sending anything to the server."""
    if not request.is_batch:
        return None
    keys = re.findall(rb"<Key>(.*?)</Key>", request.body)
    errors = b"".join(
        b"<Error><Key>%s</Key><Code>AccessDenied</Code><Message>no</Message></Error>" % key
        for key in keys
    )
    body = b'<?xml version="1.0"?><DeleteResult>' + errors + b"</DeleteResult>"
    return Act(reply=(200, "application/xml", body))
