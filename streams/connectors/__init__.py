"""Connectors: the systems that centres have, told in the public event format."""
