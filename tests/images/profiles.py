"""Colour profiles for the catalogue."""

from __future__ import annotations

from moderation.images.colour import DISPLAY_P3, REC_2020, SRGB, write_profile

# Red and blue are swapped.
SWAPPED_PRIMARIES = (0.15, 0.06, 0.3, 0.6, 0.64, 0.33, 0.3127, 0.329)

PROFILES = {
    "srgb": write_profile(2.2, SRGB),
    "swapped": write_profile(2.2, SWAPPED_PRIMARIES),
    "p3": write_profile(2.2, DISPLAY_P3),
    "rec2020": write_profile(2.4, REC_2020),
    "linear": write_profile(1.0, SRGB),
    "dark": write_profile(4.0, SRGB),
}
BROKEN = {
    "empty-profile": b"",
    "short-profile": b"profile",
    "cut-profile": PROFILES["swapped"][:200],
    "cmyk-space": PROFILES["swapped"][:16] + b"CMYK" + PROFILES["swapped"][20:],
}
