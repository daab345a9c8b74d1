"""What a reader of some shops or some pages only gets of the facts: theirs, and nothing of others.

Owns: the cut of every answer. Never decides who somebody is, never changes the facts. Laws: what is not known here to be of one of the
reader's shops is left out, so that a fact that is added later is nobody's until it is named here; sums over all shops are not
theirs. Of several shops counts add and longest waits are the longest of them, shares and means are "no data", for sums travel and
ratios do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.worklist import STATES

__all__ = ["LISTED_MAX", "PAGES", "WHOLE", "Scope", "scoped", "scoped_history", "scoped_people", "scoped_screen"]

Row = Mapping[str, Any]

#: The facts and rollups that each page shows.
PAGES: dict[str, frozenset[str]] = {
    "overview": frozenset(("total", "queue", "due", "cases", "promises", "conditions", "agents")),
    "queues": frozenset(("queue", "due", "capacity")),
    "commitments": frozenset(("total", "due", "cases", "promises")),
    "agents": frozenset(("total", "agents", "capacity")),
    "shops": frozenset(("tenant", "tenant,channel")),
    "alerts": frozenset(("alarms", "conditions")),
    "capacity": frozenset(("queue", "capacity")),
    "trends": frozenset(),
}
_OF_NOBODY = ("as_of_us", "watermark_us", "window_s", "service_level_formula", "blind")
#: What the service says of itself that tells nothing of how much others send.
_OF_SERVICE = ("sent_us", "started_us", "zone", "ready", "clock_running", "version")
_OF_POLICY = ("name", "by", "since_us")
_COUNTS = (
    "waiting", "unreplied", "in_service", "load", "offered", "queued", "answered", "abandoned", "left_queue", "answered_in_target",
    "abandoned_in_target", "abandoned_short", "first_response_count", "response_count", "handled", "breaches", "csat_count", "transfers", "events_answered", "events_abandoned",
)  # fmt: skip
_LONGEST = ("longest_wait_s", "wait_max_s")
#: Rows of a list that a reader gets.
LISTED_MAX = 100
#: Limits that, once met, count shops together whose rows are then missing.
_MERGING = ("names_max", "combinations_max", "groups_max")


@dataclass(frozen=True, slots=True)
class Scope:
    """The shops and the pages that a reader is held to, None for all. Equal ones get the same."""

    tenants: frozenset[str] | None = None
    pages: frozenset[str] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut."""
        return self.tenants is None and self.pages is None

    def shows(self, fact: str) -> bool:
        """Whether one of the pages shows a fact or a rollup."""
        return self.pages is None or any(fact in PAGES.get(page, ()) for page in self.pages)

    def owns(self, row: Row) -> bool:
        """Whether a row is of one of the shops."""
        return self.tenants is None or row.get("tenant") in self.tenants


WHOLE = Scope()


def scoped(facts: Mapping[str, Any], scope: Scope, alarms: Sequence[Row] | None = None) -> Mapping[str, Any]:
    """The facts as far as a reader may see them. `alarms` are more than the facts list, so that other shops' do not push out theirs."""
    if scope.is_whole:
        return facts
    cut = {name: facts[name] for name in _OF_NOBODY if name in facts}
    if scope.tenants is None:
        cut |= {name: facts[name] for name in ("service", "counters", "policy") if name in facts}
    else:
        cut["service"] = _only(facts.get("service", {}), _OF_SERVICE)
        cut["policy"] = _only(facts.get("policy", {}), _OF_POLICY)
    for name, of in _LISTS.items():
        if scope.shows(name) and name in facts:
            rows = alarms if name == "alarms" and alarms is not None and scope.tenants is not None else facts[name]
            cut[name] = [row for row in rows if scope.owns(of(row))][:LISTED_MAX]
    for name in ("cases", "promises"):
        if scope.shows(name) and name in facts:
            cut[name] = facts[name] if scope.tenants is None else _worked_off(facts[name], scope)
    # Both are of queues and people that serve every shop.
    for name in ("agents", "capacity"):
        if scope.tenants is None and scope.shows(name) and name in facts:
            cut[name] = facts[name]
    groups = facts.get("groups", {})
    cut["groups"] = {name: _rows(facts, name, scope) for name in groups if scope.shows(name)}
    return cut


