"""The exposition: it says what the facts and the sums say, in both formats, and never shrinks, overflows or names anybody."""

import gzip
import re
from itertools import pairwise
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from dashboards.catalogue import METRICS
from dashboards.exposition import Exposition, Health, render
from dashboards.floor import dimensions_of
from engine.exported import LES, exported
from engine.pipeline import Engine, Settings
from engine.policy import Policy, line
from engine.windows import Spec
from tests.dashboards.test_wall import client, facts, row
from tests.engine.events import HOUR_US, MINUTE_US, S, at, clock_us
from tests.engine.running import feed

COLLECTED = dict[str, list[tuple[dict[str, str], float]]]


def samples(text: bytes, families: Any = text_string_to_metric_families) -> COLLECTED:
    found: COLLECTED = {}
    for family in families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def of(found: COLLECTED, name: str, **labels: str) -> float | None:
    """The one sample with these labels, None where there is none."""
    chosen = [value for told, value in found.get(name, ()) if labels.items() <= told.items()]
    assert len(chosen) < 2, chosen
    return chosen[0] if chosen else None


def engine_at(clock: str, *arrivals: Any, policy: Policy | None = None) -> Engine:
    """An engine that has seen these and stands at that time of day."""
    engine = Engine(Settings(windows=(Spec(30 * MINUTE_US, MINUTE_US),), policy=policy or Policy()))
    feed(engine, list(arrivals))
    engine.advance(clock_us(clock))
    return engine


def scraped(engine: Engine, exposition: Exposition | None = None, **options: Any) -> COLLECTED:
    parser = openmetrics_families if options.get("openmetrics") else text_string_to_metric_families
    told = exported(engine, 100 if options.pop("people", False) else 0)
    return samples((exposition or Exposition()).render(engine.now(), Health(), told, **options), parser)


def test_the_metrics_say_what_the_facts_say() -> None:
    found = samples(render(facts(), Health()))
    waiting = {(s["rollup"], s["queue"], s["tenant"], s["channel"]): v for s, v in found["floorwatch_waiting_contacts"]}
    assert waiting == {
        ("total", "", "", ""): 3,
        ("queue", "售后", "", ""): 3,
        ("queue", 'a"b\n\\c', "", ""): 0,
        ("tenant,channel", "", "shop", "app"): 3,
    }
    assert found["floorwatch_rejected_events_total"] == [({"reason": "invalid_json"}, 2.0)]
    assert found["floorwatch_limit_reached_total"] == [({"limit": "names_max"}, 4.0)]
    assert found["floorwatch_duplicate_events_total"] == [({}, 1.0)]
    assert found["floorwatch_watermark_lag_seconds"] == [({}, 2.0)]
    states = {labels["state"]: value for labels, value in found["floorwatch_agents"] if labels["rollup"] == "total"}
    assert states == {"available": 2, "busy": 1}


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_no_data_is_no_sample_and_never_zero(nothing: float | None) -> None:
    rows = [row(queue="a", service_level=nothing), row(queue="b", service_level=0.0)]
    found = samples(render(facts(groups={"queue": rows}), Health()))
    assert [(labels["queue"], value) for labels, value in found["floorwatch_service_level_ratio"]] == [("b", 0.0)]
    assert "floorwatch_occupancy_ratio" not in found


def test_before_the_first_facts_there_are_metrics_of_health_only() -> None:
    found = samples(render({}, Health({"floorwatch_ready": 0.0})))
    assert found == {"floorwatch_ready": [({}, 0.0)]}


