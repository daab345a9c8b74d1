"""Recording and alerting rules of Prometheus, as it reads them.

Owns the groups, the recording rules and the form of both. The figures' expressions are in `dashboards.queries`, the alerts in
`dashboards.alerting`. Law: the same policy gives the same bytes.
"""

from __future__ import annotations

from typing import Any

import yaml

from dashboards.alert import Alert
from dashboards.alerting import alerts_of
from dashboards.queries import RATIOS, grown, percentile, service_level, share
from engine.policy import Policy

__all__ = ["SPANS", "anchor", "recordings", "rules_file"]

SPANS = ("30m", "1d")
_EVENTS = (
    ("offered_contacts", "floorwatch_offered_contacts_total"),
    ("answered_contacts", 'floorwatch_answered_contacts_total{by="event"}'),
    ("abandoned_contacts", 'floorwatch_abandoned_contacts_total{by="event"}'),
    ("handled_contacts", "floorwatch_handled_contacts_total"),
)
_PERCENTILES = ("answered_wait_seconds", "first_response_seconds", "response_seconds")
#: Occupancy beyond which people burn out, where the policy does not say.
_OCCUPANCY = 0.88


def recordings(policy: Policy) -> dict[str, str]:
    """Expressions by the names that rules give them: level, metric and operation."""
    found = {"rollup:floorwatch_service_level:ratio": service_level(policy.service_level)}
    for span in SPANS:
        found[f"rollup:floorwatch_service_level:ratio{span}"] = service_level(policy.service_level, span)
        for name, (over, under, times) in RATIOS.items():
            found[f"rollup:floorwatch_{name}:ratio{span}"] = share(over, under, span, times)
        found[f"rollup:floorwatch_nps:points{span}"] = _promoters(span)
        for name, series in _EVENTS:
            found[f"rollup:floorwatch_{name}:increase{span}"] = grown(series, span)
    for name in _PERCENTILES:
        found[f"rollup:floorwatch_{name}:p95_30m"] = percentile(f"floorwatch_{name}", 0.95, "30m")
    found["commitment:floorwatch_breaches:increase30m"] = (
        'sum by (instance, job, commitment) (increase(floorwatch_breaches_total{rollup="total"}[30m]))'
    )
    # Traffic in Erlangs: how many people would be busy all the time with what arrives.
    found["rollup:floorwatch_offered_load:erlangs30m"] = (
        "rollup:floorwatch_offered_contacts:increase30m / 1800 * rollup:floorwatch_handle_seconds:ratio30m"
    )
    found["rollup:floorwatch_people_needed:people"] = (
        f"ceil(rollup:floorwatch_offered_load:erlangs30m / {occupancy_limit(policy):g})"
    )
    found["rollup:floorwatch_people_present:people"] = (
        'sum without (state) (floorwatch_agents{state=~"available|busy|wrapup"})'
    )
    return found


def occupancy_limit(policy: Policy) -> float:
    """The occupancy that the policy takes for too high."""
    limits = [
        bound.limit
        for condition in policy.conditions
        for bound in condition.any_of
        if bound.measure == "occupancy" and bound.is_above and bound.form == "figure"
    ]
    return min(limits, default=_OCCUPANCY)


def _promoters(span: str) -> str:
    answers = "floorwatch_nps_answers_total"
    gained, lost, all_ = (grown(f'{answers}{{answer="{who}"}}', span) for who in ("promoter", "detractor", "all"))
    # Of a group that never had the one or the other there is no series.
    return f"100 * (({gained} or {all_} * 0) - ({lost} or {all_} * 0)) / ({all_} > 0)"


def rules_file(policy: Policy, runbook: str) -> str:
    """All rules as YAML; `runbook` is the address of RUNBOOK.md."""
    groups = [
        {
            "name": "floorwatch-figures",
            "interval": "15s",
            "rules": [{"record": name, "expr": expression} for name, expression in recordings(policy).items()],
        },
        {
            "name": "floorwatch-alerts",
            "interval": "15s",
            "rules": [_rule(alert, runbook) for alert in alerts_of(policy)],
        },
    ]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=10_000)


def anchor(alert: Alert) -> str:
    """Where the runbook has the alert."""
    return alert.name.lower()


def _rule(alert: Alert, runbook: str) -> dict[str, Any]:
    labels = {"severity": alert.severity, "level": alert.level, "origin": "floorwatch"}
    labels |= {"blind": "yes"} if alert.blind else {}
    labels |= {"subject": alert.subject} if alert.subject else {}
    return {
        "alert": alert.name,
        "expr": alert.expression,
        **({"for": alert.lasting} if alert.lasting != "0s" else {}),
        "labels": labels,
        "annotations": {
            "summary": alert.english,
            "summary_zh": alert.chinese,
            "description": alert.todo,
            "description_zh": alert.todo_chinese,
            "runbook_url": f"{runbook}#{anchor(alert)}",
        },
    }
