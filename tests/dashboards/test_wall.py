"""What readers get: the page and its safety, the stream and its fan-out, the metrics and their honesty."""

import asyncio
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboards.exposition import AGENTS, COUNTERS, GAUGES, REASONED, Health, render
from dashboards.wall.server import ROWS_SHOWN_MAX, Feed, routes, view

WALL = files("dashboards.wall")
SECOND_US = 1_000_000


def row(**changed: Any) -> dict[str, Any]:
    figures = dict.fromkeys((key for key, _, _ in GAUGES))
    return figures | {"agents": {"available": 2, "busy": 1}, "waiting": 0, "offered": 0} | changed


def facts(**changed: Any) -> dict[str, Any]:
    return {
        "as_of_us": 100 * SECOND_US,
        "watermark_us": 98 * SECOND_US,
        "window_s": 900,
        "groups": {
            "total": [row(waiting=3, longest_wait_s=12.5)],
            "queue": [row(queue="售后", waiting=3, service_level=0.5), row(queue='a"b\n\\c', waiting=0)],
            "tenant,channel": [row(tenant="shop", channel="app", waiting=3)],
        },
        "agents": {"a1": "busy"},
        "counters": {
            "events": 7,
            "rejected": {"invalid_json": 2},
            "limits": {"names_max": 4},
            "duplicates": 1,
            "late": 0,
            "dropped": 0,
            "illegal": {},
        },
        "service": {"sent_us": 100 * SECOND_US, "zone": "Asia/Shanghai"},
    } | changed


def client(**changed: Any) -> TestClient:
    settings = {
        "now": lambda: b'{"waiting": 1}',
        "metrics": lambda: render(facts(), Health()),
        "metrics_type": "text/plain; version=0.0.4; charset=utf-8",
        "is_alive": lambda: True,
        "is_ready": lambda: True,
    }
    return TestClient(Starlette(routes=routes(Feed(10), **(settings | changed))))


def samples(text: bytes) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def test_the_page_needs_nothing_from_elsewhere_and_holds_no_inline_script_or_style() -> None:
    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            given = dict(attributes)
            for name, value in given.items():
                assert not name.startswith("on"), f"inline handler {name}"
                if name in ("src", "href"):
                    assert re.match(r"/[a-z.]+$|data:image/svg", value or ""), value
            assert tag != "style"
            assert "style" not in given
            assert tag != "script" or given.get("src")

    Reader().feed(WALL.joinpath("page.html").read_text("utf-8"))


def test_the_script_writes_names_from_outside_as_text_only() -> None:
    script = WALL.joinpath("wall.js").read_text("utf-8")
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "http:",
        "https:",
    ):
        assert way not in script.replace("http://www.w3.org/2000/svg", ""), way


def test_both_languages_say_the_same_things() -> None:
    words = WALL.joinpath("wall.js").read_text("utf-8").split("const WORDS = {")[1].split("\nconst STATES")[0]
    english, chinese = words.split("\n  en: {")[1].split("\n  zh: {")
    keys = [re.findall(r"(\w+):", re.sub('"[^"]*"|`[^`]*`', "", part)) for part in (english, chinese)]
    assert len(keys[0]) > 60
    assert keys[0] == keys[1]
    assert not re.search("[\u4e00-\u9fff]", english.replace("中文", ""))


def test_every_tile_has_a_definition_in_both_languages() -> None:
    script = WALL.joinpath("wall.js").read_text("utf-8")
    for tile in re.findall(r'tile\("(\w+)"', script):
        assert len(re.findall(rf"\n      {tile}: \[\"[^\"]+\", \"[^\"]{{10,}}\"\]", script)) == 2, tile


def test_the_page_its_style_and_its_script_are_served() -> None:
    http = client()
    for path, kind in (("/", "text/html"), ("/wall.js", "text/javascript"), ("/wall.css", "text/css")):
        answer = http.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)


def test_health_and_readiness_are_different_questions() -> None:
    replaying = client(is_ready=lambda: False)
    assert replaying.get("/healthz").status_code == 200
    assert replaying.get("/readyz").status_code == replaying.get("/api/v1/now").status_code == 503
    assert client(is_alive=lambda: False).get("/healthz").status_code == 503
    assert client().get("/readyz").status_code == 200


