"""A sale peak in one body of events: 4,000 people, 500 queues, 300 shops, some of them with names that want to do harm.

The same events for the same seed and instant. What is asserted of them is what a wall must bear, not what a centre is like:
`streams.simulate` is for that.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

__all__ = ["AGENTS", "HOSTILE", "QUEUES", "SHOPS", "peak"]

AGENTS, QUEUES, SHOPS = 4_000, 500, 300
#: Names as somebody could choose them.
HOSTILE = (
    "<script>document.title='taken'</script>",
    '"><img src=x onerror="document.title=\'taken\'">',
    "'; DROP TABLE queues; --",
    "\u202egnol yrev si siht\u202c txt.exe",
    "🔥🧨 双十一 🛒",
    "很长的名字" * 44,
    "W" * 256,
    "عربي مع نص طويل جدا",
)
STATES = ("available", "busy", "busy", "busy", "busy", "wrapup", "break", "meeting", "training", "offline")
CHANNELS = ("app", "wechat", "web", "phone", "email")
KINDS = ("complaint", "serious_complaint", "outage", "logistics", "joint", "ticket")


def peak(now_ms: int, seed: int = 11) -> list[bytes]:
    """Bodies of events, in order, the last of them at `now_ms`; each below what the service takes at once."""
    events = sorted(_events(Random(seed), now_ms), key=lambda event: event["time"])
    lines = [json.dumps(event, ensure_ascii=False).encode() for event in events]
    return [b"\n".join(lines[start : start + 8_000]) for start in range(0, len(lines), 8_000)]


def queue_of(number: int) -> str:
    return (
        HOSTILE[number]
        if number < len(HOSTILE)
        else f"{('售后', '售前', '物流', '退款', 'VIP')[number % 5]}-{number:03d}"
    )


def shop_of(number: int) -> str:
    return HOSTILE[number] if number < len(HOSTILE) else f"旗舰店 {number:03d}"


def _events(dice: Random, now_ms: int) -> Iterator[dict[str, Any]]:
    for number in range(AGENTS):
        yield {"type": "agent.state", "time": now_ms - dice.randrange(20_000, 3_600_000), "agent": _agent(number),
               "state": STATES[dice.randrange(len(STATES))], "slots": 1 + number % 5, "queue": queue_of(number % QUEUES),
               "tenant": shop_of(number % SHOPS)}  # fmt: skip
    for number in range(QUEUES * 10):
        yield from _contact(dice, now_ms, number)
    for number in range(60):
        said = {"case": f"case-{number}", "kind": KINDS[number % 6], "owner": _agent(number), "tenant": shop_of(number % 40),
                "department": ("service", "after-sales", "technical", "pr")[number % 4],
                "priority": "high" if number % 7 == 0 else "normal", "tier": "ka" if number % 9 == 0 else "standard"}  # fmt: skip
        yield {"type": "case.opened", "time": now_ms - dice.randrange(60_000, 172_800_000 // 4), **said}
        yield {"type": "promise.made", "time": now_ms - 120_000, "promise": f"promise-{number}", "tenant": shop_of(number % 40),
               "due": now_ms + dice.randrange(-60_000, 3_600_000), "contact": f"c-{number}"}  # fmt: skip
    yield {"type": "source.heartbeat", "time": now_ms, "source": "peak"}


def _contact(dice: Random, now_ms: int, number: int) -> Iterator[dict[str, Any]]:
    queue, shop = number % QUEUES, dice.randrange(SHOPS)
    contact = {"contact": f"c-{number}", "queue": queue_of(queue), "tenant": shop_of(shop),
               "channel": CHANNELS[dice.randrange(5)], "tier": "ka" if shop < 12 else "standard"}  # fmt: skip
    waits = number < QUEUES * 2
    # What still waits has done so for less than a quarter of an hour, the hostile queues longest of all.
    age = dice.randrange(400_000, 800_000) if queue < len(HOSTILE) else dice.randrange(2_000, 420_000)
    at = now_ms - (age if waits else dice.randrange(500_000, 12_600_000))
    yield {"type": "contact.opened", "time": at, **contact}
    yield {"type": "message.customer", "time": at, "contact": contact["contact"]}
    yield {"type": "contact.queued", "time": at, **contact}
    if waits:
        return
    served = at + int(dice.expovariate(1 / 25_000))
    if dice.random() < 0.06:
        yield {"type": "contact.abandoned", "time": served, "contact": contact["contact"]}
        return
    agent = {"agent": _agent(dice.randrange(AGENTS)), "contact": contact["contact"]}
    yield {"type": "contact.answered", "time": served, **agent}
    yield {"type": "message.agent", "time": served + dice.randrange(1_000, 40_000), **agent}
    if dice.random() < 0.7:
        yield {"type": "contact.closed", "time": served + dice.randrange(60_000, 400_000), **agent, "resolved": True}


def _agent(number: int) -> str:
    return HOSTILE[number] if number < len(HOSTILE) else f"agent-{number:04d}"
