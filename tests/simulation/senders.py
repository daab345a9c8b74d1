"""What is sent: the centre's events with rubbish between them, dealt to senders and cut into requests.

Owns when a line is ready to go and with which others it travels. Never decides whether a request arrives.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any

from streams.negative import default_words
from streams.simulate import apply_faults, people, records
from streams.simulate.faults import BAD_LINES, BEGINNING
from tests.reference import Arrival
from tests.simulation.plan import Plan, dice
from tests.simulation.shards import number_of, shard_of

__all__ = ["Line", "Request", "requests_of", "true_history"]

_CUSTOMER = re.compile(rb',"customer":"[^"]*"')

# Half of what a small centre takes to build is its shifts, which depend on nothing but the preset.
people.shift_starts = cache(people.shift_starts)

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
#: Why each kind of rubbish has to be refused. A list is not among them: alone in a body it is several events.
REASONS = {
    "cut off": "invalid_json", "not json": "invalid_json", "no type": "missing_field",
    "no time": "missing_field", "number for a string": "wrong_type", "list for a string": "wrong_type",
    "unknown type": "unknown_type", "year 1": "time_too_early", "year 9999": "time_too_late", "not a time": "invalid_time",
    "raw control characters": "invalid_json", "escaped control characters": "control_character",
    "not utf-8": "invalid_utf8",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """An event, or rubbish with the reason for which it has to be refused."""

    data: bytes
    time_us: int = 0
    event: Mapping[str, Any] | None = None
    reason: str = ""


@dataclass
class Request:
    """What one sender sends at once to one machine, again and again until it is acknowledged."""

    number: int
    source: str
    shard: int
    ready_us: int
    lines: list[Line]
    body: bytes
    acknowledged: bool = False


def true_history(plan: Plan) -> list[tuple[int, bytes]]:
    """Everything that happened, in order: milliseconds and line.

    Several machines are not told who the customers are: one whose contacts lie on several of them repeats on none.
    """
    history = islice(records(plan.centre, plan.seed), plan.events_max)
    if plan.shards == 1:
        return list(history)
    return [(due_ms, _CUSTOMER.sub(b"", data)) for due_ms, data in history]


def requests_of(plan: Plan, history: list[tuple[int, bytes]], happened: Counter[str]) -> list[Request]:
    """All requests in the order in which they are ready."""
    draw = dice(plan.seed, "senders")
    lanes: dict[tuple[str, int], list[tuple[int, Line]]] = defaultdict(list)
    known: dict[bytes, Line] = {}
    start_us = plan.centre.start_ms * 1_000
    for due_ms, data in apply_faults(history, plan.faults, plan.seed, plan.centre.start_ms):
        line = known.get(data)
        happened["event repeated"] += line is not None
        line = known[data] = line or parsed(data.rstrip(b"\n"))
        assert line.event is not None
        sender = number_of(line.event, plan.senders, "sender") if plan.by_contact else draw.randrange(plan.senders)
        lane = (f"sender-{sender}" if plan.senders > 1 else "", shard_of(line.event, plan.shards))
        due_us = due_ms * 1_000 + draw.randint(0, plan.times.delay_us)
        if draw.random() < plan.far:
            happened["event far behind"] += 1
            due_us += draw.randint(0, 2 * (plan.rules.bound_us + plan.rules.lateness_us))
        since_us, length_us = plan.silence_us
        if sender == 0 and since_us <= due_us - start_us < since_us + length_us:
            happened["event held by a silent sender"] += 1
            due_us = start_us + since_us + length_us
        lanes[lane].append((due_us, line))
        if draw.random() < plan.rubbish:
            lanes[lane].append((due_us, rubbish(draw, due_us)))
    requests = [request for lane, lines in sorted(lanes.items()) for request in _cut(plan, draw, *lane, lines)]
    requests.sort(key=lambda request: request.ready_us)
    for number, request in enumerate(requests):
        request.number = number
    return requests


def parsed(data: bytes) -> Line:
    """A good line and what it says, read by other code than the product's, but for whether a text is negative."""
    event = json.loads(data)
    if event["type"] == "message.customer" and isinstance(event.get("text"), str):
        event["negative"] = default_words().found(event["text"])
    time = event["time"]
    time_us = (
        time * 1_000 if isinstance(time, int) else (datetime.fromisoformat(time) - EPOCH) // timedelta(microseconds=1)
    )
    return Line(data, time_us, event)


def rubbish(draw: random.Random, at_us: int) -> Line:
    """A line that cannot be taken."""
    kind = draw.choice(list(REASONS))
    data = BAD_LINES[kind].replace(b"%i", BEGINNING).replace(b"%t", b"%d" % (at_us // 1_000))
    return Line(data.replace(b"%n", b"%d" % draw.randrange(10**9)), reason=REASONS[kind])


def arrival(source: str, line: Line) -> Arrival:
    """The line in the oracle's form."""
    assert line.event is not None
    return Arrival(source, line.time_us, line.event)


def _cut(plan: Plan, draw: random.Random, source: str, shard: int, lines: list[tuple[int, Line]]) -> list[Request]:
    lines.sort(key=lambda entry: entry[0])
    requests = []
    place = 0
    while place < len(lines):
        end = place + draw.randint(1, plan.request_lines_max)
        latest_us = lines[place][0] + plan.times.hold_us
        chosen = [line for due_us, line in lines[place:end] if due_us <= latest_us]
        place += len(chosen)
        requests.append(Request(0, source, shard, lines[place - 1][0], chosen, _body(draw, chosen)))
    return requests


def _body(draw: random.Random, lines: list[Line]) -> bytes:
    if draw.random() < 0.1 and not any(line.reason for line in lines):
        return b"[" + b",\n".join(line.data for line in lines) + b"]"
    end = b"\r\n" if draw.random() < 0.1 else b"\n"
    return end.join(line.data for line in lines) + draw.choice((b"", end, b"\n"))
