"""Group the pictures and texts of a selection, so that a moderator looks at each once."""
