"""Readers of some shops or pages get nothing of others: whatever happens there, their answer is the same."""

import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.exposition import Health, render
from dashboards.wall.changes import plain
from dashboards.wall.feed import SCOPED_VIEWERS_MAX, SCOPED_VIEWS_MAX, Feeds
from dashboards.wall.scopes import LISTED_MAX, PAGES, WHOLE, Scope, scoped, scoped_history, scoped_people, scoped_screen
from dashboards.wall.views import View, view
from engine.events import decode
from engine.history import history
from engine.people import people
from engine.pipeline import Engine, Settings
from engine.times import MINUTE_US
from engine.windows import Spec
from streams import screens
from streams.figures import ROLLUPS
from streams.policy.reading import default_policy
from streams.telling import told

START_MS = 1_794_398_400_000
END_US = (START_MS + 900_000) * 1_000
OURS = Scope(frozenset(("shop-a",)))
BOTH = Scope(frozenset(("shop-a", "shop-c")))


def contacts(seed: int, tenant: str, count: int) -> list[dict[str, Any]]:
    """Contacts of a shop with an agent, a case and a promise of its own, all named after it."""
    dice, found = Random(f"{seed} {tenant}"), []
    for number in range(count):
        at = START_MS + dice.randrange(600_000)
        contact = {"contact": f"{tenant}/{number}", "tenant": tenant, "channel": dice.choice(("app", "phone")),
                   "queue": dice.choice(("shared", f"{tenant} only"))}  # fmt: skip
        agent = {"agent": f"{tenant}/agent-{number % 3}"}
        found += [{"type": "agent.state", "time": START_MS + number, "tenant": tenant, "state": "available", "slots": 1, **agent},
                  {"type": "contact.queued", "time": at, **contact}]  # fmt: skip
        if dice.random() < 0.6:
            found.append({"type": "contact.answered", "time": at + dice.randrange(1, 90_000), **contact, **agent})
        if dice.random() < 0.3:
            found.append(
                {
                    "type": "case.opened",
                    "time": at,
                    "case": f"{tenant}/case-{number}",
                    "kind": "outage",
                    "tenant": tenant,
                }
            )
            found.append({"type": "promise.made", "time": at, "promise": f"{tenant}/promise-{number}", "due": at + 5_000, "tenant": tenant})  # fmt: skip
    return found


def told_by(events: list[dict[str, Any]]) -> tuple[dict[str, Any], Engine]:
    """What an engine publishes of these events, alarms included."""
    engine = Engine(Settings(rollups=ROLLUPS, policy=default_policy(), windows=(Spec(15 * MINUTE_US, MINUTE_US),)))
    lines = [json.dumps(event).encode() for event in sorted(events, key=lambda event: event["time"])]
    if lines:
        engine.absorb(decode(b"\n".join(lines)))
    engine.advance(END_US)
    facts = engine.now()
    alarms = [told(alarm) for alarm in engine.take_alarms()]
    more = {"alarms": alarms[::-1], "counters": {"events": len(events)}, "policy": {"name": "p", "refused": ["shop-b"]},
            "service": {"sent_us": END_US, "version": 1, "sequence": len(events), "backlog_batches": len(events)}}  # fmt: skip
    return facts | more, engine


def plainly(told: Any) -> Any:
    return json.loads(msgspec.json.encode(told, enc_hook=plain))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 999), st.integers(0, 25))
def test_whatever_happens_in_another_shop_a_reader_gets_the_same(seed: int, others: int) -> None:
    ours = contacts(seed, "shop-a", 12)
    alone, engine_alone = told_by(ours)
    among, engine_among = told_by(ours + contacts(seed, "shop-b", others))
    assert plainly(scoped(among, OURS)) == plainly(scoped(alone, OURS))
    for step in ("tenant", "tenant,channel"):
        one, other = (history(engine, step, 60_000_000, 15) for engine in (engine_alone, engine_among))
        assert one and other
        assert scoped_history(other, OURS, among, False)["groups"] == scoped_history(one, OURS, alone, False)["groups"]
    assert (
        scoped_people(people(engine_among, 99), OURS)["rows"] == scoped_people(people(engine_alone, 99), OURS)["rows"]
    )


def test_nothing_that_is_called_after_another_shop_is_in_any_answer() -> None:
    facts, engine = told_by(contacts(1, "shop-a", 12) + contacts(1, "shop-b", 12))
    everything = history(engine, "tenant", 60_000_000, 15)
    assert everything
    screen = {
        "pages": ["queues"],
        "tenants": ["shop-a", "shop-b"],
        "key_accounts": ["shop-b"],
        "queues": ["shop-b only"],
    }
    answers = [
        scoped(facts, OURS), view(scoped(facts, OURS)), scoped_people(people(engine, 99), OURS),
        scoped_history(everything, OURS, facts, True), scoped_screen(screen, OURS),
        render(scoped(facts, OURS), Health()).decode(),
    ]  # fmt: skip
    for answer in answers:
        text = json.dumps(plainly(answer))
        assert "shop-b" not in text
    assert "shop-b" in json.dumps(plainly(facts))
    assert {row["tenant"] for name in ("due", "alarms") for row in scoped(facts, OURS)[name]} <= {"shop-a"}
    assert scoped(facts, OURS)["alarms"]
    assert scoped(facts, OURS)["cases"]["rows"]


