"""The working day in motion: people log on, step out, come back and go home.

Owns the instants of duty. Never gives anybody a contact; it tells the routing that somebody is free or gone.
Law: everyone who is on shift when the run begins is on duty within its first two seconds.
"""

from streams.simulate.dice import Dice
from streams.simulate.people import SHIFT_MS, Agent, pauses
from streams.simulate.routing import Routing
from streams.simulate.timeline import DAY_MS, Timeline
from streams.simulate.troubles import Trouble, Troubles

__all__ = ["Shifts"]


class Shifts:
    """Moves the roster through its days."""

    def __init__(self, time: Timeline, dice: Dice, routing: Routing, people: list[Agent], troubles: Troubles) -> None:
        self.troubles = troubles
        self.time, self.dice, self.routing, self.people = time, dice, routing, people
        routing.idle = self.idle

    def start(self) -> None:
        """Log on those whose shift is running, and plan the log-on of the others."""
        begin_ms = self.time.start_ms
        for agent in self.people:
            following_ms = self.time.next_at(begin_ms, agent.shift_day_ms)
            begun_ms = following_ms - DAY_MS
            if begun_ms + SHIFT_MS > begin_ms + 2_000:
                self._log_on(begin_ms, agent, begun_ms)
            else:
                self.time.push(following_ms, self._come, agent)
        self._expect(begin_ms, 0)

    def idle(self, now_ms: int, agent: Agent) -> None:
        """His last contact is done: take the pause or go home, if he was about to."""
        if agent.leaving:
            agent.duty = agent.leaving = agent.out = False
            agent.away = ""
            self.time.push(self.time.next_at(now_ms, agent.shift_day_ms), self._come, agent)
        elif agent.away and not agent.out:
            agent.out = True
            self.time.push(now_ms + agent.away_ms, self._return, agent)

    def _come(self, now_ms: int, agent: Agent) -> None:
        if agent.duty:
            # Overtime has reached the next shift's start; he works on and logs on the day after.
            self.time.push(self.time.next_at(now_ms + 1, agent.shift_day_ms), self._come, agent)
            return
        self._log_on(now_ms, agent, now_ms)

    def _expect(self, now_ms: int, day: int) -> None:
        # Each day is planned when it begins, for a run may have no end.
        troubles = self.troubles.of_day(day)
        for trouble in troubles:
            self.time.push(max(trouble.begin_ms, now_ms + 2_500), self._call_away, trouble)
        if troubles:
            self.time.push(now_ms + DAY_MS, self._expect, day + 1)

    def _call_away(self, now_ms: int, trouble: Trouble) -> None:
        for agent in self.people:
            if trouble.away and agent.team == trouble.team and agent.duty and self.dice.random() < trouble.away:
                self._step_out(now_ms, (agent, "training", trouble.length_ms))

    def _log_on(self, now_ms: int, agent: Agent, begun_ms: int) -> None:
        for at_ms, kind, length_ms in pauses(self.dice, begun_ms):
            if at_ms + length_ms <= now_ms:
                continue
            left_ms = at_ms + length_ms - max(at_ms, now_ms)
            self.time.push(max(at_ms, now_ms + 2_500), self._step_out, (agent, kind, left_ms))
        self.time.push(begun_ms + SHIFT_MS, self._go, agent)
        self.time.push(now_ms + 1 + int(self.dice.random() * 1_900), self._ready, agent)

    def _ready(self, now_ms: int, agent: Agent) -> None:
        agent.duty = True
        self.routing.feed(now_ms, agent)

    def _step_out(self, now_ms: int, planned: tuple[Agent, str, int]) -> None:
        agent, kind, length_ms = planned
        if agent.duty and not agent.away and not agent.leaving:
            agent.away, agent.away_ms = kind, length_ms
            self.routing.feed(now_ms, agent)

    def _return(self, now_ms: int, agent: Agent) -> None:
        agent.away, agent.out = "", False
        self.routing.feed(now_ms, agent)

    def _go(self, now_ms: int, agent: Agent) -> None:
        if agent.duty:
            agent.leaving = True
            if agent.out:
                agent.away, agent.out = "", False
            self.routing.feed(now_ms, agent)
