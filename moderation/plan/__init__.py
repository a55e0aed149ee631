"""What a deletion takes, told beforehand."""

from moderation.plan.graph import uncuttable_because
from moderation.plan.plan import Plan, digest_of, digest_of_slice, make_plan

__all__ = ["Plan", "digest_of", "digest_of_slice", "make_plan", "uncuttable_because"]
