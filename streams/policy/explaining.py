"""Which line of a policy holds for a contact, and why: the choice is the engine's, the reasons are told here."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.policy import CONDITIONS, LIMITS, Line, Policy

__all__ = ["Explanation", "explain", "period_at", "place"]


@dataclass(frozen=True)
class Explanation:
    """Of one limit: the line that holds, None where none does, in words why, and the lines that it won against, best first."""

    limit: str
    held: Line | None
    why: str
    others: tuple[Line, ...]


def explain(policy: Policy, facts: Mapping[str, str]) -> list[Explanation]:
    """One explanation a limit. `facts`: a contact's dimensions, and the period's name or ""."""
    return [_explained(limit, policy, facts) for limit in LIMITS]


def period_at(policy: Policy, instant_us: int) -> str:
    """The name of the period that an instant lies in, "" for none."""
    found = (period.name for period in policy.periods if period.start_us <= instant_us < period.end_us)
    return next(found, "")


def place(line: Line, held: Line | None) -> str:
    """Where a line stands: in the file of the one that holds, or in which else."""
    file, _, number = line.where.rpartition(":")
    return f"line {number}" if held and held.where.rpartition(":")[0] == file else line.where


def _explained(limit: str, policy: Policy, facts: Mapping[str, str]) -> Explanation:
    held = policy.find(limit, facts)
    others = [line for line in policy.lines if line.limit == limit and line is not held and line.holds(facts)]
    others.sort(key=lambda line: line.rank, reverse=True)
    return Explanation(limit, held, _why(held, others[0] if others else None), tuple(others))


def _why(held: Line | None, other: Line | None) -> str:
    if held is None:
        return "no line describes this contact"
    if other is None:
        return "the only line that describes it"
    count = len(held.when)
    if count > len(other.when):
        return f"{count} condition{'s' * (count > 1)}, more than {place(other, held)}'s {len(other.when)}"
    ours, theirs = (
        next(name for name in CONDITIONS if name in line.when and name not in rival.when)
        for line, rival in ((held, other), (other, held))
    )
    return f"as many conditions as {place(other, held)}, and {ours} tells more than {theirs}"
