"""How many contacts are expected of each queue, quarter by quarter of this day and those beside it: the forecast from the interval history, ready for the live outlook.

Owns when it is made anew, and the thread that makes it: reading weeks of history would hold up the engine's. Never judges. Law: only days that are over teach; a queue of
which fewer than `DAYS_LEAST` days are known has no forecast, and what asks for it goes on as if there were no history.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.capacity.forecast import forecast
from engine.capacity.outlook import QUARTER
from engine.policy import Policy
from engine.times import DAY_US, MINUTE_US, SECOND_US, local_midnight_us
from streams.capacity.counts import Counts, counts_by_day, weekday_of
from streams.capacity.events import Named, named_days
from streams.history.store import Store, StoreError

__all__ = ["DAYS_LEAST", "QUEUES_MAX", "WEEKS", "Curves", "Expected", "curves"]

Values = NDArray[np.float64]
#: So many weeks are read: what is older counts for next to nothing.
WEEKS = 8
DAYS_LEAST = 7
#: Those to which most came; the others go by what comes in now.
QUEUES_MAX = 500
_QUARTER_US = QUARTER * MINUTE_US
#: From one making to the next: yesterday may still be corrected.
_EVERY_S = 3_600.0
#: After each queue, so that the engine's thread gets its turn.
_PAUSE_S = 0.002


class _Ended(Exception):
    """The service stops while a forecast is made."""


@dataclass(frozen=True)
class Curves:
    """Contacts a minute by queue, at the middles of quarters of an hour from yesterday's midnight on until tomorrow's end."""

    middles_us: NDArray[np.int64]
    of: dict[str, Values]

    def usual(self, queues: Sequence[str], from_us: int, minutes: int) -> Values | None:
        """(queues, minutes) contacts in each minute from an instant on; NaN for queues without a forecast and instants beyond it."""
        if not self.of:
            return None
        at_us = from_us + np.arange(minutes) * MINUTE_US + MINUTE_US // 2
        inside = (at_us > self.middles_us[0] - _QUARTER_US) & (at_us < self.middles_us[-1] + _QUARTER_US)
        found = np.full((len(queues), minutes), np.nan)
        for row, queue in enumerate(queues):
            if (curve := self.of.get(queue)) is not None:
                found[row, inside] = np.interp(at_us[inside], self.middles_us, curve)
        return found


def curves(
    counts: Counts, zone: ZoneInfo, now_us: int, said: Sequence[Named] = (), policy: Policy | None = None,
    pause: Callable[[], None] = lambda: None,
) -> Curves:  # fmt: skip
    """Forecasts of yesterday, today and tomorrow, from quarters of an hour of the days before today; yesterday's from those before it."""
    today_us = local_midnight_us(now_us, zone)
    days_us = [local_midnight_us(today_us + DAY_US // 2, zone, days=days) for days in (-1, 0, 1, 2)]
    known = counts.until(today_us)
    names, ahead = (named_days(of, zone, said, policy) for of in (known.midnights_us, days_us[:3]))
    weekdays = [weekday_of(at_us, zone) for at_us in known.midnights_us]
    wanted = [weekday_of(at_us, zone) for at_us in days_us[:3]]
    # On a day of another length the last quarters are not there, or repeat the last.
    slots = [(days_us[day + 1] - days_us[day]) // _QUARTER_US for day in range(3)]
    middles = np.concatenate(
        [days_us[day] + np.arange(slots[day]) * _QUARTER_US + _QUARTER_US // 2 for day in range(3)]
    )
    most = sorted(known.of, key=lambda name: -float(np.nansum(known.of[name])))[:QUEUES_MAX]
    found: dict[str, Values] = {}
    for name in most:
        came, rows = known.of[name], []
        for day in range(3):
            before = [at for at, at_us in enumerate(known.midnights_us) if at_us < days_us[day]]
            made = forecast(
                came[before], [weekdays[at] for at in before], wanted[day], events=[names[at] for at in before], event=ahead[day]
            )  # fmt: skip
            rows.append(made.mean[np.minimum(np.arange(slots[day]), len(made.mean) - 1)] / QUARTER)
            if made.known_days < DAYS_LEAST - (day == 0):
                break
        else:
            found[name[0]] = np.concatenate(rows)
        pause()
    return Curves(middles.astype(np.int64), found)


class Expected:
    """Construct, `start`, ask for `usual` from any thread, `stop`."""

    def __init__(
        self, store: Store, zone: ZoneInfo, policy: Callable[[], Policy], said: Sequence[Named], tell: Callable[[str], None],
        now_us: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:  # fmt: skip
        self._store, self._zone, self._policy, self._said = store, zone, policy, said
        self._tell, self._now_us = tell, now_us
        self._curves = Curves(np.empty(0, np.int64), {})
        self._is_troubled = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="forecast", daemon=True)

    def start(self) -> None:
        """Makes the forecast, and makes it anew every hour and behind each midnight."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the queue that is worked on."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def usual(self, queues: Sequence[str], from_us: int, minutes: int) -> Values | None:
        """See `Curves.usual`; None as long as there is no forecast."""
        return self._curves.usual(queues, from_us, minutes)

    def make(self) -> None:
        """Makes it now."""
        now_us = self._now_us()
        try:
            counts = counts_by_day(self._store, "queue", self._zone, _QUARTER_US, now_us - WEEKS * 7 * DAY_US)
        except StoreError as error:
            if not self._is_troubled:
                self._tell(
                    f"The interval history cannot be read for the forecast: {type(getattr(error, 'orig', None) or error).__name__}; it is tried again."
                )
            self._is_troubled = True
            return
        self._is_troubled = False
        self._curves = curves(counts, self._zone, now_us, self._said, self._policy(), self._pause)

    def _run(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(_Ended):
                self.make()
            now_us = self._now_us()
            midnight_us = local_midnight_us(now_us, self._zone, days=1)
            self._ended.wait(min(_EVERY_S, (midnight_us - now_us) / SECOND_US + 1))

    def _pause(self) -> None:
        if self._ended.wait(_PAUSE_S):
            raise _Ended
