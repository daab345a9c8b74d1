"""The wall on the floor: one page, its style and its script, and the HTTP outputs that feed it."""
