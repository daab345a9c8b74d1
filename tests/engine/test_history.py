"""The hours behind, by interval: the same figures as the windows', nothing for what nobody knows."""

from typing import Any

from engine.history import CELLS_MAX, READ_MAX, history
from engine.pipeline import Engine
from tests.engine.events import HOUR_US, MINUTE_US, at, clock_us, engine_of, window

HALF_US = 30 * MINUTE_US


def waited(contact: str, queued: str, answered: str) -> tuple[Any, ...]:
    return at(queued, "contact.queued", contact, queue="q"), at(answered, "contact.answered", contact, agent="a")


def told(engine: Engine, **asked: Any) -> dict[str, Any]:
    found = history(engine, **({"rollup": "total", "step_us": HALF_US, "count": 4} | asked))
    assert found is not None
    return found


#     9:00        9:30        10:00       10:30
#       |--a--b-----|-----------|--c--------|
DAY = (*waited("a", "9:05", "9:05:10"), *waited("b", "9:10", "9:11"), *waited("c", "10:05", "10:05:20"))


def test_an_interval_has_the_figures_of_its_window() -> None:
    engine = engine_of(*DAY)
    found = told(engine)
    row = found["groups"][0]
    assert found["starts_us"] == [clock_us(clock) for clock in ("8:30", "9:00", "9:30", "10:00")]
    nine = window(engine, "9:00", "9:30")
    for name in ("offered", "answered", "service_level", "asa_s", "wait_max_s"):
        assert row[name][1] == nine[name], name


def test_before_the_first_event_nothing_is_known_and_an_empty_interval_is_no_share() -> None:
    row = told(engine_of(*DAY))["groups"][0]
    assert row["offered"] == [None, 2, 0, 1]
    assert row["service_level"] == [None, 0.5, None, 1.0]


def test_the_same_hours_of_a_day_before_are_known_only_where_they_are_kept() -> None:
    engine = engine_of(at("9:00", "contact.opened", "x"))
    assert told(engine, ago_us=24 * HOUR_US)["groups"][0]["offered"] == [None] * 4
    kept = engine_of(*DAY, retention_us=2 * HOUR_US)
    assert told(kept, count=6)["groups"][0]["offered"][:2] == [None, None]


def test_every_group_of_a_rollup_has_its_own_row() -> None:
    rows = told(engine_of(*DAY, at("10:06", "contact.queued", "d", queue="r")), rollup="queue")["groups"]
    assert {row["queue"]: row["offered"][3] for row in rows if row["queue"]} == {"q": 1, "r": 1}


def test_what_is_not_kept_or_would_be_too_much_is_not_answered() -> None:
    engine = engine_of(*DAY)
    assert history(engine, "nothing", HALF_US, 4) is None
    assert history(engine, "total", HALF_US + 1, 4) is None
    assert history(engine, "total", HALF_US, CELLS_MAX + 1) is None
    assert history(engine_of(), "total", HALF_US, 4) is None


def test_of_more_shops_than_one_answer_may_have_some_can_be_asked_for_and_are_told_the_same() -> None:
    shops = [at("9:05", "contact.queued", f"c{n}", tenant=f"shop-{n}", channel="app") for n in range(1_000)]
    engine = engine_of(*shops, rollups=(("tenant",),))
    asked = {"rollup": "tenant", "step_us": HALF_US, "count": 48}
    assert history(engine, **asked) is None
    found = told(engine, **asked, tenants={"shop-7", "shop-700", "nobody"})
    few = told(engine_of(*shops[7:8], rollups=(("tenant",),)), **asked)
    assert [row["tenant"] for row in found["groups"]] == ["shop-7", "shop-700"]
    assert found["groups"][0] == next(row for row in few["groups"] if row["tenant"] == "shop-7")
    assert history(engine, "tenant", HALF_US, READ_MAX // 900, tenants={"shop-7"}) is None
