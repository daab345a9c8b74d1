"""The list of alerts as the API and the wall have it: what is raised, who has it, at which level it stands, who is told next and when.

Owns the row of an alert, and how often the store is asked however many look. Never decides. Law: what somebody did is in the next list that
this hub gives.
"""

import asyncio
import time
from typing import Any

from alerts.alert import LIVE, NOTIFIED, OPEN, Alert
from alerts.plan import Plan
from alerts.store import Store
from alerts.wording import headline

__all__ = ["FRESH_S", "LISTED_MAX", "Listing", "row_of"]

LISTED_MAX = 1_000
FRESH_S = 0.5
"""For so long all who ask get what was read once; what another hub did is shown no later."""
_ASKED_MAX = 8


class Listing:
    """To be asked on the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._read: dict[tuple[bool, int], tuple[float, list[Alert]]] = {}

    async def alerts(self, *, live_only: bool, limit: int) -> list[Alert]:
        """Alerts, the newest first. Raises StoreError."""
        async with self._lock:
            at, found = self._read.get((live_only, limit), (0.0, []))
            if not at or time.monotonic() - at > FRESH_S:
                if len(self._read) >= _ASKED_MAX:
                    self._read.clear()
                at = time.monotonic()
                found = await asyncio.to_thread(self._store.listed, live_only=live_only, limit=limit)
                self._read[live_only, limit] = at, found
            return found

    def forget(self) -> None:
        """Something was done: the next list is read anew."""
        self._read.clear()


def row_of(alert: Alert, plan: Plan) -> dict[str, Any]:
    """One alert. `next` is the level that is told when `climbs_us` comes, None where there is none; `lapses_us` is when an
    acknowledgement or a snooze holds no longer."""
    rule = plan.rule(alert.rule)
    ladder = plan.ladders.get(rule.ladder) if rule else None
    levels = ladder.levels if ladder else []
    place = alert.level + 1
    if ladder and place >= len(levels) and alert.round < ladder.repeat:
        place = 0
    climbs = alert.status in (OPEN, NOTIFIED) and alert.climb_us and place < len(levels)
    return {
        "id": alert.id, "status": alert.status, "severity": alert.severity, "rule": alert.rule, "facts": alert.facts,
        "title": {"zh": headline(alert, "opened", "zh"), "en": headline(alert, "opened", "en")}, "count": alert.count,
        "open": len(alert.matters), "opened_us": alert.opened_us, "raised_us": alert.raised_us, "ended_us": alert.ended_us,
        "level": alert.level + 1, "levels": len(levels), "owner": alert.owner,
        "owner_name": (plan.people[alert.owner].name if alert.owner in plan.people else "") or alert.owner, "told": sorted(alert.reached),
        "next": {"level": place + 1, "to": list(levels[place].to)} if climbs else None,
        "climbs_us": alert.climb_us if climbs else None,
        "lapses_us": alert.lapse_us if alert.status in LIVE and alert.lapse_us else None,
        "story": f"/alerts/{alert.id}",
    }  # fmt: skip
