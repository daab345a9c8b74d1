"""For every alert a series at which it fires and one at which it must not, and the file for `promtool test rules` that they make.

Series are in promtool's notation: `0+1x40` begins with 0 and grows by 1 forty times, once a minute.
"""

from typing import Any

from dashboards.alerting import alerts_of
from engine.policy import Policy

__all__ = ["CASES", "promtool_file"]

GROWS, STANDS = "0+5x60", "5x60"
_COMMITS = (
    ('floorwatch_journal_commit_seconds_bucket{le="0.5"}', "floorwatch_journal_commit_seconds_bucket{le=\"1.0\"}",
     'floorwatch_journal_commit_seconds_bucket{le="+Inf"}')
)  # fmt: skip


def _answered(in_target: str, answered: str, abandoned: str) -> dict[str, str]:
    of = 'rollup="queue",queue="q"'
    return {
        f'floorwatch_answered_wait_target_ratio_bucket{{{of},le="1.0"}}': in_target,
        f'floorwatch_answered_contacts_total{{{of},by="arrival"}}': answered,
        f'floorwatch_abandoned_contacts_total{{{of},by="arrival"}}': abandoned,
        f"floorwatch_abandoned_in_target_contacts_total{{{of}}}": "0x60",
        f"floorwatch_abandoned_short_contacts_total{{{of}}}": "0x60",
    }


#: By alert: what fires it, and what must not.
CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "ServiceLevelLowByCounters": (_answered("0+5x60", "0+10x60", "0+1x60"), _answered("0+10x60", "0+10x60", "0+1x60")),
    "CommitmentBroken": tuple({'floorwatch_breaches_total{rollup="total",commitment="wait"}': told} for told in (GROWS, STANDS)),
    "CaseOverdue": tuple({'floorwatch_open_cases{state="overdue"}': told} for told in ("1x60", "0x60")),
    "PromiseOverdue": tuple({'floorwatch_open_promises{state="overdue"}': told} for told in ("1x60", "0x60")),
    "QueueBreaking": tuple({'floorwatch_condition_raised{condition="queue_breaking",severity="warning",queue="desk"}': told} for told in ("1x60", "_x60")),
    "PeopleOverloaded": tuple({'floorwatch_people{are="overloaded"}': told} for told in ("1x60", "1x5 0x55")),
    # It must never be silent: without it, the way by which alerts come is broken.
    "Watchdog": ({}, {}),
    "FloorwatchDown": tuple({'up{job="floorwatch"}': told} for told in ("0x60", "1x60")),
    "FloorwatchAbsent": ({"floorwatch_ready": "_x60"}, {"floorwatch_ready": "1x60"}),
    "FloorwatchNotReady": tuple({"floorwatch_ready": told} for told in ("0x60", "0x9 1x50")),
    "WatermarkStalled": tuple({"floorwatch_watermark_lag_seconds": told} for told in ("61x60", "59x60")),
    "EventsStopped": tuple({"floorwatch_events_total": told} for told in (STANDS, GROWS)),
    "Blind": tuple({"floorwatch_blind": told} for told in ("1x60", "0x60")),
    "SourceRefused": tuple({'floorwatch_source_refused{source="pbx"}': told} for told in ("1x60", "0x60")),
    "SourceOverdue": tuple({'floorwatch_source_overdue{source="pbx"}': told} for told in ("1x60", "0x60")),
    "SourceClockBehind": tuple({'floorwatch_source_skew_seconds{source="pbx"}': told} for told in ("90x60", "3x60")),
    # The clock of the test is the seconds since its beginning; it looks at 40 min, which is 2,400 s.
    "SourceStale": tuple({'floorwatch_source_event_timestamp_seconds{source="pbx"}': told} for told in ("0x60", "0+60x60")),
    "SourceClockAhead": tuple({'floorwatch_source_event_timestamp_seconds{source="pbx"}': told} for told in ("30+60x60", "0+60x60")),
    "EventsDropped": tuple({"floorwatch_dropped_events_total": told} for told in (GROWS, STANDS)),
    "EventsLate": tuple({"floorwatch_late_events_total": told, "floorwatch_events_total": "0+100x60"} for told in (GROWS, "0+0.5x60")),
    "EventsRejected": tuple({'floorwatch_rejected_events_total{reason="invalid_json"}': told} for told in (GROWS, STANDS)),
    "EventsIllegal": tuple(
        {'floorwatch_illegal_events_total{reason="x"}': told, "floorwatch_events_total": "0+100x60"} for told in (GROWS, "0+0.5x60")),
    "LimitReached": tuple({'floorwatch_limit_reached_total{limit="names_max"}': told} for told in (GROWS, STANDS)),
    "BacklogLarge": tuple({"floorwatch_backlog_bytes": told} for told in ("70000000x60", "60000000x60")),
    "SendersTurnedAway": tuple({"floorwatch_busy_answers_total": told} for told in (GROWS, STANDS)),
    "JournalSlow": (dict(zip(_COMMITS, ("0x60", "0+9x60", "0+10x60"), strict=True)),
                    dict(zip(_COMMITS, ("0+10x60", "0+10x60", "0+10x60"), strict=True))),
    "PolicyRefused": tuple({'floorwatch_policy_reloads_total{outcome="refused"}': told} for told in (GROWS, STANDS)),
    "GroupsTogether": tuple({'floorwatch_overflow_groups{rollup="queue"}': told} for told in ("3x60", "0x60")),
    "SeriesMany": tuple({"floorwatch_exported_series": told} for told in ("200001x60", "200000x60")),
    "AlertmanagerUnreached": (
        {'floorwatch_alertmanager_requests_total{outcome="failed"}': GROWS},
        {'floorwatch_alertmanager_requests_total{outcome="failed"}': STANDS, 'floorwatch_alertmanager_requests_total{outcome="delivered"}': GROWS}),
    "ReportNotMailed": tuple({'floorwatch_mailed_reports_total{outcome="failed"}': told} for told in (GROWS, STANDS)),
    "WorkerDown": tuple({'up{job="floorwatch-worker"}': told} for told in ("0x60", "1x60")),
    "PartitionsUnheld": tuple(
        {"floorwatch_worker_topic_partitions": "2x60", 'floorwatch_worker_ready{partition="0"}': "1x60",
         'floorwatch_worker_ready{partition="1"}': told} for told in ("1x20 _x40", "0x60")),
    "WorkerStalled": tuple({'floorwatch_worker_stalled_seconds{partition="1"}': told} for told in ("31x60", "29x60")),
    "WorkerBehind": tuple({'floorwatch_worker_oldest_unread_seconds{partition="1"}': told} for told in ("61x60", "59x60")),
    "WorkerLagGrowing": tuple({'floorwatch_worker_lag_events{partition="1"}': told} for told in ("0+6000x60", "240000-6000x60")),
    "WorkerRecovering": tuple({'floorwatch_worker_ready{partition="1"}': told} for told in ("0x60", "0x9 1x50")),
    "WorkersUnsteady": tuple({"floorwatch_worker_rebalances_total": told} for told in (GROWS, STANDS)),
    "DeadLetters": tuple({"floorwatch_worker_rejected_total": told} for told in (GROWS, STANDS)),
    "GatewayDown": tuple({'up{job="floorwatch-gateway"}': told} for told in ("0x60", "1x60")),
    "GatewayRefusing": tuple({"floorwatch_gateway_busy_answers_total": told} for told in (GROWS, STANDS)),
    "GatewayUncertain": tuple({"floorwatch_gateway_unknown_answers_total": told} for told in (GROWS, STANDS)),
}  # type: ignore[assignment]  # fmt: skip


