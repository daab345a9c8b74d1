"""Who asks over HTTP: as whom somebody acts, and which alerts are shown to whom.

Owns both questions. Never knows a token or a role: it is told a name and what goes with it. Law: nobody acts in another's name but who may do
everything; who is held to some shops sees what is known to be of one of them, and nothing else.
"""

from dataclasses import dataclass

from alerts.alert import Alert
from alerts.plan import Plan

__all__ = ["ANYBODY", "Actor"]

#: Groups by one of these have one shop, and the alarm that opened the alert names it.
_OF_ONE_SHOP = ("tenant", "name")


@dataclass(frozen=True)
class Actor:
    """`acts`: may do something about alerts. `for_others`: in the name of anybody in the plan, as an administrator's programs do.
    `tenants`: the shops that this one is held to, None for all."""

    name: str
    acts: bool = False
    for_others: bool = False
    tenants: frozenset[str] | None = None

    def person(self, plan: Plan) -> str:
        """Whom of the plan the name is: by key, or by the name in full where only one has it; else the name as it is."""
        if self.name in plan.people:
            return self.name
        found = [key for key, person in plan.people.items() if person.name == self.name]
        return found[0] if len(found) == 1 else self.name

    def acting_as(self, plan: Plan, named: str) -> str:
        """In whose name an act is done that names somebody, or nobody; "" where that is refused."""
        own = self.person(plan)
        if not named or named in (own, self.name):
            return own
        return named if self.for_others and named in plan.people else ""

    def sees(self, plan: Plan, alert: Alert) -> bool:
        """Whether an alert is shown to this one."""
        if self.tenants is None:
            return True
        rule = plan.rule(alert.rule)
        grouped = (
            rule is not None and len(rule.by) == len(alert.group) and any(word in rule.by for word in _OF_ONE_SHOP)
        )
        return grouped and alert.facts.get("tenant") in self.tenants


#: Where nobody is asked for a token: whoever is at this machine.
ANYBODY = Actor("this machine", acts=True, for_others=True)
