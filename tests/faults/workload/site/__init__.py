"""Models that own or name files in the default storage in every way that a site may use."""

DEFAULT_BADGE = "badges/default.png"  # used by every row without its own file
