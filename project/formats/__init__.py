"""Formats of dates and times, by language. What is missing here is as in Django."""
