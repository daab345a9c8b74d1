"""A panel and a board before they are JSON: what is asked, what it is called in two languages, how wide it is.

Owns the form, and thresholds from the policy. Never knows Grafana's JSON: see `dashboards.grafana.model`.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.policy import Policy

__all__ = ["REGION", "UNSAID", "Board", "Panel", "Query", "Steps", "asked", "by_region", "limits"]

#: From which value on which colour; None for whatever is below.
Steps = tuple[tuple[float | None, str], ...]
_PLAIN: Steps = ((None, "blue"),)


@dataclass(frozen=True)
class Query:
    """PromQL with its legend. `quiet` says why it may have nothing to answer in a healthy centre; "" where it must answer."""

    expression: str
    legend: str
    quiet: str = ""


@dataclass(frozen=True)
class Panel:
    """`kind`: `stat`, `timeseries`, `bargauge`, `table`. The description is made from the metrics that are asked for, and `english` and
    `chinese` beside that. `width` of 24, `height` in rows."""

    kind: str
    title: tuple[str, str]
    queries: tuple[Query, ...]
    unit: str = "short"
    steps: Steps = _PLAIN
    width: int = 12
    height: int = 8
    note: tuple[str, str] = ("", "")
    stacked: bool = False


@dataclass(frozen=True)
class Board:
    """One dashboard: a stable name, titles, what it is for, the variables it has, its panels in reading order. One that is `on_wall` fits a
    screen."""

    name: str
    title: tuple[str, str]
    purpose: tuple[str, str]
    variables: tuple[str, ...]
    panels: tuple[Panel, ...]
    on_wall: bool = False
    span: str = "3h"
    refresh: str = "15s"


#: Regions are kept with categories: what is asked of one is added up over its categories, or is the longest of them.
REGION = '{rollup="category,region", region=~"$region"}'
UNSAID = "no contact says its category and region"


def by_region(how: str, metric: str, labels: str = "") -> tuple[Query, ...]:
    """A figure of the floor by region; `how` puts together its parts by category."""
    return asked(f"{how} by (region) ({metric}{REGION[:-1]}{labels}}})", "{{region}}", UNSAID)


def asked(expression: str, legend: str = "", quiet: str = "") -> tuple[Query, ...]:
    """One query alone."""
    return (Query(expression, legend, quiet),)


def limits(policy: Policy, measure: str) -> Steps:
    """Colours by the limits that the policy's conditions set to a measure: yellow where it is not well again yet, red beyond."""
    for condition in policy.conditions:
        for bound in condition.any_of:
            if bound.measure == measure and bound.form == "figure":
                limit, clear = bound.limit, bound.clear_at
                if bound.is_above:
                    return _distinct((None, "green"), (clear, "yellow"), (limit, "red"))
                return _distinct((None, "red"), (limit, "yellow"), (clear, "green"))
    return _PLAIN


def _distinct(first: tuple[None, str], middle: tuple[float, str], last: tuple[float, str]) -> Steps:
    return (first, last) if middle[0] == last[0] else (first, middle, last)
