"""The policy of a running service: taken anew when its file changes, when a signal asks, or when somebody sends one.

Owns what is told of it: what was refused and why, how often what came of an offer. Never touches the engine: it hands
policies to the service, one at a time, and waits until each holds.

Law: whole or not at all. What cannot be taken leaves the policy in force as it was, and says why with file and line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass

from engine.errors import InvalidSetting
from engine.policy import Policy
from engine.source import InvalidFile
from streams.gateway import Busy
from streams.journal import JournalError, KeptPolicy
from streams.policy.difference import Difference, differences
from streams.policy.files import Bundle, Nothing
from streams.policy.reading import bundled, unbundled
from streams.policy.standing import kept_policy, successor
from streams.policy.watching import PolicyFile
from streams.publishing import Station

__all__ = ["Refused", "Reloading", "Taken"]

SENT = "sent"
"""How a policy is called that came over the API."""
HELD_S_MAX = 60.0
"""The engine's thread is taken for dead after so long with a policy."""


class Refused(Exception):
    """What was offered is no policy, or none that the engine can go on with; `faults` are whole sentences."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Taken:
    """What came of an offer: whether another policy holds now, and what it changes."""

    is_new: bool
    differences: tuple[Difference, ...] = ()


class Reloading:
    """Safe to call from any thread; a call may take as long as the engine takes to follow."""

    def __init__(
        self,
        embedded: Station,
        file: PolicyFile,
        tell: Callable[[str], None],
        note: Callable[..., None] = lambda what, **told: None,
    ) -> None:
        """`note` is the audit trail's: what was done, and the words of it by name."""
        self._note = note
        self._embedded = embedded
        self._file = file
        self._tell = tell
        self._lock = threading.Lock()

    def look(self) -> None:
        """Take the file's policy if it has changed. To be called every second or so."""
        with self._lock:
            if self._file.has_changed():
                self._reload("file")

    def reload(self) -> None:
        """Read the file and all that it names, changed or not, because a signal asks."""
        with self._lock:
            self._reload("signal")

    def send(self, text: bytes) -> Taken:
        """A policy from outside; it holds until the file changes. Raises Refused, and Busy where nothing can be taken now."""
        with self._lock:
            try:
                bundle, policy = bundled(text, SENT, Nothing(SENT))
                kept = self._in_force()
                if bundle == Bundle.unpacked(kept.bundle):
                    return self._count(Taken(is_new=False))
                return self._adopt(bundle, policy, "api", kept.file_digest)
            except InvalidSetting as fault:
                faults = _sentences(fault)
                self._embedded.refuse(*faults)
                raise Refused(*faults) from None

    def _reload(self, by: str) -> None:
        try:
            bundle, _ = self._file.read()
            wanted = successor(self._in_force(), bundle)
            if wanted is not None:
                self._adopt(wanted, unbundled(wanted), by, bundle.digest)
            elif self._embedded.refused or by == "signal":
                self._embedded.refused = ()
                self._count(Taken(is_new=False))
                self._tell("The policy's file says nothing new; the policy in force stays.")
        except OSError as error:
            self._embedded.refuse(f"{self._file.path}: the file cannot be read: {error.strerror}; put it back")
        except InvalidSetting as fault:
            self._embedded.refuse(*_sentences(fault))
        except (Busy, JournalError) as error:
            self._file.read_again()
            self._tell(f"The policy could not be taken now and will be tried again: {error}")

    def _in_force(self) -> KeptPolicy:
        kept = self._embedded.policy
        if kept is None:
            raise Busy(503, "The service is replaying its journal; nothing was stored, send it again later.")
        return kept

    def _adopt(self, bundle: Bundle, policy: Policy, by: str, file_digest: str) -> Taken:
        found = tuple(differences(self._embedded.policy_held, policy))
        kept = kept_policy(bundle, by=by, since_us=time.time_ns() // 1_000, file_digest=file_digest)
        try:
            self._embedded.adopt(kept, policy).result(HELD_S_MAX)
        except (TimeoutError, CancelledError):
            raise Busy(503, "The service is stopping; the policy may hold or not after it starts again.") from None
        self._embedded.refused = ()
        changed = ", ".join(difference.of for difference in found) or "no limit"
        self._tell(f"The policy {bundle.name} holds from now on; it changes {changed}.")
        self._note("policy adopted", by=by, policy=bundle.name, changes=changed)
        return self._count(Taken(is_new=True, differences=found))

    def _count(self, taken: Taken) -> Taken:
        self._embedded.vitals.policy_reloads["adopted" if taken.is_new else "unchanged"] += 1
        return taken


def _sentences(fault: InvalidSetting) -> tuple[str, ...]:
    return fault.faults if isinstance(fault, InvalidFile) else (str(fault),)