def test_the_worst_rows_come_first_and_how_many_are_hidden_is_said() -> None:
    rows = [row(queue=f"q{n}", waiting=n % 7, longest_wait_s=float(n) if n % 7 else None) for n in range(100)]
    shown = view(facts(groups={"queue": rows}))
    assert [r["queue"] for r in shown["groups"]["queue"]][:3] == ["q99", "q97", "q96"]
    assert len(shown["groups"]["queue"]) == ROWS_SHOWN_MAX
    assert shown["hidden"]["queue"] == 100 - ROWS_SHOWN_MAX
    assert "agents" not in shown


async def heard(feed: Feed, turn: int = 0) -> tuple[int, str, dict[str, Any]]:
    turn, message = await asyncio.wait_for(feed.after(turn), 1)
    kind = "alive" if message.startswith(b"event: alive\n") else "full"
    return turn, kind, json.loads(message.split(b"data: ", 1)[1])


def test_a_viewer_gets_everything_at_once_and_then_only_news_or_a_sign_of_life() -> None:
    async def story() -> None:
        feed = Feed(10)
        feed.put(facts())
        turn, kind, news = await heard(feed)
        assert (kind, news["groups"]["total"][0]["waiting"]) == ("full", 3)
        feed.put(facts(as_of_us=101 * SECOND_US, service={"sent_us": 101 * SECOND_US}))
        turn, kind, news = await heard(feed, turn)
        assert (kind, news["service"]["sent_us"]) == ("alive", 101 * SECOND_US)
        feed.put(facts(window_s=600))
        turn, kind, news = await heard(feed, turn)
        assert (kind, news["window_s"]) == ("full", 600)

    asyncio.run(story())


def test_a_viewer_that_slept_through_the_news_gets_them_and_not_a_sign_of_life() -> None:
    async def story() -> None:
        feed = Feed(10)
        feed.put(facts())
        turn, _, _ = await heard(feed)
        feed.put(facts(window_s=600))
        feed.put(facts(window_s=600))
        assert (await heard(feed, turn))[1] == "full"

    asyncio.run(story())


def test_a_thousand_viewers_share_the_same_bytes() -> None:
    async def story() -> None:
        feed = Feed(1_000)
        waiting = [asyncio.ensure_future(feed.after(0)) for _ in range(1_000)]
        await asyncio.sleep(0)
        feed.put(facts())
        messages = [message for _, message in await asyncio.gather(*waiting)]
        assert len({id(message) for message in messages}) == 1

    asyncio.run(story())


def test_closing_the_feed_ends_every_stream() -> None:
    async def story() -> None:
        feed = Feed(10)
        waiting = asyncio.ensure_future(feed.after(0))
        await asyncio.sleep(0)
        feed.close()
        assert (await asyncio.wait_for(waiting, 1))[1] == b""

    asyncio.run(story())


def test_a_viewer_too_many_is_turned_away() -> None:
    feed = Feed(0)
    given: dict[str, Any] = {
        "now": bytes,
        "metrics": bytes,
        "is_alive": bool,
        "is_ready": bool,
        "metrics_type": "text/plain",
    }
    assert TestClient(Starlette(routes=routes(feed, **given))).get("/api/v1/stream").status_code == 503


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
    found = samples(render({}, Health(gauges=(("floorwatch_ready", "Ready.", 0.0),))))
    assert found == {"floorwatch_ready": [({}, 0.0)]}


def test_the_commit_histogram_is_cumulative_and_in_seconds() -> None:
    health = Health(commit_buckets=[("0.001", 3), ("0.01", 8), ("+Inf", 9)], commit_seconds_sum=0.25)
    found = samples(render({}, health))
    buckets = [(labels["le"], value) for labels, value in found["floorwatch_journal_commit_seconds_bucket"]]
    assert buckets == [("0.001", 3.0), ("0.01", 8.0), ("+Inf", 9.0)]
    assert found["floorwatch_journal_commit_seconds_count"] == [({}, 9.0)]
    assert found["floorwatch_journal_commit_seconds_sum"] == [({}, 0.25)]


def test_every_metric_is_named_by_the_rules() -> None:
    names = [name for _, name, *_ in (*GAUGES, *COUNTERS, *REASONED)] + [AGENTS[0]]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch("floorwatch_[a-z]+(_[a-z]+)*", name)
    for key, name, text in GAUGES:
        assert text.endswith(".")
        assert key.endswith("_s") == name.endswith("_seconds"), name


def test_neither_people_nor_customers_become_labels() -> None:
    text = render(facts(agents={"a1": {"customer": "SECRET"}}), Health()).decode()
    assert "a1" not in text
    assert "SECRET" not in text
