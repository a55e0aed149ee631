"""Formats of dates and times, by language. Others than these are Django's."""