def test_the_commit_histogram_is_cumulative_and_in_seconds() -> None:
    health = Health(commit_buckets=[("0.001", 3), ("0.01", 8), ("+Inf", 9)], commit_seconds_sum=0.25)
    found = samples(render({}, health))
    buckets = [(labels["le"], value) for labels, value in found["floorwatch_journal_commit_seconds_bucket"]]
    assert buckets == [("0.001", 3.0), ("0.01", 8.0), ("+Inf", 9.0)]
    assert found["floorwatch_journal_commit_seconds_count"] == [({}, 9.0)]
    assert found["floorwatch_journal_commit_seconds_sum"] == [({}, 0.25)]


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_is_named_and_explained_by_the_rules(metric: Any) -> None:
    assert re.fullmatch("floorwatch_[a-z0-9]+(_[a-z0-9]+)*", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    base = metric.name.removesuffix("_total")
    assert base.endswith("_seconds") == (metric.unit == "seconds")
    assert base.endswith("_ratio") == (metric.unit == "ratio")
    assert metric.english.endswith(".") and metric.chinese.endswith("。") and metric.formula


def test_neither_people_nor_customers_become_labels_unless_people_are_asked_for() -> None:
    text = render(facts(agents={"a1": {"customer": "SECRET"}}), Health()).decode()
    assert "a1" not in text
    assert "SECRET" not in text
    engine = engine_at(
        "8:03",
        at("8:00", "agent.state", agent="Li Na", state="available", slots=2),
        at("8:01", "contact.opened", "c1", customer="SECRET"),
        at("8:02", "contact.answered", "c1", agent="Li Na"),
    )
    assert "Li Na" not in str(scraped(engine))
    found = scraped(engine, people=True)
    assert of(found, "floorwatch_agent_load_contacts", agent="Li Na") == 1
    assert of(found, "floorwatch_agent_slots", agent="Li Na") == 2
    assert of(found, "floorwatch_agent_state", agent="Li Na", state="available") == 1
    assert "SECRET" not in str(found)
    assert "c1" not in str(found)


#: Waits of one queue, in seconds: seven answered, one abandoned.
WAITS = (0, 0.5, 4.999, 5, 19.999, 20, 20.001)


def waited(start_us: int, waits: tuple[float, ...] = WAITS, queue: str = "q") -> list[Any]:
    told = []
    for number, wait_s in enumerate(waits):
        name = f"{queue}-{start_us}-{number}"
        told.append(at(start_us, "contact.queued", name, queue=queue, tenant="shop", channel="app"))
        told.append(at(start_us + round(wait_s * S), "contact.answered", name, agent="a"))
    told.append(at(start_us, "contact.queued", f"{queue}-{start_us}-x", queue=queue, tenant="shop", channel="app"))
    told.append(at(start_us + 40 * S, "contact.abandoned", f"{queue}-{start_us}-x"))
    return sorted(told, key=lambda arrival: arrival.time_us)


@pytest.mark.parametrize("openmetrics", [False, True])
def test_the_service_level_from_buckets_is_the_walls_whatever_the_targets(openmetrics: bool) -> None:
    targets = Policy(lines=(line("target", 20), line("target", 5, channel="app")))
    for policy, in_target in ((Policy(), 6), (targets, 4)):
        engine = engine_at("8:01", *waited(clock_us("8:00")), policy=policy)
        found = scraped(engine, openmetrics=openmetrics)
        for group in ({"rollup": "total"}, {"rollup": "queue", "queue": "q"}, {"tenant": "shop", "channel": "app"}):
            hits, answered = (
                of(found, "floorwatch_answered_wait_target_ratio_bucket", **group, le=le) for le in ("1.0", "+Inf")
            )
            abandoned = of(found, "floorwatch_abandoned_contacts_total", **group, by="arrival")
            assert (hits, answered, abandoned) == (in_target, 7, 1)
            shown = of(found, "floorwatch_service_level_ratio", **group)
            assert shown == round(hits / (answered + abandoned), 4)  # type: ignore[operator]


def test_every_bucket_is_exact_and_never_shrinks_though_the_engine_forgets() -> None:
    settings = Settings(windows=(Spec(30 * MINUTE_US, MINUTE_US),), retention_us=3 * HOUR_US)
    engine, exposition = Engine(settings), Exposition()
    feed(engine, waited(clock_us("0:00"), (3.0,), "before"))
    engine.advance(clock_us("0:01"))
    exposition.follow(exported(engine))
    before: list[float] = [0.0] * len(LES)
    for hour in range(1, 9):
        feed(engine, waited(clock_us(f"{hour}:00")))
        engine.advance(clock_us(f"{hour}:01"))
        found = scraped(engine, exposition)
        told = found["floorwatch_answered_wait_seconds_bucket"]
        cumulative = [value for labels, value in told if labels["rollup"] == "total" and labels["le"] != "+Inf"]
        assert cumulative == [hour * sum(wait <= le for wait in WAITS) for le in LES]
        assert all(one <= other for one, other in zip(before, cumulative, strict=True))
        assert of(found, "floorwatch_answered_wait_seconds_count", rollup="total") == 7 * hour
        assert of(found, "floorwatch_answered_wait_seconds_sum", rollup="total") == pytest.approx(hour * sum(WAITS))
        assert of(found, "floorwatch_offered_contacts_total", rollup="total") == 8 * hour + 2
        before = cumulative
    assert not len(engine.tallies.rollups[0].keys) > 4 * 60, "panes were forgotten"
    assert all(one < other for one, other in pairwise(LES))


def test_what_happened_and_what_arrived_are_told_apart() -> None:
    engine = engine_at("8:11", *waited(clock_us("8:00")), at("8:10", "contact.queued", "late", queue="q"))
    found = scraped(engine)
    answered = {
        labels["by"]: value
        for labels, value in found["floorwatch_answered_contacts_total"]
        if labels["rollup"] == "total"
    }
    assert answered == {"arrival": 7, "event": 7}
    assert of(found, "floorwatch_breaches_total", rollup="total", commitment="wait") == 0
    assert of(found, "floorwatch_breaches_total", rollup="queue", commitment="wait") is None


def test_groups_beyond_the_limit_are_added_up_under_another_name_and_counted() -> None:
    arrivals = [event for number in range(6) for event in waited(clock_us("8:00"), queue=f"q{number}")]
    engine = engine_at("8:01", *sorted(arrivals, key=lambda arrival: arrival.time_us))
    found = scraped(engine, Exposition(groups_max=5))
    told = {labels["queue"]: value for labels, value in found["floorwatch_offered_contacts_total"] if labels["queue"]}
    assert len(told) == 4
    assert told["(other)"] == 24
    assert sum(told.values()) == 48
    windowed = {
        labels["queue"]: value for labels, value in found["floorwatch_window_offered_contacts"] if labels["queue"]
    }
    assert windowed == told
    names = {labels["queue"] for labels, _ in found["floorwatch_service_level_ratio"]}
    assert "(other)" not in names, "shares do not add"
    buckets = {
        labels["queue"]: value
        for labels, value in found["floorwatch_answered_wait_seconds_bucket"]
        if labels["queue"] and labels["le"] == "+Inf"
    }
    assert set(buckets) == set(told)
    assert of(found, "floorwatch_overflow_groups", rollup="queue") == 3
    exact = {labels["queue"] for labels, _ in scraped(engine)["floorwatch_offered_contacts_total"] if labels["queue"]}
    assert exact == {f"q{number}" for number in range(6)}


def test_only_what_is_in_the_catalogue_is_exported_and_with_the_labels_that_it_says() -> None:
    engine = engine_at("8:01", *waited(clock_us("8:00")))
    told = engine.now() | {"service": {"sent_us": clock_us("8:01")}, "counters": {"events": 1, "rejected": {"x": 1}}}
    text = Exposition().render(told, Health({"floorwatch_ready": 1}), exported(engine, 10)).decode()
    for family in text_string_to_metric_families(text):
        metric = METRICS.get(family.name) or METRICS[f"{family.name}_total"]
        assert family.documentation == metric.english
        assert family.type == metric.kind
        for sample in family.samples:
            # An empty label is none: every sample has the dimensions of all rollups.
            assert set(metric.labels) <= set(sample.labels), sample
            assert {name for name, value in sample.labels.items() if value} <= set(metric.all_labels), sample
            for name, value in sample.labels.items():
                assert name in dimensions_of(sample.labels.get("rollup", "total")) or value or name in (
                    "queue", "tenant", "channel", "region", "category", "tier", "partner", "party", "source",
                )  # fmt: skip
    count = of(samples(text.encode()), "floorwatch_exported_series")
    assert count == sum(len(found) for found in samples(text.encode()).values())


def test_openmetrics_and_gzip_come_when_they_are_asked_for() -> None:
    plain = client().get("/metrics", headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in plain.headers
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    with client().stream("GET", "/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"}) as packed:
        body = gzip.decompress(b"".join(packed.iter_raw()))
        assert packed.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")
    assert samples(body, openmetrics_families)["floorwatch_events_total"] == [({}, 7.0)]


def test_a_family_that_would_be_too_many_samples_is_left_out_whole_and_counted() -> None:
    engine = engine_at("9:00", *(at("8:50", "contact.queued", f"c{n}", queue=f"q{n}") for n in range(40)))
    whole = scraped(engine)
    told = scraped(engine, Exposition(samples_max=60))
    floor = {name: found for name, found in told.items() if METRICS[re.sub("_(bucket|count|sum)$", "", name)].floor}
    assert 0 < sum(map(len, floor.values())) <= 60
    assert all(found == whole[name] for name, found in floor.items())
    missing = sum(len(found) for name, found in whole.items() if name not in told)
    assert of(told, "floorwatch_left_out_series") == missing > 0
    assert of(whole, "floorwatch_left_out_series") == 0
    assert of(whole, "floorwatch_exported_series") == sum(map(len, whole.values()))


def test_what_others_tell_stands_in_front_and_is_counted() -> None:
    before = (
        b"# HELP floorwatch_alerts_leading x\n# TYPE floorwatch_alerts_leading gauge\nfloorwatch_alerts_leading 1.0\n"
    )
    engine = engine_at("9:00", at("8:50", "contact.queued", "c"))
    alone, both = scraped(engine), scraped(engine, before=before)
    assert of(both, "floorwatch_exported_series") == (of(alone, "floorwatch_exported_series") or 0) + 1
    assert of(both, "floorwatch_alerts_leading") == 1


def test_what_the_capacity_model_says_is_told_and_a_cost_only_where_somebody_named_a_price() -> None:
    known = {"needed": 5, "present": 3, "missing": 2, "service_level": 0.75, "arrivals_next": 40.0}
    rows = [{"queue": "q", **known, "breach_cost_next": 30.0}, {"queue": "p", **known, "missing": None}]
    found = samples(render(facts(capacity={"queues": rows}), Health()))
    assert found["floorwatch_capacity_cost"] == [({"queue": "q", "of": "breach"}, 30.0)]
    assert of(found, "floorwatch_capacity_agents", queue="q", are="missing") == 2
    assert of(found, "floorwatch_capacity_agents", queue="p", are="missing") is None
    assert of(found, "floorwatch_capacity_service_level_ratio", queue="q", quarter="next") == 0.75
