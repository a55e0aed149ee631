"""The ceilings of a removal, and what prevents the confirmation of a draft."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.apps import apps
from django.contrib.auth.models import AbstractUser
from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from moderation import conf
from moderation.db.server_time import DatabaseNow
from moderation.models import Removal
from moderation.removals.delete import is_shut_out, missing_permissions
from moderation.removals.permission_names import permission_names
from moderation.templatetags.moderation_numbers import grouped


def blockers_of(removal: Removal, actor: AbstractUser) -> Iterator[str]:
    """Yield what prevents the confirmation as sentences: protected rows, permissions, ceilings."""
    if not removal.objects_total:
        yield _("The selection is empty. Cancel the draft and select again.")
    objects = apps.get_model(removal.model_label)._meta.verbose_name_plural
    standing = Counter(removal.blockers.get("protected", {}))
    standing.update(removal.blockers.get("restricted", {}))
    for label, rows in standing.items():
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
    if is_shut_out(removal, actor):
        yield _("Your account may no longer use the admin.")
    if codes := missing_permissions(removal.permissions, actor):
        for name in permission_names(codes):
            yield _("You need the permission %(name)s to remove these. Ask an administrator.") % {
                "name": name}  # fmt: skip
    yield from ceilings(removal, actor)


def typed_count_needed(removal: Removal) -> bool:
    """Return whether the number of objects has to be typed to confirm."""
    return removal.objects_total >= conf.typed_count_from()


def ceilings(removal: Removal, actor: AbstractUser) -> Iterator[str]:
    """Yield what exceeds the ceilings of a removal or of a day, as sentences."""
    if actor.has_perm("moderation.exceed_ceilings"):
        return
    objects, ceiling = removal.objects_total, conf.removal_ceiling()
    plural = apps.get_model(removal.model_label)._meta.verbose_name_plural
    if objects > ceiling:
        yield _("You selected %(count)s %(objects)s; one removal may have at most %(ceiling)s. "
        "Select fewer, or ask someone who may exceed the limit.") % {
            "count": grouped(objects), "objects": plural, "ceiling": grouped(ceiling)}  # fmt: skip
    since = DatabaseNow(-timedelta(days=1))
    taken = Removal.objects.filter(actor_id=actor.pk, confirmed_at__gte=since).aggregate(
        total=Sum("objects_total", default=0)
    )["total"]
    if taken + objects > conf.daily_ceiling():
        says = _(
            "You removed %(count)s objects in the last 24 hours; the daily limit is %(ceiling)s. "
            "Select fewer, or ask someone who may exceed the limit."
        )
        yield says % {"count": grouped(taken), "ceiling": grouped(conf.daily_ceiling())}
