"""`make bench`: compare this app with the alternatives, in the same run."""
