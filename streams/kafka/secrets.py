"""What all workers and gateways of an installation derive from the one secret that they share.

Owns the derivation: the keys of the engine, so that what one worker kept another goes on with, and the pseudonyms of customers, so
that a customer is the same whichever gateway or worker met him. Never shows the secret or what comes of it.
"""

from __future__ import annotations

import hashlib
import hmac

from engine.keys import SECRET_BYTES, Secret
from streams.intake import Pseudonyms
from streams.kafka.settings import KafkaSettings
from streams.negative import NegativeWords
from streams.settings import SettingsError

__all__ = ["pseudonyms_of", "secret_of"]


def secret_of(settings: KafkaSettings) -> Secret:
    """What the engine's keys are made with. Raises SettingsError where no secret is set."""
    return Secret(_derived(settings, b"keys of the engine")[:SECRET_BYTES])


def pseudonyms_of(settings: KafkaSettings, words: NegativeWords | None = None) -> Pseudonyms:
    """How customers are called. Raises SettingsError where no secret is set."""
    return Pseudonyms(_derived(settings, b"pseudonyms of customers"), words)


def _derived(settings: KafkaSettings, what: bytes) -> bytes:
    if settings.secret is None:
        raise SettingsError(
            "No secret is set, from which keys and pseudonyms are made; set FLOORWATCH_KAFKA_SECRET or "
            "FLOORWATCH_KAFKA_SECRET_FILE to the same at least 16 bytes for all workers and gateways."
        )
    return hmac.digest(settings.secret.encode(), what, hashlib.sha256)