def scoped_people(told: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
    """The people whose last state named one of the shops; how many only where the list had everybody."""
    if scope.tenants is None:
        return told
    at = told["fields"].index("tenant")
    rows = [row for row in told["rows"] if row[at] in scope.tenants]
    known = {"count": len(rows), "hidden": 0} if not told["hidden"] else {}
    return {"as_of_us": told["as_of_us"], "fields": told["fields"], "rows": rows} | known


def scoped_history(
    told: Mapping[str, Any], scope: Scope, facts: Mapping[str, Any], is_total: bool
) -> Mapping[str, Any]:
    """The intervals of the shops; as one group where the whole was asked for, none where one of them may be counted with others."""
    if scope.tenants is None:
        return told
    rows = [row for row in told["groups"] if scope.owns(row)]
    if is_total and len(rows) < len(scope.tenants) and _merges(facts):
        rows = []
    if is_total:
        figures = {name for row in rows for name in row if name != "tenant"}
        names = [name for name in figures if len(rows) == 1 or name in (*_COUNTS, *_LONGEST)]
        none = [None] * len(told["starts_us"])
        rows = [dict.fromkeys(figures, none) | {name: _interval(name, rows) for name in names}] if rows else []
    return {**told, "rollup": "total" if is_total else told["rollup"], "groups": rows}


def scoped_screen(screen: Mapping[str, Any], scope: Scope) -> Mapping[str, Any] | None:
    """A layout without the names and pages of others; None where nothing of it is left."""
    cut = dict(screen)
    if scope.pages is not None and "pages" in cut:
        cut["pages"] = [page for page in cut["pages"] if page in scope.pages]
    if scope.tenants is not None:
        cut.pop("queues", None)  # A queue serves several shops, and may be called after one.
        for name in ("tenants", "key_accounts"):
            if name in cut:
                cut[name] = [tenant for tenant in cut[name] if tenant in scope.tenants]
    is_theirs = all(cut.get(name) != [] or screen.get(name) == [] for name in ("pages", "tenants"))
    return cut if is_theirs else None


_LISTS: dict[str, Callable[[Row], Row]] = {
    "due": lambda row: row,
    "alarms": lambda row: row,
    "conditions": lambda row: row.get("of", {}),
}


def _rows(facts: Mapping[str, Any], rollup: str, scope: Scope) -> list[Row]:
    groups: Mapping[str, list[Row]] = facts["groups"]
    if scope.tenants is None:
        return groups[rollup]
    if rollup == "total":
        return _total([row for row in groups.get("tenant", ()) if scope.owns(row)], facts, scope)
    return [row for row in groups[rollup] if scope.owns(row)] if "tenant" in rollup.split(",") else []


def _total(rows: list[Row], facts: Mapping[str, Any], scope: Scope) -> list[Row]:
    """One row for all shops; none where nothing happened in them, an empty one where nobody knows."""
    if ("tenant" not in facts["groups"] or _merges(facts)) and len(rows) < len(scope.tenants or ()):
        return [{}]
    if len(rows) < 2:
        return [{name: value for name, value in row.items() if name != "tenant"} for row in rows]
    total: dict[str, Any] = dict.fromkeys(name for row in rows for name in row if name != "tenant")
    total |= {name: _added(sum, [row.get(name) for row in rows]) for name in _COUNTS if name in total}
    total |= {name: _longest([row.get(name) for row in rows]) for name in _LONGEST if name in total}
    people = [row.get("agents") or {} for row in rows]
    total["agents"] = {state: _added(sum, [one.get(state) for one in people]) for state in people[0]}
    total["measures"] = {}
    return [total]


def _merges(facts: Mapping[str, Any]) -> bool:
    limits = facts.get("counters", {}).get("limits", {})
    return any(limits.get(name) for name in _MERGING)


def _added(add: Callable[[Iterable[Any]], Any], values: list[Any]) -> Any:
    return None if any(value is None for value in values) else add(values)


def _longest(values: list[Any]) -> Any:
    """Where nobody waits there is no longest wait; the others' is the longest of all."""
    return max((value for value in values if value is not None), default=None)


def _interval(name: str, rows: list[Row]) -> list[Any]:
    if len(rows) == 1:
        return list(rows[0][name])
    return [
        _longest(list(values)) if name in _LONGEST else _added(sum, list(values))
        for values in zip(*(row[name] for row in rows), strict=True)
    ]


def _worked_off(told: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
    """The rows of the shops; counted only where the list had all that is open."""
    rows = [row for row in told["rows"] if scope.owns(row)]
    if told["count"] > len(told["rows"]):
        return {"rows": rows}
    states = Counter(row["state"] for row in rows)
    return {"rows": rows, "count": len(rows), **{state: states[state] for state in STATES}}


def _only(told: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: told[name] for name in names if name in told}
