"""Which policy stands: how one is kept with its place and origin, and which one comes after it.

Owns the rule: what was sent over the API stands until the policy file says something new; the file, the default policy that comes
with the version, and the year up to which holidays are known are looked at together. Never reads a file and never asks the time.
"""

from dataclasses import replace

from streams.journal import KeptPolicy
from streams.policy.files import Bundle

__all__ = ["kept_policy", "successor"]


def kept_policy(bundle: Bundle, *, by: str, since_us: int, file_digest: str = "") -> KeptPolicy:
    """A bundle as the journal keeps it; `file_digest` is of the policy file where that is another one."""
    return KeptPolicy(since_us, bundle.name, by, file_digest or bundle.digest, bundle.packed())


def successor(kept: KeptPolicy, file: Bundle) -> Bundle | None:
    """What is to be adopted now that the file says this, None where the policy in force still stands."""
    in_force = Bundle.unpacked(kept.bundle)
    if file.digest != kept.file_digest:
        return file
    renewed = replace(in_force, ground=file.ground, year=file.year)
    return None if renewed == in_force else renewed
