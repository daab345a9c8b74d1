"""What readers get: the page and its safety, the stream and its fan-out, the metrics and their honesty."""

import asyncio
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboards.exposition import Health, render
from dashboards.present import PRESENT
from dashboards.wall.feed import VIEWS_MAX, Feed, Feeds
from dashboards.wall.scopes import WHOLE, Scope
from dashboards.wall.server import files_served, routes
from dashboards.wall.views import NAMES_MAX, ROWS_SHOWN_MAX, View, view

PAGE = files("dashboards.wall.page")
VENDOR = files("dashboards.wall.vendor")
SECOND_US = 1_000_000


def row(**changed: Any) -> dict[str, Any]:
    figures = dict.fromkeys(metric.of[0][0] for metric in PRESENT if metric.floor and not metric.labels)
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
        "agents": {"present": 1, "known": 2, "overloaded": 0},
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


async def nothing(*_: Any) -> bytes | None:
    return None


def client(feeds: Feeds | None = None, **changed: Any) -> TestClient:
    settings: dict[str, Any] = {
        "now": lambda: b'{"waiting": 1}',
        "facts": lambda: (facts(), ()),
        "metrics": lambda scope, openmetrics: render(facts(), Health(), openmetrics=openmetrics),
        "is_alive": lambda: True,
        "is_ready": lambda: True,
        "people": nothing,
        "history": nothing,
        "screens": {"floor-1": {"pages": ["queues"]}},
        "scope_of": lambda request: WHOLE,
        "who": lambda request: {},
        "holds": lambda request: lambda: True,
        "refuse": lambda request, reason: None,
    }
    return TestClient(Starlette(routes=routes(feeds or Feeds(10), **(settings | changed))))


def test_the_page_needs_nothing_from_elsewhere_and_holds_no_inline_script_or_style() -> None:
    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            given = dict(attributes)
            for name, value in given.items():
                assert not name.startswith("on"), f"inline handler {name}"
                if name in ("src", "href"):
                    assert re.match(r"/[a-z0-9./-]+$|data:image/svg", value or ""), value
            assert tag != "style"
            assert "style" not in given
            assert tag != "script" or given.get("src")

    Reader().feed(PAGE.joinpath("page.html").read_text("utf-8"))