def test_the_whole_of_one_shop_is_its_own_row_and_that_of_several_has_no_shares() -> None:
    facts, _ = told_by([event for shop in ("shop-a", "shop-b", "shop-c") for event in contacts(2, shop, 12)])
    rows = {row["tenant"]: row for row in facts["groups"]["tenant"]}
    [one] = scoped(facts, OURS)["groups"]["total"]
    assert one["service_level"] == rows["shop-a"]["service_level"] is not None
    [both] = scoped(facts, BOTH)["groups"]["total"]
    assert both["waiting"] == rows["shop-a"]["waiting"] + rows["shop-c"]["waiting"] > 0
    assert both["longest_wait_s"] == max(rows["shop-a"]["longest_wait_s"], rows["shop-c"]["longest_wait_s"])
    assert both["agents"]["available"] == sum(rows[shop]["agents"]["available"] for shop in ("shop-a", "shop-c"))
    assert both["service_level"] is both["asa_s"] is both["queue_depth_max"] is None
    assert both["measures"] == {}


def test_history_of_one_shop_is_exact_and_of_several_has_no_shares() -> None:
    facts, engine = told_by([event for shop in ("shop-a", "shop-b", "shop-c") for event in contacts(3, shop, 12)])
    asked = history(engine, "tenant", 300_000_000, 4)
    assert asked
    rows = {row["tenant"]: row for row in asked["groups"]}
    [one] = scoped_history(asked, OURS, facts, True)["groups"]
    [both] = scoped_history(asked, BOTH, facts, True)["groups"]
    assert one["service_level"] == rows["shop-a"]["service_level"]
    assert both["service_level"] == [None] * 4
    assert sum(both["offered"][-3:-1]) == sum(sum(rows[shop]["offered"][-3:-1]) for shop in ("shop-a", "shop-c")) > 0


def test_a_shop_that_may_be_counted_with_others_is_no_data_and_not_zero() -> None:
    facts, _ = told_by(contacts(4, "shop-b", 5))
    assert scoped(facts, OURS)["groups"]["total"] == []
    facts["counters"] = {"limits": {"groups_max": 1}}
    assert scoped(facts, OURS)["groups"]["total"] == [{}]


def test_cases_are_counted_only_where_all_of_them_are_listed() -> None:
    facts, _ = told_by(contacts(5, "shop-a", 30) + contacts(5, "shop-b", 30))
    cut = scoped(facts, OURS)["cases"]
    assert cut["count"] == len(cut["rows"]) > 0
    facts["cases"] = facts["cases"] | {"count": 999}
    assert set(scoped(facts, OURS)["cases"]) == {"rows"}


def test_a_reader_of_some_shops_gets_their_alarms_although_others_had_the_newest() -> None:
    facts, _ = told_by(contacts(6, "shop-a", 12) + contacts(6, "shop-b", 12))
    kept = facts["alarms"]
    facts["alarms"] = [alarm for alarm in kept if alarm.get("tenant") == "shop-b"][:3]
    assert scoped(facts, OURS)["alarms"] == []
    theirs = [alarm for alarm in kept if alarm.get("tenant") == "shop-a"]
    assert scoped(facts, OURS, kept)["alarms"] == theirs[:LISTED_MAX] != []


@pytest.mark.parametrize("page", PAGES)
def test_a_reader_of_one_page_gets_what_it_shows_and_no_more(page: str) -> None:
    facts, _ = told_by(contacts(7, "shop-a", 12))
    cut = scoped({**facts, "capacity": {"queues": []}}, Scope(pages=frozenset((page,))))
    shown = {*(set(cut) & {"due", "alarms", "cases", "promises", "conditions", "agents", "capacity"}), *cut["groups"]}
    assert shown == PAGES[page]


def test_a_fact_that_nobody_named_is_nobodys() -> None:
    facts, _ = told_by(contacts(8, "shop-a", 3))
    facts["added_later"] = [{"tenant": "shop-a"}]
    for scope in (OURS, Scope(pages=frozenset(PAGES))):
        assert "added_later" not in scoped(facts, scope)
    assert scoped(facts, WHOLE) is facts


def test_pages_are_called_the_same_everywhere() -> None:
    assert tuple(PAGES) == screens.PAGES


def test_a_layout_of_other_shops_or_pages_is_not_there() -> None:
    assert scoped_screen({"tenants": ["shop-b"]}, OURS) is None
    assert scoped_screen({"pages": ["queues"]}, Scope(pages=frozenset(("alerts",)))) is None
    assert scoped_screen({"pages": ["queues", "alerts"]}, Scope(pages=frozenset(("alerts",)))) == {"pages": ["alerts"]}


def test_readers_of_some_shops_never_take_the_places_of_the_floor() -> None:
    feeds = Feeds(1_000)
    for number in range(SCOPED_VIEWS_MAX):
        feed = feeds.of(View(frozenset((f"q{number}",))), OURS)
        assert feed
        feed.viewers = SCOPED_VIEWERS_MAX // SCOPED_VIEWS_MAX
    assert feeds.of(View(frozenset(("one more",))), OURS) is None
    feed.viewers += SCOPED_VIEWERS_MAX
    assert feeds.of(feed.view, OURS) is None
    assert feeds.of(feed.view, BOTH) is not None
    assert feeds.of(View(frozenset(("one more",)))) is not None
