"""What the policy commands show: tables for people, and the same as plain values for machines."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.alarms import BROKEN, ENDED, WARNED, Alarm
from engine.events import DIMENSIONS
from engine.policy import LIMITS, NO_LIMIT_US, Line, Policy
from engine.times import iso
from streams.policy.conditions import bound_text
from streams.policy.difference import line_text
from streams.policy.explaining import Explanation, place
from streams.policy.trial import Change, Comparison
from streams.policy.words import limit_text

__all__ = [
    "explanation_values",
    "show_changes",
    "show_conditions",
    "show_counts",
    "show_explanation",
    "show_policy",
    "trial_values",
]

#: Where nobody looks, lines are as long as they need to be.
_PIPE_COLUMNS = 10_000
#: Files of one limit that are named; of more, how many.
FILES_SHOWN = 3
_KINDS = ("comes", "goes", "moves")
_STEPS = {WARNED: "warning", BROKEN: "breach", ENDED: "end"}


def show_policy(policy: Policy) -> None:
    """One row a limit: how many lines it has, what holds for everybody, and in which file that is said."""
    rows = []
    for limit in LIMITS:
        lines = [line for line in policy.lines if line.limit == limit]
        everybody = next((line for line in lines if not line.when), None)
        values = sorted({line.limit_us for line in lines if line.when})
        rows.append(
            [
                limit,
                str(len(lines)),
                _value(everybody),
                ", ".join(limit_text(value, limit) for value in values) or "—",
                _file(lines),
            ]
        )
    _show(["limit", "lines", "everybody", "on conditions", "file"], rows)


def show_conditions(policy: Policy) -> None:
    """One row a condition: beyond what it is broken, and where it is looked for."""
    rows = [
        [condition.name, " or ".join(map(bound_text, condition.any_of)), ",".join(condition.by) or "total",
         limit_text(condition.window_us), limit_text(condition.step_us), limit_text(condition.for_us) if condition.for_us else "—",
         condition.severity, condition.place.rpartition(":")[0]]
        for condition in policy.conditions
    ]  # fmt: skip
    if rows:
        _show(["condition", "broken where", "by", "window", "step", "for", "severity", "file"], rows)


def show_explanation(explanations: Sequence[Explanation]) -> None:
    """One row a limit."""
    rows = [
        [told.limit, _value(told.held), told.held.where if told.held else "—", told.why,
         "; ".join(f"{place(line, told.held)}: {limit_text(line.limit_us, line.limit)} ({line.why()})" for line in told.others) or "—"]
        for told in explanations
    ]  # fmt: skip
    _show(["limit", "value", "line", "why", "would hold otherwise"], rows)


def explanation_values(explanations: Sequence[Explanation]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {"limit": told.limit, "line": _line_values(told.held), "why": told.why,
         "others": [_line_values(line) for line in told.others]}
        for told in explanations
    ]  # fmt: skip


def show_counts(comparison: Comparison, changes: Sequence[Change]) -> None:
    """One row a limit and kind of alarm."""
    rows = [[*row[:2], *(f"{count:,}" for count in row[2:])] for row in _counts(comparison, changes)]
    _show(["limit", "alarm", "old", "new", "same", *_KINDS], rows, numbers_from=2)


def show_changes(changes: Sequence[Change], count: int, zone: ZoneInfo) -> None:
    """The first ones of each kind."""
    rows = []
    for kind in _KINDS:
        for change in [change for change in changes if change.kind == kind][:count]:
            alarm = change.alarm
            instants = [iso(side.at_us, zone) if side else "—" for side in (change.old, change.new)]
            said = ", ".join(f"{name} {value}" for name, value in zip(DIMENSIONS, alarm.values, strict=False) if value)
            rows.append([kind, alarm.commitment, _STEPS[alarm.step], alarm.name, *instants, said])
    if rows:
        _show(["change", "limit", "alarm", "contact", "old instant", "new instant", "of"], rows)


def trial_values(comparison: Comparison, changes: Sequence[Change], zone: ZoneInfo) -> dict[str, Any]:
    """Counts and every change, for machines."""
    names = ("limit", "alarm", "old", "new", "same", *_KINDS)
    return {
        "counts": [dict(zip(names, row, strict=True)) for row in _counts(comparison, changes)],
        "changes": [
            {"change": change.kind, "old": _alarm_values(change.old, zone), "new": _alarm_values(change.new, zone)}
            for change in changes
        ],
    }


def _counts(comparison: Comparison, changes: Sequence[Change]) -> list[list[Any]]:
    counts = Counter((change.alarm.commitment, change.alarm.step, change.kind) for change in changes)
    rows = []
    # What is raised without a limit comes behind.
    raised = {limit for limit, _ in comparison.same} | {change.alarm.commitment for change in changes}
    for limit in (*LIMITS, *sorted(raised.difference(LIMITS))):
        for step, name in _STEPS.items():
            same = comparison.same[limit, step]
            comes, goes, moves = (counts[limit, step, kind] for kind in _KINDS)
            if same or comes or goes or moves:
                both = same + moves
                rows.append([limit, name, both + goes, both + comes, same, comes, goes, moves])
    return rows


def _value(line: Line | None) -> str:
    return "—" if line is None else line_text(line)


def _file(lines: Sequence[Line]) -> str:
    names = dict.fromkeys(line.where.rpartition(":")[0] for line in lines)
    return ", ".join(names) or "—" if len(names) <= FILES_SHOWN else f"{len(names)} files"


def _line_values(line: Line | None) -> dict[str, Any] | None:
    if line is None:
        return None
    return {
        "limit_us": None if line.limit_us == NO_LIMIT_US else line.limit_us,
        "warn_permille": line.warn_permille,
        "hours": line.hours,
        "pauses": line.pauses,
        "when": {name: sorted(values) for name, values in line.when.items()},
        "where": line.where,
    }


def _alarm_values(alarm: Alarm | None, zone: ZoneInfo) -> dict[str, Any] | None:
    if alarm is None:
        return None
    return {
        "id": alarm.id,
        "at": iso(alarm.at_us, zone),
        "limit": alarm.commitment,
        "step": alarm.step,
        "is_breach": alarm.is_breach,
        alarm.about: alarm.name,
        "since": iso(alarm.since_us, zone),
        **{name: value for name, value in zip(DIMENSIONS, alarm.values, strict=False) if value},
        **dict(alarm.more),
    }


def _show(header: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int | None = None) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, name in enumerate(header):
        is_number = numbers_from is not None and column >= numbers_from
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        # As text: what stands in brackets is a name, not a colour; and a name must not steer the terminal.
        table.add_row(*(Text(cell if cell.isprintable() else ascii(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_COLUMNS)
    console.print(table)
