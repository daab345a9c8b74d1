"""What nobody planned: customers of one team who all come at once, and people of one team who are called away.

Owns when and how much, drawn before the run. Never moves a person and opens no contact. Law: a centre without troubles draws nothing here, so its lines are
what they were.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from streams.simulate.centre import TEAMS, Centre
from streams.simulate.demand import level
from streams.simulate.dice import Dice
from streams.simulate.timeline import DAY_MS, Timeline

__all__ = ["Trouble", "Troubles"]

MINUTE_MS = 60_000
LASTS_MINUTES = 60, 150
RISES_MS = 15 * MINUTE_MS
MORE, FEWER = (0.25, 0.7), (0.15, 0.4)
#: Nobody would notice it at night.
BUSY = 0.4


@dataclass(frozen=True, slots=True)
class Trouble:
    """From `begin_ms` on for `length_ms`: so much more of the team's customers come, or that share of its people is away."""

    team: str
    begin_ms: int
    length_ms: int
    more: float = 0.0
    away: float = 0.0


class Troubles:
    """Those of a run; as many a day as the centre says, on days that begin with the run."""

    def __init__(self, centre: Centre, time: Timeline, seed: int) -> None:
        self._centre, self._time, self._seed = centre, time, seed
        self._drawn: dict[int, list[Trouble]] = {}

    def factor(self, at_ms: int, team: str) -> float:
        """How many times as many come as on a day without."""
        more = 0.0
        for trouble in self.near(at_ms):
            since_ms = at_ms - trouble.begin_ms
            if trouble.team == team and 0 <= since_ms < trouble.length_ms:
                more += trouble.more * min(since_ms / RISES_MS, 1.0)
        return 1 + more

    def near(self, at_ms: int) -> Iterator[Trouble]:
        """Those that begin on this day of the run or the one before."""
        if not self._centre.troubles:
            return
        day = (at_ms - self._centre.start_ms) // DAY_MS
        for one in (day - 1, day):
            if one >= 0:
                yield from self.of_day(one)

    def of_day(self, day: int) -> list[Trouble]:
        """Those that begin on a day of the run, the first being 0."""
        if day not in self._drawn:
            dice = Dice(self._seed * 1_000_003 + day)
            self._drawn = {
                day - 1: self._drawn.get(day - 1, []),
                day: [self._draw(dice, day) for _ in range(self._centre.troubles)],
            }
        return self._drawn[day]

    def _draw(self, dice: Dice, day: int) -> Trouble:
        while True:
            begin_ms = self._centre.start_ms + day * DAY_MS + int(dice.random() * DAY_MS)
            if level(self._centre.day, self._time.hour(begin_ms)) >= BUSY:
                break
        low, high = LASTS_MINUTES
        length_ms = int((low + (high - low) * dice.random()) * MINUTE_MS)
        team = TEAMS[int(dice.random() * 2)]
        if dice.random() < 0.5:
            return Trouble(team, begin_ms, length_ms, more=MORE[0] + (MORE[1] - MORE[0]) * dice.random())
        return Trouble(team, begin_ms, length_ms, away=FEWER[0] + (FEWER[1] - FEWER[0]) * dice.random())
