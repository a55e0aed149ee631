"""A second content app for the tests: other keys, another storage, every type of relation."""