def test_the_scripts_write_names_from_outside_as_text_only() -> None:
    scripts = [file for file in PAGE.iterdir() if file.name.endswith(".js")]
    assert len(scripts) > 20
    for file in scripts:
        script = file.read_text("utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "://"):
            assert way not in script, f"{way} in {file.name}"


def test_what_comes_from_others_is_what_they_published_and_has_its_licence() -> None:
    sums = dict(reversed(line.split("  ")) for line in VENDOR.joinpath("SHA256SUMS").read_text().splitlines())
    found = {file.name: file.read_bytes() for file in VENDOR.iterdir() if not file.name.startswith(("__", "SHA"))}
    assert {name: hashlib.sha256(body).hexdigest() for name, body in found.items()} == sums
    assert {name for name in sums if name.endswith("LICENSE")} == {"htm.LICENSE", "preact.LICENSE", "uplot.LICENSE"}


def test_every_file_of_the_page_is_served_with_its_type() -> None:
    http = client()
    served = files_served()
    for path in ("/", "/main.js", "/wall.css", "/english.js", "/chinese.js", "/vendor/htm-preact-3.1.1.js"):
        assert path in served
    for path, (body, kind) in served.items():
        answer = http.get(path)
        assert answer.content == body
        assert answer.headers["content-type"].startswith(kind)


def test_a_module_imports_only_what_is_served() -> None:
    served = files_served()
    for path, (body, kind) in served.items():
        if kind == "text/javascript" and not path.startswith("/vendor/"):
            for asked in re.findall(r"""(?:from|import|import\()\s*"([^"]+)\"""", body.decode()):
                assert asked in served, f"{path} imports {asked}"


def test_a_screen_is_given_by_its_name_and_another_is_not_there() -> None:
    assert client().get("/api/v1/screens/floor-1").json() == {"pages": ["queues"]}
    assert client().get("/api/v1/screens/floor-2").status_code == 404


@pytest.mark.parametrize("query", ["step=61", "hours=25", "hours=-1", "ago=5", "step=x", "hours=" + "9" * 99])
def test_a_history_that_nobody_keeps_is_refused_with_what_there_is(query: str) -> None:
    answer = client().get(f"/api/v1/history?{query}")
    assert answer.status_code == 400
    assert "300" in answer.json()["error"]


def test_a_history_is_asked_for_with_its_usual_span() -> None:
    asked: list[Any] = []

    async def history(*given: Any) -> bytes:
        asked.append(given)
        return b"{}"

    assert client(history=history).get("/api/v1/history").status_code == 200
    assert client(history=history).get("/api/v1/history?rollup=queue&step=900&hours=8&ago=86400").status_code == 200
    assert asked == [("total", 300, 4, 0), ("queue", 900, 8, 86_400)]
    assert client().get("/api/v1/history?rollup=nothing").status_code == 404


def test_where_there_are_too_many_shops_each_reader_asks_for_the_own_ones() -> None:
    asked: list[Any] = []
    ours = Scope(frozenset(("shop-7",)))

    async def history(*given: Any) -> bytes | None:
        asked.append(given)
        return b'{"starts_us": [], "rollup": "tenant", "groups": []}' if len(given) > 4 else None

    assert client(history=history, scope_of=lambda request: ours).get("/api/v1/history").status_code == 200
    assert asked == [("tenant", 300, 4, 0), ("tenant", 300, 4, 0, ours.tenants)]


def test_an_engine_that_is_busy_is_asked_again_later() -> None:
    async def busy() -> bytes | None:
        raise TimeoutError

    answer = client(people=busy).get("/api/v1/people")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


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


def test_a_view_of_some_queues_and_tenants_shows_theirs_and_what_belongs_to_all() -> None:
    said = facts(
        due=[{"contact": "c1", "queue": "a"}, {"contact": "c2", "queue": "b"}, {"contact": "c3", "tenant": "other"}],
        alarms=[{"id": "1", "source": "crm"}, {"id": "2", "queue": "b"}],
        cases={"count": 2, "rows": [{"case": "k1", "tenant": "shop"}, {"case": "k2", "tenant": "other"}]},
        groups={
            "total": [row(waiting=9)],
            "queue": [row(queue="a"), row(queue="b")],
            "tenant,channel": [row(tenant="shop", channel="app"), row(tenant="other", channel="app")],
        },
    )
    chosen = View.of(["a"], ["shop"], [])
    assert chosen
    shown = view(said, chosen)
    assert [clock["contact"] for clock in shown["due"]] == ["c1"]
    assert [alarm["id"] for alarm in shown["alarms"]] == ["1"]
    assert [case["case"] for case in shown["cases"]["rows"]] == ["k1"]
    assert [r["queue"] for r in shown["groups"]["queue"]] == ["a"]
    assert [r["tenant"] for r in shown["groups"]["tenant,channel"]] == ["shop"]
    assert shown["groups"]["total"] == said["groups"]["total"]
    assert len(said["due"]) == 3


def test_tenants_that_come_first_are_shown_before_worse_ones() -> None:
    rows = [row(tenant=f"t{n}", channel="app", longest_wait_s=float(n), waiting=1) for n in range(100)]
    chosen = View.of([], [], ["t3"])
    assert chosen
    shown = view(facts(groups={"tenant,channel": rows}), chosen)["groups"]["tenant,channel"]
    assert [r["tenant"] for r in shown[:2]] == ["t3", "t99"]


def test_tenants_whose_clocks_are_of_a_key_account_come_first_without_being_named() -> None:
    rows = [row(tenant=f"t{n}", channel="app", longest_wait_s=float(n), waiting=1) for n in range(100)]
    said = facts(groups={"tenant,channel": rows}, due=[{"contact": "c", "tenant": "t5", "tier": "ka"}])
    assert [r["tenant"] for r in view(said)["groups"]["tenant,channel"][:2]] == ["t5", "t99"]


def test_a_view_names_no_more_than_its_limit() -> None:
    names = [f"q{n}" for n in range(NAMES_MAX + 1)]
    assert View.of(names[:-1], [], []) is not None
    assert client().get("/api/v1/stream", params={"queue": names}).status_code == 400


def test_walls_that_ask_for_the_same_share_a_feed_and_those_that_left_leave_none() -> None:
    feeds = Feeds(100)
    feeds.put(facts())
    chosen = View.of(["a"], [], [])
    assert chosen
    feed = feeds.of(chosen)
    assert feed is not None
    assert feeds.of(chosen) is feed
    assert feed.turn == 1
    feeds.put(facts())
    assert feeds.of(chosen) is not feed


def test_views_beyond_their_limit_are_refused_and_counted() -> None:
    feeds = Feeds(1_000)
    for number in range(VIEWS_MAX - 1):
        feed = feeds.of(View(frozenset((f"q{number}",))))
        assert feed
        feed.viewers = 1
    assert feeds.of(View(frozenset(("one more",)))) is None
    assert feeds.of(View()) is not None
    assert feeds.refused_count == 1


async def heard(feed: Feed, turn: int = 0) -> tuple[int, str, dict[str, Any]]:
    turn, message = await asyncio.wait_for(feed.after(turn), 30)
    kind = "alive" if message.startswith(b"event: alive\n") else "full"
    return turn, kind, json.loads(message.split(b"data: ", 1)[1])


def test_a_viewer_gets_everything_at_once_and_then_only_news_or_a_sign_of_life() -> None:
    async def story() -> None:
        feed = Feed()
        feed.put(facts())
        turn, kind, news = await heard(feed)
        assert (kind, news["groups"]["total"][0]["waiting"]) == ("full", 3)
        moved = facts(as_of_us=101 * SECOND_US, service={"sent_us": 101 * SECOND_US})
        moved["groups"]["total"][0]["longest_wait_s"] += 1  # Who waits goes on waiting, which is no news.
        feed.put(moved)
        turn, kind, news = await heard(feed, turn)
        assert (kind, news["service"]["sent_us"]) == ("alive", 101 * SECOND_US)
        feed.put(facts(window_s=600))
        turn, kind, news = await heard(feed, turn)
        assert (kind, news["window_s"]) == ("full", 600)

    asyncio.run(story())


def test_a_viewer_that_slept_through_the_news_gets_them_and_not_a_sign_of_life() -> None:
    async def story() -> None:
        feed = Feed()
        feed.put(facts())
        turn, _, _ = await heard(feed)
        feed.put(facts(window_s=600))
        feed.put(facts(window_s=600))
        assert (await heard(feed, turn))[1] == "full"

    asyncio.run(story())


def test_a_thousand_viewers_share_the_same_bytes() -> None:
    async def story() -> None:
        feed = Feed()
        waiting = [asyncio.ensure_future(feed.after(0)) for _ in range(1_000)]
        await asyncio.sleep(0)
        feed.put(facts())
        messages = [message for _, message in await asyncio.gather(*waiting)]
        assert len({id(message) for message in messages}) == 1

    asyncio.run(story())


def test_closing_the_feed_ends_every_stream() -> None:
    async def story() -> None:
        feed = Feed()
        waiting = asyncio.ensure_future(feed.after(0))
        await asyncio.sleep(0)
        feed.close()
        assert (await asyncio.wait_for(waiting, 30))[1] == b""

    asyncio.run(story())


def test_a_viewer_too_many_is_turned_away() -> None:
    assert client(Feeds(0)).get("/api/v1/stream").status_code == 503
