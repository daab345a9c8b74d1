"""Cases: complaints, outages, media, orders to logistics and to R&D, each with its own steps to the end.

Owns the table of kinds. Never changes the contact from which a case grew.
Law: a case's steps keep their order; some are late, as in life, none is doubled.
"""

from dataclasses import dataclass

from streams.simulate.contacts import Contact
from streams.simulate.dice import Dice, weighted
from streams.simulate.timeline import HOUR_MS, Timeline

__all__ = ["Cases"]

CASE_SHARE, UNRESOLVED_CASE_SHARE = 0.006, 0.09
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of case: where it opens, its weight, and its steps (verb, median minutes after the last)."""

    name: str
    department: str
    weight: float
    steps: tuple[tuple[str, float], ...]


# Each row: name, department, weight, then the verbs with the median minutes that each takes after the last.
PLANS = """
complaint  service  30  reported 4, verified 14, responded 90, resolved 420, informed 240, followed_up 400
serious_complaint  after-sales  10  reported 4, verified 14, responded 60, progressed 120, resolved 240, \
informed 120, followed_up 500, reviewed 2000
logistics  logistics  26  responded 38, progressed 40, resolved 150, informed 60
product_defect  technical  10  reported 6, responded 420, progressed 300, resolved 900, informed 120
joint  after-sales  8  responded 30, progressed 100, handed_over 10, progressed 100, progressed 105, \
resolved 120, informed 60
ticket  service  16  responded 25, handed_over 20, progressed 45, resolved 90
outage  technical  0  reported 2, responded 12, verified 10, progressed 20, resolved 45, informed 60, \
reviewed 1500
media  PR  0  reported 5, verified 12, responded 30, progressed 90, resolved 500, informed 200, reviewed 2400
"""


def read_plans(text: str) -> dict[str, Kind]:
    """The table as kinds by name."""
    kinds = {}
    for row in text.strip().splitlines():
        name, department, weight, steps = row.split(None, 3)
        pairs = [step.split() for step in steps.split(",")]
        kinds[name] = Kind(name, department, float(weight), tuple((verb, float(at)) for verb, at in pairs))
    return kinds


KINDS = read_plans(PLANS)
DEPARTMENTS = ("service", "after-sales", "technical", "PR", "logistics")
USUAL = [kind for kind in KINDS.values() if kind.weight]
PICKED = weighted(USUAL, [kind.weight for kind in USUAL], 400)


class Cases:
    """Opens cases and walks them through their steps.

    An open case is (name, kind, index of the next step).
    """

    def __init__(self, time: Timeline, dice: Dice) -> None:
        self.time, self.dice = time, dice
        self.opened = 0

    def start(self) -> None:
        """Plan the first outage and the first item in the media; both are rare."""
        for kind, mean_hours in ((KINDS["outage"], 9), (KINDS["media"], 20)):
            self.time.push(self.time.start_ms + self._rare(mean_hours), self._strike, (kind, mean_hours))

    def after(self, now_ms: int, contact: Contact, resolved: bool) -> None:
        """A contact was closed: it may have become a case, an unresolved one far more often."""
        if self.dice.random() < (CASE_SHARE if resolved else UNRESOLVED_CASE_SHARE):
            self.time.push(now_ms + self.dice.steady(8_000), self._open, contact)

    def _open(self, now_ms: int, contact: Contact) -> None:
        if now_ms <= contact.last_ms:
            return self.time.push(contact.last_ms + 1, self._open, contact)
        kind = self.dice.pick(PICKED)
        high = contact.rank < 2 or kind.name == "serious_complaint" or self.dice.random() < 0.05
        customer = contact.customer
        owner = contact.agent.id if contact.agent is not None else "a0001"
        more = (
            f',"case":"{self._name()}","kind":"{kind.name}","owner":"{owner}","department":"{kind.department}"'
            f',"priority":"{"high" if high else "normal"}","tenant":"{customer.tenant}"'
            f',"region":"{customer.region}","tier":"{customer.tier}","party":"{customer.party}","category":"{customer.category}"'
        )
        self.time.note_of(now_ms, contact, "crm", "case.opened", more)
        return self._step_later(now_ms, (self._last_name(), kind, 0))

    def _strike(self, now_ms: int, planned: tuple[Kind, float]) -> None:
        kind, mean_hours = planned
        more = (
            f',"case":"{self._name()}","kind":"{kind.name}","owner":"duty-{kind.department.lower()}"'
            f',"department":"{kind.department}","priority":"high"'
        )
        self.time.note(now_ms, "crm", "case.opened", more)
        self._step_later(now_ms, (self._last_name(), kind, 0))
        self.time.push(now_ms + self._rare(mean_hours), self._strike, planned)

    def _step(self, now_ms: int, case: tuple[str, Kind, int]) -> None:
        name, kind, index = case
        verb = kind.steps[index][0]
        more = f',"case":"{name}"'
        if verb == "handed_over":
            department = self.dice.pick([row for row in DEPARTMENTS if row != kind.department])
            more += f',"department":"{department}","owner":"duty-{department.lower()}"'
        self.time.note(now_ms, "crm", f"case.{verb}", more)
        self._step_later(now_ms, (name, kind, index + 1))

    def _step_later(self, now_ms: int, case: tuple[str, Kind, int]) -> None:
        _, kind, index = case
        if index < len(kind.steps):
            self.time.push(now_ms + self.dice.human(kind.steps[index][1] * MINUTE_MS), self._step, case)

    def _rare(self, mean_hours: float) -> int:
        return int(self.dice.gap_ms(1 / (mean_hours * HOUR_MS / 1000))) + 1

    def _name(self) -> str:
        self.opened += 1
        return self._last_name()

    def _last_name(self) -> str:
        return f"k{self.time.tag}-{self.opened:x}"
