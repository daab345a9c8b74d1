"""The life around the contacts: orders of each shop, staffing plans of each queue, heartbeats of each source.

Owns the regular events. Never touches a contact.
Law: every source beats every ten seconds; every shop reports once a minute; every queue's plan comes before
its interval.
"""

from streams.simulate.centre import SOURCES, Centre
from streams.simulate.demand import level
from streams.simulate.dice import Dice
from streams.simulate.timeline import Timeline

__all__ = ["HEARTBEAT_MS", "Background"]

HEARTBEAT_MS = 10_000
MINUTE_MS = 60_000
INTERVAL_MS = 30 * MINUTE_MS
INTERVALS_AHEAD = 4


class Background:
    """Puts the regular events on the agenda."""

    def __init__(self, centre: Centre, time: Timeline, dice: Dice) -> None:
        self.centre, self.time, self.dice = centre, time, dice
        weights = [1 / (index + 3) for index in range(centre.tenants)]
        self.shares = [weight / sum(weights) for weight in weights]

    def start(self) -> None:
        """Plan the first of each."""
        begin_ms = self.time.start_ms
        for index, source in enumerate(SOURCES):
            self.time.push(begin_ms + 100 + index * 700, self._beat, source)
        for tenant in range(self.centre.tenants):
            self.time.push(begin_ms + 1 + int(self.dice.random() * MINUTE_MS), self._sell, tenant)
        self.time.push(begin_ms, self._plan, 0)

    def _beat(self, now_ms: int, source: str) -> None:
        self.time.note(now_ms, source, "source.heartbeat", f',"source":"{source}"')
        self.time.push(now_ms + HEARTBEAT_MS, self._beat, source)

    def _sell(self, now_ms: int, tenant: int) -> None:
        shape = level(self.centre.day, self.time.hour(now_ms))
        count = self.dice.count(self.centre.orders_per_minute * self.shares[tenant] * shape)
        if count:
            amount = count * (60 + 90 * self.dice.random())
            more = f',"tenant":"shop-{tenant + 1:03d}","count":{count},"amount":{amount:.2f}'
            self.time.note(now_ms, "shop", "business.orders", more)
        self.time.push(now_ms + MINUTE_MS, self._sell, tenant)

    def _plan(self, now_ms: int, planned_to_ms: int) -> None:
        first_ms = max(now_ms - now_ms % INTERVAL_MS, planned_to_ms)
        last_ms = now_ms - now_ms % INTERVAL_MS + INTERVALS_AHEAD * INTERVAL_MS
        for begin_ms in range(first_ms, last_ms, INTERVAL_MS):
            shape = level(self.centre.staff_day, self.time.hour(begin_ms + INTERVAL_MS // 2))
            teams = {queue.team: 0.0 for queue in self.centre.queues}
            for queue in self.centre.queues:
                teams[queue.team] += queue.share
            for queue in self.centre.queues:
                part = queue.share / teams[queue.team]
                agents = round(self.centre.team_agents(queue.team) * part * shape)
                more = (
                    f',"queue":"{queue.name}","interval_start":{self.time.rfc3339(begin_ms)}'
                    f',"interval_end":{self.time.rfc3339(begin_ms + INTERVAL_MS)},"agents":{agents}'
                )
                self.time.note(now_ms, "planning", "staffing.planned", more)
        self.time.push(now_ms - now_ms % INTERVAL_MS + INTERVAL_MS, self._plan, last_ms)
