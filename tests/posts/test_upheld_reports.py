"""Reports about removed posts count as upheld."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Sum

from moderation.db import server_time
from moderation.models import Removal
from moderation.removals import delete
from moderation.removals.delete import delete_next_batch
from posts.models import Post, UpheldReports
from posts.reports import dismiss_reports
from tests.helpers import confirmed, drafted
from tests.posts.reporters import report_all, states, user

MakePosts = Callable[..., list[Post]]
pytestmark = pytest.mark.django_db


def upheld() -> dict[str, int]:
    """Return the number of upheld reports by reporter name."""
    rows = UpheldReports.objects.values_list("reporter__username").annotate(Sum("number"))
    return dict(rows)


def remove(rows: list[Any], moderator: User) -> Removal:
    removal = confirmed(drafted(rows, moderator), moderator)
    while delete_next_batch(removal.pk):
        pass
    removal.refresh_from_db()
    assert not removal.batches.filter(state="failed").exists(), removal.batches.get().error
    return removal


@pytest.mark.django_db(transaction=True)
def test_reports_about_removed_posts_count_as_upheld_even_if_dismissed(
    make_posts: MakePosts, moderator: User, settings: Any
) -> None:
    settings.MODERATION_BATCH_OBJECTS = 2
    posts = make_posts(4)
    report_all(posts, "ann")
    report_all(posts[:1], "bob")
    dismiss_reports(Post.objects.filter(pk=posts[0].pk), actor=moderator)
    before, removal = server_time.now(), remove(posts[:3], moderator)
    assert upheld() == {"ann": 3, "bob": 1}
    assert states() == ["open"]
    assert UpheldReports.objects.count() == 3  # one row for each batch and reporter
    for row in UpheldReports.objects.all():
        assert row.removal_number == removal.pk  # whose actor upheld them
        assert before <= row.upheld_at <= server_time.now()
    removal.delete()
    assert upheld() == {"ann": 3, "bob": 1}


@pytest.mark.django_db(transaction=True)
def test_a_removal_of_users_upholds_reports_about_their_posts_but_keeps_no_record_of_them(
    make_posts: MakePosts, moderator: User
) -> None:
    moderator.is_superuser = True
    moderator.save()
    spam, fine = make_posts(2, author="spammer"), make_posts(1, author="regular")
    report_all(spam, "ann", "accomplice")
    report_all(fine, "ann", "accomplice")
    UpheldReports.objects.create(reporter=user("accomplice"), number=5, removal_number=1)
    remove([user("spammer"), user("accomplice")], moderator)
    assert upheld() == {"ann": 2}
    assert UpheldReports.objects.count() == 1
    assert states() == ["open"]  # Ann's report about the other post


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_rolled_back_upholds_nothing(
    make_posts: MakePosts, moderator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = make_posts(2)
    report_all(posts, "ann")

    def differ(*_: Any) -> None:
        raise delete.CountDiffers("not all rows")

    monkeypatch.setattr(delete, "_check_count", differ)
    removal = confirmed(drafted(posts, moderator), moderator)
    delete.delete_next_batch(removal.pk)
    assert upheld() == {}
    assert states() == ["open", "open"]
