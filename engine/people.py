"""People one by one, as they are at the watermark: for a page that shows each of them, never for a metric.

Only reads. A list is bounded: the overloaded come first, then those present, those longest in their state first, and then
those who left; how many were left out is said. Who never reported a state and holds nothing is not listed.
"""

from typing import Any

import numpy as np

from engine.events import AGENT_STATES, DIMENSIONS

__all__ = ["FIELDS", "people"]

#: What a row says; `state` None for who never reported one, `slots` None for no limit known, "" for no queue or tenant.
FIELDS = ("name", "state", "since_us", "load", "slots", "queue", "tenant")
_OFFLINE = AGENT_STATES.index("offline")
_QUEUE, _TENANT = DIMENSIONS.index("queue"), DIMENSIONS.index("tenant")


def people(engine: Any, count: int) -> dict[str, Any]:
    """At most `count` rows in the order of `FIELDS`, and how many people there are."""
    agents, combinations = engine.agents, engine.combinations
    known = len(agents.names)
    state, load, slots = agents.state[:known], agents.load[:known], agents.slots[:known]
    # Agent 0 is nobody.
    listed = np.flatnonzero((np.arange(known) > 0) & ((state >= 0) | (load > 0)))
    overloaded = (slots[listed] > 0) & (load[listed] > slots[listed])
    gone = (state[listed] == _OFFLINE) | (state[listed] < 0)
    order = np.lexsort((listed, agents.since_us[listed], gone & ~overloaded, ~overloaded))
    chosen = listed[order[:count]]
    values = combinations.values[agents.combination[chosen]]
    queues, tenants = combinations.names[_QUEUE].texts, combinations.names[_TENANT].texts
    states = (*AGENT_STATES, None)
    rows = [
        [agents.names.texts[agent], states[code], since_us if code >= 0 else None, holds, limit if limit >= 0 else None,
         queues[queue], tenants[tenant]]
        for agent, code, since_us, holds, limit, queue, tenant in zip(
            chosen.tolist(), state[chosen].tolist(), agents.since_us[chosen].tolist(), load[chosen].tolist(),
            slots[chosen].tolist(), values[:, _QUEUE].tolist(), values[:, _TENANT].tolist(), strict=True,
        )
    ]  # fmt: skip
    return {
        "as_of_us": engine.watermark_us, "fields": FIELDS, "rows": rows, "count": len(listed),
        "hidden": len(listed) - len(rows), "overloaded": int(overloaded.sum()),
    }  # fmt: skip
