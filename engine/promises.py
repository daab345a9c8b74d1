"""Promises to customers: made, due when they say so themselves, kept or not (C12).

Owns what is remembered of each promise until some time after it was kept or was due. The law: a promise kept after its instant
counts as kept, but not in time, and the breach stays.
"""

from collections import Counter
from typing import ClassVar

from engine.cases import Step
from engine.duties import NEVER, Debtor, Duties, Duty

__all__ = ["Promise", "Promises"]


class Promise(Debtor):
    """One promise; `kept_us` is `NEVER` while it is open."""

    about: ClassVar[str] = "promise"
    since_us: int = 0
    kept_us: int = NEVER
    contact: str = ""
    agent: str = ""

    def more(self, duty: Duty | None = None) -> tuple[tuple[str, str], ...]:
        """Who promised, and on which contact."""
        return tuple(pair for pair in (("agent", self.agent), ("contact", self.contact)) if pair[1])


class Promises:
    """Promises by name. Past `promises_max` a new one is refused, which is counted."""

    def __init__(self, duties: Duties, linger_us: int, promises_max: int) -> None:
        self.duties = duties
        self.linger_us = linger_us
        self.promises_max = promises_max
        self.promises: dict[str, Promise] = {}
        self.illegal: Counter[str] = Counter()
        self.refused_count = 0

    def made(self, step: Step, due_us: int) -> None:
        """A promise to be kept by an instant; one whose instant is over already is broken as it is made."""
        name = step.told.promise or ""
        if name in self.promises:
            self.illegal["promise_already_made"] += 1
        elif len(self.promises) >= self.promises_max:
            self.refused_count += 1
        else:
            promise = self.promises[name] = Promise(
                name, self.duties.said(0, step.said), step.said, due_us=due_us, since_us=step.time_us,
                contact=step.told.contact or "", agent=step.agent,
            )  # fmt: skip
            self.duties.count("promises_made", promise.combination, step.time_us)
            self.duties.start(promise, "promise", step.time_us)
            self.duties.look(promise, max(due_us, step.rank_us) + self.linger_us)

    def kept(self, step: Step) -> None:
        """A promise was kept, in time when not after its instant."""
        promise = self.promises.get(step.told.promise or "")
        if promise is None or promise.kept_us < NEVER:
            self.illegal["promise_already_kept" if promise else "unknown_promise"] += 1
            return
        if step.said and step.said != promise.said:
            promise.said = step.said
            promise.combination = self.duties.said(promise.combination, step.said)
        promise.kept_us = step.time_us
        self.duties.end(promise, step.rank_us, "promise")
        self.duties.count("promises_kept", promise.combination, step.time_us)
        if step.time_us <= promise.due_us:
            self.duties.count("promises_kept_in_time", promise.combination, step.time_us)
        self.duties.look(promise, step.rank_us + self.linger_us)

    def came(self, at_us: int, promise: Promise, duty: Duty | None) -> None:
        """An instant came: the promise was broken, or is to be forgotten."""
        if duty is None:
            del self.promises[promise.name]

    def adopt(self, at_us: int) -> None:
        """Another policy holds."""
        for promise in self.promises.values():
            self.duties.move(promise, at_us)
