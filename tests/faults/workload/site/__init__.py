"""Models that own or name files on the default storage in every way that a site may."""

DEFAULT_BADGE = "badges/default.png"  # of every row that has no file of its own
