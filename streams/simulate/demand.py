"""How many customers come, and when: the day's curve, its slow swings and the arrivals drawn from them.

Owns rates. Never knows who the customer is or what becomes of him.
Law: arrivals are a Poisson process whose rate is the curve; nothing that happens in the centre changes it.
"""

import math
from collections.abc import Callable

from streams.simulate.centre import TEAMS, Centre
from streams.simulate.dice import Dice
from streams.simulate.timeline import Timeline

__all__ = ["LOAD_DELAY", "WRITTEN_SLOTS", "Demand", "level"]

REDRAW_MS = 30_000
SWINGS_MS = (1_380_000, 420_000)  # 23 and 7 minutes: they never fall into step within a shift.
# A run begins with nobody inside; a rush in its first minutes stands for those who would have been.
RUSH, RUSH_FADE_SHARE = 1.6, 0.4
# Small teams need slack: the square-root rule of staffing.
SLACK = 0.45
# Share of a logged-on agent's time left for contacts after breaks, meetings and training.
WORKING_SHARE = 0.86
# Slot seconds one contact takes of a person, after-contact work included. Of a chat the second part grows
# with the load of the person. Measured; a test holds the occupancy that follows from them in its bounds.
HANDLE_S = {"phone": 250.0, "written": 520.0}
CHAT_S, CHAT_REPLIES_S, LOAD_DELAY = 225.0, 96.0, 0.13
WRITTEN_SLOTS = 2


def level(day: tuple[float, ...], hour: float) -> float:
    """The curve at a local hour in [0, 24): straight lines between the middles of the hours."""
    at = (hour - 0.5) % 24
    index = int(at)
    part = at - index
    return day[index] * (1 - part) + day[(index + 1) % 24] * part


class Demand:
    """One stream of arrivals a team; each arrival calls `arrive(now_ms, team)`."""

    def __init__(
        self,
        centre: Centre,
        time: Timeline,
        dice: Dice,
        arrive: Callable[[int, str], None],
        factor: Callable[[int, str], float],
    ) -> None:
        self.centre, self.time, self.dice, self.arrive = centre, time, dice, arrive
        self.factor = factor
        self.peak_per_s = {team: peak_per_s(centre, team) for team in TEAMS}
        self.fade_ms = {team: RUSH_FADE_SHARE * 1000 * handle_s(centre, team) for team in TEAMS}
        self.rates: dict[str, float] = {}
        self.rated: dict[str, int] = {}  # the second for which the rate was reckoned

    def start(self) -> None:
        """Put the first arrival of each team on the agenda."""
        for team, rate in self.peak_per_s.items():
            if rate > 0:
                self._next(self.time.start_ms, team)

    def rate_per_s(self, at_ms: int, team: str) -> float:
        """Expected arrivals of the team at the instant."""
        swing = sum(math.sin(2 * math.pi * at_ms / period) for period in SWINGS_MS) / len(SWINGS_MS)
        shape = level(self.centre.day, self.time.hour(at_ms))
        since_ms = at_ms - self.time.start_ms
        rush = 1 + RUSH * math.exp(-since_ms / self.fade_ms[team])
        return self.peak_per_s[team] * shape * rush * (1 + self.centre.wave * swing) * self.factor(at_ms, team)

    def _next(self, now_ms: int, team: str) -> None:
        # A gap that outlives the redraw interval is thrown away and drawn anew: the process has no memory.
        second = now_ms // 1000
        if second != self.rated.get(team):
            self.rated[team] = second
            self.rates[team] = max(self.rate_per_s(now_ms, team), 1e-9)
        gap_ms = self.dice.gap_ms(self.rates[team])
        if gap_ms > REDRAW_MS:
            self.time.push(now_ms + REDRAW_MS, self._next, team)
        else:
            self.time.push(now_ms + int(gap_ms) + (self.dice.random() < gap_ms % 1), self._come, team)

    def _come(self, now_ms: int, team: str) -> None:
        self.arrive(now_ms, team)
        self._next(now_ms, team)


def peak_per_s(centre: Centre, team: str) -> float:
    """Arrivals a second at the busiest hour that keep the team at the centre's utilisation."""
    chat = team == "chat"
    slots = centre.team_agents(team) * (
        sum(centre.chat_slots) / 2 if chat else WRITTEN_SLOTS if team == "written" else 1
    )
    if not slots:
        return 0.0
    load = centre.utilisation * (1 - SLACK / math.sqrt(slots)) * slots * WORKING_SHARE
    return load / handle_s(centre, team) / (1 - centre.bot_share if chat else 1)


def handle_s(centre: Centre, team: str) -> float:
    """Expected slot seconds of one contact that a person serves."""
    if team != "chat":
        return HANDLE_S[team]
    load = max(centre.utilisation * sum(centre.chat_slots) / 2, 1.0)
    return (CHAT_S + CHAT_REPLIES_S * (1 + LOAD_DELAY * (load - 1))) / centre.pace
