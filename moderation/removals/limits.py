"""The limits of removals, and what prevents the confirmation of a draft."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation import conf
from moderation.db.server_time import DatabaseNow
from moderation.models import Removal
from moderation.removals.delete import has_lost_staff_status, missing_permissions
from moderation.removals.permission_names import permission_names
from moderation.templatetags.moderation_numbers import grouped

# The most objects, batches or files that a page or a message names. It only counts the others.
MAX_NAMED = 20


def lock_actor(actor: AbstractUser) -> None:
    """Lock the row of an actor until the transaction ends.

    Without it, two concurrent requests of one moderator would each miss what the other one counts
    towards the limits of open drafts and of removals per day.
    """
    get_user_model()._base_manager.select_for_update(no_key=True).filter(pk=actor.pk).first()


def blockers_of(removal: Removal, actor: AbstractUser) -> Iterator[str]:
    """Yield a sentence for everything that prevents the confirmation of a draft.

    This can be an empty selection, rows that protect or restrict objects, lost staff status, a
    missing permission or a ceiling.
    """
    if not removal.objects_total and removal.kept_total:
        yield _(
            "You kept everything that was selected. Return something to the selection, or cancel."
        )
    elif not removal.objects_total:
        yield _("The selection is empty. Cancel the draft and select again.")
    objects = apps.get_model(removal.model_label)._meta.verbose_name_plural
    blocking = Counter(removal.blockers.get("protected", {}))
    blocking.update(removal.blockers.get("restricted", {}))
    for label, rows in blocking.items():
        referring = apps.get_model(label)._meta
        yield ngettext(
            "%(number)s %(row)s still refers to these %(objects)s. Remove the %(row)s first, or "
            "keep the %(objects)s that it refers to.",
            "%(number)s %(rows)s still refer to these %(objects)s. Remove the %(rows)s first, or "
            "keep the %(objects)s that they refer to.",
            rows,
        ) % {
            "number": grouped(rows),
            "row": referring.verbose_name,
            "rows": referring.verbose_name_plural,
            "objects": objects,
        }
    yield from missing_rights(removal, actor)
    yield from ceilings(removal, actor)


def missing_rights(removal: Removal, actor: AbstractUser) -> Iterator[str]:
    """Yield a sentence if the actor is no longer staff, and for each permission that is missing."""
    if has_lost_staff_status(removal, actor):
        yield _("Your account may no longer use the admin.")
    if codes := missing_permissions(removal.permissions, actor):
        for name in permission_names(codes):
            yield _("You need the permission %(name)s to remove these. Ask an administrator.") % {
                "name": name}  # fmt: skip


def typed_count_needed(removal: Removal) -> bool:
    """Return whether the number of objects has to be typed to confirm."""
    return removal.objects_total >= conf.typed_count_from()


def ceilings(removal: Removal, actor: AbstractUser) -> Iterator[str]:
    """Yield a sentence for each ceiling, for one removal or for a day, that a draft exceeds."""
    if actor.has_perm("moderation.exceed_ceilings"):
        return
    objects, ceiling = removal.objects_total, conf.removal_ceiling()
    plural = apps.get_model(removal.model_label)._meta.verbose_name_plural
    if objects > ceiling:
        yield _("You selected %(count)s %(objects)s; the limit for one removal is %(ceiling)s. "
        "Select fewer, or ask someone who may exceed the limit.") % {
            "count": grouped(objects), "objects": plural, "ceiling": grouped(ceiling)}  # fmt: skip
    since = DatabaseNow(-timedelta(days=1))
    confirmed = Removal.objects.filter(actor_id=actor.pk, confirmed_at__gte=since).aggregate(
        total=Sum("objects_total", default=0)
    )["total"]
    if confirmed + objects > conf.daily_ceiling():
        text = _(
            "In the last 24 hours, you removed %(count)s of the %(ceiling)s objects that you may "
            "remove in a day. Select fewer, or ask someone who may exceed the limit."
        )
        yield text % {"count": grouped(confirmed), "ceiling": grouped(conf.daily_ceiling())}
