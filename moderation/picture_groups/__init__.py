"""Group the pictures of a selection, so that a moderator looks at each picture once."""
