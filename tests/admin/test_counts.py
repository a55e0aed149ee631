"""The counts of a draft's rows."""

from __future__ import annotations

from moderation.admin.display import counts


def test_counts_stay_in_their_order_when_the_numbers_change() -> None:
    labels = ("posts.PostImage", "posts.Report")
    for numbers in ((2, 5), (5, 2), (3, 3)):
        found = counts(dict(reversed(list(zip(labels, numbers, strict=True)))))
        assert [each.noun for each in found] == ["pictures", "reports"]
