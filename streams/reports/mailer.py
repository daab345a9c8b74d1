"""The running service's way to send its reports: looks what is due, claims it, composes it, has it carried.

Owns the thread and what is counted. Never knows a protocol: `carry` does, and says why it failed. Law: a report of a period is sent once, by whichever of
the services on one store was first; what was due while none ran goes at once, of the newest period only.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from engine.errors import InvalidSetting
from engine.times import MINUTE_US
from streams.history.mailings import EMPTY, SENT, UNCERTAIN, Claim, Mailings
from streams.history.store import Store, StoreError
from streams.reports.letter import Message, composed
from streams.reports.letters import Letter
from streams.reports.periods import Period, newest

__all__ = ["Carry", "Mailer"]

LOOK_S = 10.0
#: The last quarter of an hour of a day is written some time after midnight; for so long it is waited for.
GRACE_US = 30 * MINUTE_US
STOP_S_MAX = 20.0
#: Sends, and returns "" or why it failed; raises nothing.
Carry = Callable[[Letter, Message], str]


class Mailer:
    """Construct, `start`, `stop`. `counts` has what became of reports, by outcome: `sent`, `failed`, `empty`, `uncertain`."""

    def __init__(
        self, letters: Sequence[Letter], store: Store, carry: Carry, formula: Callable[[], str], tell: Callable[[str], None],
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:  # fmt: skip
        self.counts: Counter[str] = Counter(sent=0, failed=0, empty=0, uncertain=0)
        self._letters = letters
        self._store = store
        self._mailings = Mailings(store)
        self._carry = carry
        self._formula = formula
        self._tell = tell
        self._now_us = now_us
        self._ended = threading.Event()
        self._troubled: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after what is being sent, or without it when that takes too long; it is then not sent again."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S_MAX)

    def look(self) -> None:
        """Sends what is due."""
        for letter in self._letters:
            if self._ended.is_set():
                return
            try:
                self._look_at(letter)
            except Exception as error:  # Whatever is wrong with one report, the others go out, and it is tried again.
                self.counts["failed"] += 1
                if letter.name not in self._troubled:
                    self._troubled.add(letter.name)
                    what = (
                        "the interval history cannot be used"
                        if isinstance(error, StoreError)
                        else "a fault of Floorwatch itself"
                    )
                    why = type(getattr(error, "orig", None) or error).__name__
                    self._tell(f"The report {letter.name} was not sent: {what} ({why}); it is tried again.")
            else:
                self._troubled.discard(letter.name)

    def _run(self) -> None:
        while not self._ended.is_set():
            self.look()
            self._ended.wait(LOOK_S)

    def _look_at(self, letter: Letter) -> None:
        now_us = self._now_us()
        if lost := self._mailings.lost(letter.name, now_us):
            self.counts[UNCERTAIN] += lost
            self._tell(
                f"The report {letter.name} was being sent when its service ended, and is not sent again: nobody knows whether it went; "
                f"floorwatch report send sends it."
            )
        period = newest(letter, now_us)
        if now_us < period.due_us + GRACE_US and not self._is_whole(letter, period):
            return
        claim = self._mailings.claim(letter.name, period.from_us, period.until_us, now_us)
        if claim:
            self._send(letter, period, claim)

    def _is_whole(self, letter: Letter, period: Period) -> bool:
        """Whether the last quarter of an hour is written."""
        spans = [self._store.span(rollup) for rollup in {"total", ",".join(letter.by) or "total"}]
        return all(span is not None and span[1] >= period.until_us for span in spans)

    def _send(self, letter: Letter, period: Period, claim: Claim) -> None:
        try:
            message = composed(
                self._store, letter, period, self._formula(), f"{claim.name}.{claim.until_us}.{claim.since_us}"
            )
        except InvalidSetting as error:
            self._put_off(letter, claim, str(error))
            return
        if message is None:
            self.counts[EMPTY] += 1
            self._mailings.settle(claim, EMPTY)
        elif self._mailings.begin(claim, self._now_us()):
            if failure := self._carry(letter, message):
                self._put_off(letter, claim, failure)
            else:
                self.counts[SENT] += 1
                self._mailings.settle(claim, SENT)

    def _put_off(self, letter: Letter, claim: Claim, failure: str) -> None:
        again = self._mailings.put_off(claim, self._now_us())
        self._failed(letter, f"{failure}; {'it is tried again' if again else 'it is given up'}")

    def _failed(self, letter: Letter, why: str) -> None:
        self.counts["failed"] += 1
        self._tell(f"The report {letter.name} was not sent: {why}.")
