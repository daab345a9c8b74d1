"""Arbitrary bytes against the decoder, the HTTP intake and the running service."""
