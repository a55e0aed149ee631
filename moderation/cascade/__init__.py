"""Compute beforehand what a deletion will delete: its plan, and the preview of each object."""

from moderation.cascade.plan import Plan
from moderation.cascade.preview import Preview, digest_of, digest_of_batch, json_key
from moderation.cascade.relations import indivisible_reason
from moderation.cascade.walk import make_plan

__all__ = [
    "Plan",
    "Preview",
    "digest_of",
    "digest_of_batch",
    "indivisible_reason",
    "json_key",
    "make_plan",
]
