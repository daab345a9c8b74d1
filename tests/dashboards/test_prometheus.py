"""The whole way, with a real Prometheus and Alertmanager: every rule and every query works, every figure is the wall's and the report's, and a
breach arrives."""

import csv
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.catalogue import METRICS, metrics_in
from dashboards.documents import through_rules
from dashboards.grafana.boards import boards
from dashboards.present import PRESENT
from dashboards.queries import service_level
from streams.policy.reading import default_policy
from tests.dashboards.monitoring import Monitoring, monitoring, until
from tests.dashboards.scraped import scraped

ROOT = Path(__file__).parents[2]
POLICY = default_policy()


def recorded(folder: Path) -> Path:
    """Two hours of a small centre up to two minutes ago, at its local noon."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2, minutes=2)
    zone = f"Etc/GMT{start.hour - 11:+d}"
    file = folder / "events.jsonl"
    command = [
        sys.executable,
        "-m",
        "streams",
        "simulate",
        "--preset",
        "small",
        "--agents",
        "40",
        "--seed",
        "7",
        "--zone",
        zone,
    ]
    subprocess.run(
        [*command, "--start", start.isoformat(), "--duration", "2h", "-o", str(file)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return file


def post(held: Monitoring, lines: list[bytes]) -> None:
    """Returns when they are counted, and nothing is held back for its place in time."""
    before = held.service.now()["counters"]["events"]
    for first in range(0, len(lines), 20_000):
        body = b"".join(lines[first : first + 20_000])
        request = urllib.request.Request(held.service.url + "/v1/events", body, {"Source": "recorded"})
        urllib.request.urlopen(request, timeout=60).close()
    told_us = time.time() * 1e6
    until(
        lambda: (
            (now := held.service.now())["watermark_us"]
            and now["watermark_us"] > told_us
            and now["counters"]["events"] >= before + len(lines)
        )
    )


def present(lines: list[bytes]) -> list[bytes]:
    """One more contact in every queue and shop of the recording, answered and closed at once."""
    places = {
        tuple(event.get(name) for name in ("queue", "tenant", "channel"))
        for event in map(json.loads, lines)
        if event["type"] == "contact.queued"
    }
    now_ms = time.time_ns() // 1_000_000
    found = []
    for number, (queue, tenant, channel) in enumerate(sorted(places, key=str)):
        of = {"time": now_ms, "contact": f"now-{number}", "queue": queue, "tenant": tenant, "channel": channel}
        of = {name: value for name, value in of.items() if value is not None}
        kinds = ("contact.opened", "contact.queued", "contact.answered", "contact.closed")
        found += [{"type": kind, **of, **({"agent": "now"} if kind == "contact.answered" else {})} for kind in kinds]
    return [json.dumps(event).encode() + b"\n" for event in found]


#: Dimensions of all rollups of the service.
GROUPED = ("queue", "tenant", "channel", "category", "region")


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Monitoring, Path]]:
    """Everything running, after the recorded events went in by halves, with scrapes before, between and after."""
    folder = tmp_path_factory.mktemp("monitoring")
    file = recorded(folder)
    lines = file.read_bytes().splitlines(keepends=True)
    with monitoring(folder, POLICY) as held:
        until(lambda: held.value("floorwatch_ready") == 1)
        post(held, lines)
        held.scraped_again()
        # What is told now lets counters of every queue grow between two scrapes. It belongs to the recording too.
        more = present(lines)
        post(held, more)
        file.write_bytes(b"".join(lines + more))
        until(lambda: held.service.now()["counters"]["events"] >= len(lines) + len(more))
        held.scraped_again()
        yield held, file


def test_every_rule_evaluates(floor: tuple[Monitoring, Path]) -> None:
    rules = until(lambda: (found := floor[0].rules()) and all(rule["health"] != "unknown" for rule in found) and found)
    assert len(rules) > 90
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_every_query_of_every_panel_returns_data_or_says_why_it_need_not(floor: tuple[Monitoring, Path]) -> None:
    held, _ = floor
    silent = []
    for board in boards(POLICY):
        for panel in board.panels:
            for query in panel.queries:
                expression = re.sub(r"\$\w+", ".*", query.expression)
                if not held.query(expression) and not query.quiet:
                    silent.append((board.name, panel.title[0], expression))
    assert not silent, silent


def test_one_machine_tells_what_the_catalogue_has_and_nothing_else(floor: tuple[Monitoring, Path]) -> None:
    found = scraped(f"{floor[0].service.url}/metrics")
    quiet = {
        name
        for board in boards(POLICY)
        for panel in board.panels
        for query in panel.queries
        if query.quiet
        for name in metrics_in(through_rules(query.expression, POLICY))
    }
    assert set(METRICS) - found - quiet == set()


def test_every_figure_of_the_wall_is_in_prometheus_to_the_last_digit(floor: tuple[Monitoring, Path]) -> None:
    held, _ = floor
    names = {metric.name: metric.of[0][0] for metric in PRESENT if metric.floor and not metric.labels}
    compared = 0
    for _ in range(12):
        # Windows move on and waits grow: what is asked in between must be what was before, or what is after.
        before = held.service.now()
        held.scraped_again()
        samples = held.query(f'{{__name__=~"{"|".join(names)}"}}')
        after = held.service.now()
        for name, key in list(names.items()):
            one, other = told(before, key), told(after, key)
            found = {
                labels_of(sample): float(sample["value"][1])
                for sample in samples
                if sample["metric"]["__name__"] == name
            }
            grows = key == "longest_wait_s" and one.keys() == found.keys()
            if found in (one, other) or (grows and all(one[group] <= found[group] <= other[group] for group in found)):
                compared += len(found)
                del names[name]
        if not names:
            break
    assert names == {}
    assert compared > 100


def told(facts: dict[str, Any], key: str) -> dict[tuple[str, ...], float]:
    """A figure of `/api/v1/now` by rollup and group."""
    return {
        (rollup, *(str(row.get(name) or "") for name in GROUPED)): row[key]
        for rollup, rows in facts["groups"].items()
        for row in rows
        if row.get(key) is not None
    }


def labels_of(sample: dict[str, Any]) -> tuple[str, ...]:
    return tuple(sample["metric"].get(name, "") for name in ("rollup", *GROUPED))


def test_service_level_and_counts_are_the_reports(floor: tuple[Monitoring, Path], tmp_path: Path) -> None:
    held, file = floor
    summary = tmp_path / "summary.json"
    command = [
        sys.executable,
        "-m",
        "streams",
        "replay",
        str(file),
        "--by",
        "queue",
        "--report",
        str(tmp_path / "report.csv"),
    ]
    subprocess.run(
        [*command, "--window", "24h", "--step", "24h", "--zone", "UTC", "--summary", str(summary)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    report = json.loads(summary.read_text())
    assert report["answered"] > 100
    counters = {
        "offered": "floorwatch_offered_contacts_total", "queued": "floorwatch_queued_contacts_total",
        "answered": 'floorwatch_answered_contacts_total{by="arrival"}', "abandoned": 'floorwatch_abandoned_contacts_total{by="arrival"}',
        "events_answered": 'floorwatch_answered_contacts_total{by="event"}', "handled": "floorwatch_handled_contacts_total",
        "answered_in_target": 'floorwatch_answered_wait_target_ratio_bucket{le="1.0"}', "first_response_count": "floorwatch_first_response_seconds_count",
        "response_count": "floorwatch_response_seconds_count", "orders": "floorwatch_orders_total",
    }  # fmt: skip
    found = {
        name: held.value(
            f'sum({series}) by (rollup) and on (rollup) label_replace(vector(1), "rollup", "total", "", "")'
        )
        for name, series in counters.items()
    }
    assert found == {name: report[name] for name in counters}
    # Regions are kept with categories only, and add up all the same.
    by_region = 'sum by (region) (floorwatch_offered_contacts_total{rollup="category,region"})'
    assert len(held.query(by_region)) > 1
    assert held.value(f"sum({by_region})") == report["offered"]
    # By the default formula: answered in target by all that were answered or abandoned. Written with six digits in the report.
    level = held.value('rollup:floorwatch_service_level:ratio{rollup="total"}')
    assert level == pytest.approx(report["answered_in_target"] / (report["answered"] + report["abandoned"]), abs=1e-9)
    assert level == pytest.approx(report["service_level"], abs=1e-6)
    by_queue = {
        sample["metric"]["queue"]: float(sample["value"][1])
        for sample in held.query('rollup:floorwatch_service_level:ratio{rollup="queue"}')
    }
    assert len(by_queue) > 1
    with (tmp_path / "report.csv").open(encoding="utf-8") as file_of_report:
        sums: dict[str, Counter[str]] = {}
        for row in csv.DictReader(file_of_report):
            counted = {name: int(row[name]) for name in ("answered", "abandoned", "answered_in_target")}
            sums.setdefault(row["queue"], Counter()).update(counted)
    assert by_queue == pytest.approx({
        queue: of["answered_in_target"] / (of["answered"] + of["abandoned"]) for queue, of in sums.items() if of["answered"] + of["abandoned"]
    }, abs=1e-9)  # fmt: skip


def test_the_service_level_of_the_buckets_is_the_walls(floor: tuple[Monitoring, Path]) -> None:
    held, _ = floor
    now_ms = time.time_ns() // 1_000_000
    events: list[dict[str, Any]] = []
    for number in range(7):  # All of them within the wall's window, so that its quotient is the one since ever.
        of = {"contact": f"level-{number}", "queue": "level", "channel": "app"}
        ended = {"type": "contact.answered", "agent": "now"} if number < 4 else {"type": "contact.abandoned"}
        events += [{"type": "contact.queued", "time": now_ms - 200, **of}, {"time": now_ms - 100, **of, **ended}]
    held.service.post(events)
    told = until(
        lambda: next(
            (
                row
                for row in held.service.now()["groups"]["queue"]
                if row["queue"] == "level" and row["answered"] + row["abandoned"] == 7
            ),
            None,
        )
    )
    held.scraped_again()
    expression = service_level(POLICY.service_level).replace("{", '{rollup="queue", queue="level", ')
    found = held.value(expression)
    assert found == pytest.approx(told["service_level"], abs=1e-9)
    assert told["service_level"] == 4 / 7


def test_a_planted_breach_arrives_with_the_right_labels_by_both_ways(floor: tuple[Monitoring, Path]) -> None:
    held, _ = floor
    now_ms = time.time_ns() // 1_000_000
    said = {
        "queue": "planted",
        "tenant": "shop-ka",
        "channel": "phone",
        "tier": "ka",
        "region": "east",
        "customer": "SECRET-CUSTOMER",
    }
    held.service.post([{"type": "contact.queued", "time": now_ms - 29_000, "contact": "SECRET-CONTACT", **said}])
    until(
        lambda: any(
            alert.get("queue") == "planted"
            and alert["alertname"] == "CommitmentBroken"
            and alert["commitment"] == "wait"
            for alert in held.alerts()
        )
    )
    direct = next(
        alert for alert in held.alerts() if alert.get("queue") == "planted" and alert.get("commitment") == "wait"
    )
    assert direct == {
        "alertname": "CommitmentBroken", "commitment": "wait", "severity": "critical", "level": "manager", "origin": "floorwatch", "path": "direct",
        "queue": "planted", "tenant": "shop-ka", "channel": "phone", "tier": "ka", "region": "east",
    }  # fmt: skip
    by_rules = until(
        lambda: [
            a
            for a in held.alerts()
            if a["alertname"] == "CommitmentBroken" and a["commitment"] == "wait" and "path" not in a
        ]
    )
    assert by_rules[0] == {
        "alertname": "CommitmentBroken", "commitment": "wait", "severity": "warning", "level": "supervisor", "origin": "floorwatch", "subject": "commitments",
    }  # fmt: skip
    until(lambda: any(alert["alertname"] == "Watchdog" for alert in held.alerts()))
    assert "SECRET" not in str(held.alerts())
    assert "SECRET" not in held.service.get("/metrics").decode()
