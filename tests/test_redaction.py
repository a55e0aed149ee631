"""Error messages of storages and databases are shown without secrets."""

from __future__ import annotations

import pytest

from moderation.redaction import ERROR_LENGTH, clean

SECRETS = ["hush", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI"]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", ""),
        ("Access Denied", "Access Denied"),
        ("  around  ", "around"),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("a\0b\x1b[31mc\x9bd", "a b [31mc d"),
        ("GET https://s3.local/box/a.png?X-Amz-Signature=hush failed",
         "GET https://s3.local/box/a.png failed"),
        ("'https://s3.local/a?x=hush&y=hush'", "'https://s3.local/a'"),
        ("What happened?", "What happened?"),
        ("No such file? a=1", "No such file? a=1"),
        ("The key AKIAIOSFODNN7EXAMPLE is not valid", "The key [redacted] is not valid"),
        ("ASIAIOSFODNN7EXAMPLE", "[redacted]"),
        ("secret=hush and more", "[redacted] and more"),
        ("AWSAccessKeyId: hush", "AWS[redacted]"),
        ("aws_secret_access_key = hush", "aws_[redacted]"),
        ("X-Amz-Security-Token: hush", "X-Amz-Security-[redacted]"),
        ("Signature=hush", "[redacted]"),
        ("host=db password=hush user=site", "host=db [redacted] user=site"),
        ("credentials: hush", "[redacted]"),
        ("the secretary said no", "the secretary said no"),
    ],
)  # fmt: skip
def test_message_is_kept_without_its_secrets(message: str, expected: str) -> None:
    assert clean(message) == expected
    assert not any(secret in clean(message) for secret in SECRETS)


@pytest.mark.parametrize("length", [0, 1, ERROR_LENGTH, ERROR_LENGTH + 1, 100_000])
def test_message_fits_its_column(length: int) -> None:
    assert clean("x" * length) == "x" * min(length, ERROR_LENGTH)


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_beyond_the_end_is_not_cut_in_the_middle(secret: str) -> None:
    """A secret is left out before the message is truncated, so no half of it remains."""
    message = "x" * (ERROR_LENGTH - 15) + f" secret={secret} " + "y" * 50
    assert secret[:4] not in clean(message)


def test_redaction_of_a_redacted_message_changes_nothing() -> None:
    once = clean("secret=hush at https://s3.local/a?b=c\n" + "x" * 400)
    assert clean(once) == once
