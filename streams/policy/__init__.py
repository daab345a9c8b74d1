"""The policy as people write it: read from a file, explained, and tried on what was recorded."""
