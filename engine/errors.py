"""What the engine raises: a setting it refuses, and an invariant that does not hold. Bad data is never an exception."""

__all__ = ["BrokenInvariant", "InvalidSetting"]


class InvalidSetting(ValueError):
    """A setting that cannot be used. The message says the fact, the detail, and what to do."""


class BrokenInvariant(RuntimeError):
    """The engine's own state contradicts itself: figures can no longer be trusted, so the process must stop."""
