"""What a deletion takes, told beforehand."""

from moderation.plan.graph import uncuttable_because
from moderation.plan.plan import Plan
from moderation.plan.shown import Shown, digest_of, digest_of_slice, json_key
from moderation.plan.walk import make_plan

__all__ = [
    "Plan",
    "Shown",
    "digest_of",
    "digest_of_slice",
    "json_key",
    "make_plan",
    "uncuttable_because",
]
