"""What a deletion takes, told beforehand."""

from moderation.cascade.plan import Plan
from moderation.cascade.preview import Shown, digest_of, digest_of_slice, json_key
from moderation.cascade.relations import uncuttable_because
from moderation.cascade.walk import make_plan

__all__ = [
    "Plan",
    "Shown",
    "digest_of",
    "digest_of_slice",
    "json_key",
    "make_plan",
    "uncuttable_because",
]
