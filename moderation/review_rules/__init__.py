"""Find the objects of a selection that differ from the rest, to be checked first."""

from moderation.registry.review_rule import ReviewRule, review_rule

__all__ = ["ReviewRule", "review_rule"]