def _cases(policy: Policy) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Those of above, and of each condition: raised, and no longer raised while others are."""
    names = [condition.name for condition in policy.conditions]
    found = dict(CASES)
    for alert in alerts_of(policy)[: len(names)]:
        own = names[len(found) - len(CASES)]
        series = 'floorwatch_condition_raised{{condition="{}",severity="{}",queue="q"}}'
        found[alert.name] = (
            {series.format(own, alert.severity): "1x60"},
            {series.format(own, alert.severity): "1x20 _x40"},
        )
    return found


def promtool_file(policy: Policy, rules: str) -> dict[str, Any]:
    """What promtool is given: every alert where it fires and where it is silent. Cases that read other metrics share a test, since each test
    evaluates all rules."""
    blocks: list[tuple[dict[str, str], list[dict[str, Any]]]] = []
    cases = _cases(policy)
    for alert in alerts_of(policy):
        for fires, series in zip((True, alert.name == "Watchdog"), cases[alert.name], strict=True):
            held, expected = next((block for block in blocks if _goes_with(series, block[0])), ({}, []))
            if not expected:
                blocks.append((held, expected))
            held.update(series)
            expected.append({
                "expr": f'count(ALERTS{{alertname="{alert.name}",alertstate="firing"}})', "eval_time": "40m",
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            })  # fmt: skip
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in held.items()],
            "promql_expr_test": expected,
        }
        for held, expected in blocks
    ]
    return {"rule_files": [rules], "evaluation_interval": "1m", "tests": tests}


def _goes_with(series: dict[str, str], held: dict[str, str]) -> bool:
    """Whether no alert of the one reads what the other has."""
    own, others = (
        {name if "condition=" in name else name.partition("{")[0] for name in told} for told in (series, held)
    )
    return not own & others
