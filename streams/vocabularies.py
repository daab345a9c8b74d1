"""What a process remembers of names between requests: one vocabulary for each thread that judges.

Owns when they are begun anew. Law: a vocabulary is added to by one thread only, and holds keys of one secret.
"""

from __future__ import annotations

import threading

from engine.events import Vocabulary
from engine.keys import Secret

__all__ = ["Vocabularies"]


class Vocabularies:
    """Safe to ask from any thread."""

    def __init__(self) -> None:
        self._held = threading.local()

    def of(self, secret: Secret) -> Vocabulary:
        """The calling thread's; anew when it is full, or for another secret."""
        found: Vocabulary | None = getattr(self._held, "vocabulary", None)
        if found is None or found.full() or found.secret != secret:
            found = self._held.vocabulary = Vocabulary(secret)
        return found
