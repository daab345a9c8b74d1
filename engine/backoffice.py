"""Everything that is owed beside replies: the one place that knows cases, promises, quality checks and ratings together.

Owns the order in which their events are taken and in which instants come between them. Never knows what a case or a promise is.
The law: before an event everything due before its place is raised, so what comes out is the same however the stream is cut.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.alarms import Alarm
from engine.cases import STEPS, Case, Cases, Step
from engine.columns import Combinations, Names, Rows
from engine.contacts import Contacts, Lived
from engine.duties import Debtor, Duties
from engine.events import KINDS, Details, kind
from engine.facts import Facts
from engine.policy import Policy
from engine.promises import Promise, Promises
from engine.quality import Coaching, Quality
from engine.ratings import CSAT_LOW_MAX, CallBack, Ratings
from engine.times import parse_times

__all__ = ["OWED", "BackOffice"]

_MADE, _RATED = kind("promise.made"), kind("contact.rated")
_SPOKEN = (kind("contact.reopened"), kind("contact.answered"))
#: At one instant events are taken in this order, whatever the order they came in.
_ORDER = (
    "contact.reopened", "contact.answered", "contact.rated", *STEPS, "promise.made", "promise.kept", "quality.scored",
    "coaching.held",
)  # fmt: skip
_PRECEDENCE = np.zeros(len(KINDS), np.int64)
_PRECEDENCE[[kind(name) for name in _ORDER]] = range(1, len(_ORDER) + 1)
#: By kind: whether it is taken here, contacts' own events apart.
OWED = np.array([name in _ORDER and not name.startswith("contact.") for name in KINDS])
#: What events say besides dimensions, by which equal kinds of one instant are put in order.
_TOLD = ("contact", "agent", "case", "kind", "owner", "department", "priority", "promise", "due", "passed", "critical_errors",
         "other_errors")  # fmt: skip
#: Steps of a case after which its customer needs no call back any more.
_TELLS = ("case.informed", "case.followed_up")


class BackOffice:
    """Cases, promises, quality and ratings of one shard, and what is owed for them."""

    def __init__(
        self, combinations: Combinations, agents: Names, contacts: Contacts, policy: Policy, linger_us: int,
        cases_max: int, path_max: int, promises_max: int, call_backs_max: int,
    ) -> None:  # fmt: skip
        self.combinations = combinations
        self.agents = agents
        self.contacts = contacts
        self.duties = Duties(combinations, policy)
        self.cases = Cases(self.duties, linger_us, cases_max, path_max)
        self.promises = Promises(self.duties, linger_us, promises_max)
        self.quality = Quality(self.duties)
        self.ratings = Ratings(self.duties, call_backs_max)
        self._came: dict[str, Any] = {
            Case.about: self.cases.came, Promise.about: self.promises.came, Coaching.about: self.quality.came,
            CallBack.about: self.ratings.came,
        }  # fmt: skip

    @property
    def illegal(self) -> Counter[str]:
        """Illegal events by reason."""
        return self.cases.illegal + self.promises.illegal

    def apply(self, rows: Rows, lived: Lived, details: Mapping[int, Details], facts: Facts) -> list[Alarm]:
        """Takes released rows of kinds that are `OWED`, and what became of contacts' rows; returns what is raised."""
        rows, combinations = self._in_order(rows, self._of_contacts(lived), lived, details)
        if not len(rows):
            return []
        promised = [details[sequence].due or 0 for sequence in rows.sequences[rows.kinds == _MADE].tolist()]
        dues_us = iter(parse_times(promised).tolist() if promised else [])
        columns = zip(
            rows.kinds.tolist(), rows.times_us.tolist(), rows.ranks_us.tolist(), rows.lates.tolist(), rows.saids.tolist(),
            rows.agents.tolist(), rows.sequences.tolist(), strict=True,
        )  # fmt: skip
        for row, (kind_, time_us, rank_us, late, said, agent, sequence) in enumerate(columns):
            self._reach(rank_us)
            if combinations[row] >= 0:
                self._contact(kind_, rows, row, int(combinations[row]))
            else:
                step = Step(KINDS[kind_], time_us, rank_us, late, said, self.agents.texts[agent], details[sequence])
                self._take(step, dues_us)
        return self.duties.hand_over(facts)

    def due(self, until_us: int, facts: Facts) -> list[Alarm]:
        """Raises what is due before an instant; returns it."""
        self._reach(until_us)
        return self.duties.hand_over(facts)

    @property
    def next_us(self) -> int:
        """Nothing that is owed comes before this instant."""
        return self.duties.next_us

    def adopt(self, policy: Policy, at_us: int, facts: Facts) -> list[Alarm]:
        """Another policy holds from an instant on, before which all is raised; returns what is raised by that."""
        self._reach(at_us)
        self.duties.adopt(policy)
        for register in (self.cases, self.promises, self.quality, self.ratings):
            register.adopt(at_us)
        return self.duties.hand_over(facts)

    def _reach(self, until_us: int) -> None:
        if self.duties.next_us >= until_us:
            return
        for at_us, debtor, duty in self.duties.step(until_us):
            self._came[debtor.about](at_us, debtor, duty)

    def _take(self, step: Step, dues_us: Iterator[int]) -> None:
        if step.kind in STEPS:
            case = self.cases.take(step)
            if case and step.kind in _TELLS:
                self.ratings.spoken(case.contact, step.rank_us)
        elif step.kind == "promise.made":
            self.promises.made(step, next(dues_us))
        elif step.kind == "promise.kept":
            self.promises.kept(step)
        elif step.kind == "quality.scored":
            self.quality.scored(step)
        else:
            self.quality.held(step)

    def _contact(self, kind_: int, rows: Rows, row: int, combination: int) -> None:
        slot = int(rows.contacts[row])
        name = self.contacts.names[slot] or ""
        if kind_ == _RATED:
            agent = self.agents.texts[rows.agents[row]]
            self.ratings.rated(name, int(self.contacts.keys[slot]), combination, agent, int(rows.times_us[row]))
        else:
            self.ratings.spoken(name, int(rows.ranks_us[row]))

    def _of_contacts(self, lived: Lived) -> NDArray[np.int64]:
        """Which of the contacts' rows make a call back due, or settle one that is due or becomes so in this batch."""
        rows, legal = lived.rows, lived.combinations >= 0
        low = legal & (rows.kinds == _RATED) & (rows.csats >= 1) & (rows.csats <= CSAT_LOW_MAX)
        if not low.any() and not self.ratings.call_backs:
            return np.empty(0, np.int64)
        spoken = np.flatnonzero(legal & np.isin(rows.kinds, _SPOKEN))
        keys = self.contacts.keys[rows.contacts]
        wanted = np.concatenate((self.ratings.keys(), keys[low]))
        low[spoken] = np.isin(keys[spoken], wanted)
        return np.flatnonzero(low)

    def _in_order(
        self, rows: Rows, chosen: NDArray[np.int64], lived: Lived, details: Mapping[int, Details]
    ) -> tuple[Rows, NDArray[np.int32]]:
        """Rows of both sorts in the order of processing, and of the contacts' the combination, -1 of the others.

        Independent of the order of arrival: a late row goes first at its place, and late ones among themselves as they came; equal
        kinds of one instant by what they say. Those of one contact are in their order already.
        """
        combinations = np.full(len(rows), -1, np.int32)
        if len(chosen):
            rows = Rows.concatenated([rows, lived.rows[chosen]])
            combinations = np.concatenate((combinations, lived.combinations[chosen]))
        precedence = np.where(rows.lates, 0, _PRECEDENCE[rows.kinds])
        order = np.lexsort((precedence, np.where(rows.lates, rows.sequences, 0), ~rows.lates, rows.ranks_us))
        ranks_us, kinds, told = rows.ranks_us[order], rows.kinds[order], (~rows.lates & (combinations < 0))[order]
        same = (ranks_us[1:] == ranks_us[:-1]) & (kinds[1:] == kinds[:-1]) & told[1:] & told[:-1]
        for first, end in _runs(np.flatnonzero(same).tolist()):
            order[first:end] = self._tied(rows, order[first:end].tolist(), details)
        return rows[order], combinations[order]

    def _tied(self, rows: Rows, tied: list[int], details: Mapping[int, Details]) -> list[int]:
        """Rows of one kind and instant by their names; what else they say matters only where these are the same."""
        told = [details[sequence] for sequence in rows.sequences[tied].tolist()]
        names = {row: one.case or one.promise or one.agent or "" for row, one in zip(tied, told, strict=True)}
        if len(set(names.values())) == len(tied):
            return sorted(tied, key=lambda row: names[row])
        return sorted(tied, key=lambda row: (names[row], self._content(rows, row, details)))

    def _content(self, rows: Rows, row: int, details: Mapping[int, Details]) -> tuple[Any, ...]:
        said = self.combinations.said_values[rows.saids[row]].tolist()
        names = [
            (code >= 0, known.texts[code] if code >= 0 else "")
            for code, known in zip(said, self.combinations.names, strict=True)
        ]
        told = [getattr(details[int(rows.sequences[row])], name) for name in _TOLD]
        return [(value is not None, str(value)) for value in told], names, self.agents.texts[rows.agents[row]]

    # Snapshots.

    def debtors(self) -> Iterator[Debtor]:
        """All that owe something or are remembered."""
        return chain(
            self.cases.cases.values(), self.promises.promises.values(), self.quality.coachings.values(),
            self.ratings.call_backs.values(),
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Everything, for a snapshot between two calls."""
        return {
            "cases": list(self.cases.cases.values()), "promises": list(self.promises.promises.values()),
            "coachings": list(self.quality.coachings.values()), "call_backs": list(self.ratings.call_backs.values()),
            "runs": self.quality.runs, "illegal": [self.cases.illegal, self.promises.illegal],
            "refused": [getattr(part, name) for part, name in self._refused()],
        }  # fmt: skip

    def restore(self, saved: dict[str, Any]) -> None:
        """What `state` returned."""
        self.cases.cases = {case.name: case for case in msgspec.convert(saved["cases"], list[Case])}
        self.promises.promises = {
            promise.name: promise for promise in msgspec.convert(saved["promises"], list[Promise])
        }
        coachings = msgspec.convert(saved["coachings"], list[Coaching])
        self.quality.coachings = {(coaching.name, coaching.kind): coaching for coaching in coachings}
        call_backs = msgspec.convert(saved["call_backs"], list[CallBack])
        self.ratings.call_backs = {call_back.name: call_back for call_back in call_backs}
        self.quality.runs = msgspec.convert(saved["runs"], dict[str, tuple[int, int]])
        self.cases.illegal, self.promises.illegal = (Counter(counts) for counts in saved["illegal"])
        for (part, name), number in zip(self._refused(), saved["refused"], strict=True):
            setattr(part, name, number)
        self.duties.restore(self.debtors())

    def _refused(self) -> tuple[tuple[Any, str], ...]:
        return (
            (self.cases, "refused_count"), (self.cases, "cut_count"), (self.promises, "refused_count"),
            (self.ratings, "refused_count"),
        )  # fmt: skip


def _runs(pairs: list[int]) -> Iterator[tuple[int, int]]:
    """Runs of places of which each and the one behind it are a pair, as first place and end."""
    start = 0
    while start < len(pairs):
        end = start
        while end + 1 < len(pairs) and pairs[end + 1] == pairs[end] + 1:
            end += 1
        yield pairs[start], pairs[end] + 2
        start = end + 1
