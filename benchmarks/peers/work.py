"""The events that every engine is given, and the answer that every engine must come to.

Owns the drawing of chats and the definition in plain Python. Never imports an engine, ours least of all. The same seed gives the same bytes.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["MINUTE_MS", "Answer", "Chat", "answer_of", "chats", "hashed", "settled"]

MINUTE_MS = 60_000
#: 11 November 2025, 20:00 in Shanghai.
BEGIN_MS = 1_762_862_400_000
OPEN = 1_000
QUEUES = 12
_SCRIPT = ("contact.opened", "message.customer", "contact.queued", "contact.answered", "message.agent", "message.customer",
           "message.agent", "message.customer", "message.agent", "contact.closed")  # fmt: skip
_BY_AGENT = (3, 4, 6, 8, 9)
#: Milliseconds that pass before each step of the script, on average.
_PAUSES_MS = (1_000, 4_000, 1_000, 20_000, 9_000, 15_000, 12_000, 15_000, 12_000, 10_000)

#: By (begin of the minute, queue): how many first replies, and the sum of their times in milliseconds.
Answer = dict[tuple[int, str], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Chat:
    """One event: its instant, its contact and its line."""

    at_ms: int
    contact: bytes
    line: bytes


def chats(count: int, seed: int = 11, open_contacts: int = OPEN) -> Iterator[Chat]:
    """So many events in the order of time, with so many chats going on at once and replies that take as long as they take."""
    dice = random.Random(seed)
    going = [(BEGIN_MS + dice.randrange(sum(_PAUSES_MS)), number, 0) for number in range(open_contacts)]
    heapq.heapify(going)
    next_chat = open_contacts
    for number in range(count):
        at_ms, chat, step = going[0]
        queue, contact = f"q{chat * chat % 97 % QUEUES:02d}", b"c-%09d" % chat
        agent = b',"agent":"a%04d"' % (chat % 400) if step in _BY_AGENT else b""
        line = (b'{"id":"p-%09d","type":"%s","time":%d,"contact":"%s","queue":"%s","channel":"wechat","tenant":"shop-%d","region":"east"%s}'
                % (number, _SCRIPT[step].encode(), at_ms, contact, queue.encode(), chat % 40, agent))  # fmt: skip
        yield Chat(at_ms, contact, line)
        if step + 1 < len(_SCRIPT):
            following = (at_ms + 1 + int(dice.expovariate(1 / _PAUSES_MS[step + 1])), chat, step + 1)
        else:  # Another customer takes the place.
            following, next_chat = (at_ms + 1 + int(dice.expovariate(1 / _PAUSES_MS[0])), next_chat, 0), next_chat + 1
        heapq.heapreplace(going, following)


def answer_of(events: Iterable[tuple[int, str, str, str]]) -> Answer:
    """From (instant, type, contact, queue) in order of time: the definition, as short as it can be said."""
    asked: dict[str, int | None] = {}
    found: Answer = {}
    for at_ms, kind, contact, queue in events:
        if kind == "message.customer":
            asked.setdefault(contact, at_ms)
        elif kind == "message.agent" and (since_ms := asked.get(contact)) is not None:
            asked[contact] = None
            place = at_ms // MINUTE_MS * MINUTE_MS, queue
            count, total_ms = found.get(place, (0, 0))
            found[place] = count + 1, total_ms + at_ms - since_ms
    return found


def settled(answer: Answer, last_ms: int) -> Answer:
    """Of minutes that are over, at the last event, by a minute at least: no engine can owe them any more."""
    return {place: told for place, told in answer.items() if place[0] + 2 * MINUTE_MS <= last_ms}


def hashed(answer: Answer) -> str:
    return hashlib.sha256(repr(sorted(answer.items())).encode()).hexdigest()[:12]
