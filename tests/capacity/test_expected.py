"""The forecast of the history in the live outlook, and surges that are judged by it."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine.alarms import BROKEN, ENDED, Alarm
from engine.events import Vocabulary, decode
from engine.times import DAY_US, HOUR_US, MINUTE_US
from streams.capacity.counts import Counts, counts_by_day
from streams.capacity.expected import Curves, Expected, curves
from streams.capacity.surges import Surges
from streams.history.importing import keep
from streams.history.store import Store
from streams.policy.reading import default_policy
from streams.publishing import Publisher
from tests.history.recorded import engine_of_service, pieces

SHANGHAI = ZoneInfo("Asia/Shanghai")
#: A Monday's midnight there.
MONDAY_US = 1_700_409_600_000_000
SHAPE = np.repeat(np.array([1.0, 4.0, 16.0, 8.0]), 24)


def days(count: int, sale: int | None = None, **more: float) -> Counts:
    """So many days from a Monday on, the fifth to seventh of a week half as busy; one day may be a sale of five times as many."""
    level = np.array([0.5 if day % 7 > 4 else 1.0 for day in range(count)])
    if sale is not None:
        level[sale] *= 5
    came = level[:, None] * SHAPE
    return Counts([MONDAY_US + day * DAY_US for day in range(count)], {("desk",): came}, came)


def test_the_forecast_follows_the_weekday_and_the_hour_across_midnight() -> None:
    made = curves(days(28), SHANGHAI, MONDAY_US + 28 * DAY_US + HOUR_US)
    monday = made.usual(["desk", "nobody's"], MONDAY_US + 28 * DAY_US - 30 * MINUTE_US, 90)
    assert monday is not None
    # A Sunday's last half hour, half as busy, and then a Monday's first hour; a quarter has fifteen minutes.
    assert monday[0, :20] == pytest.approx(8 * 0.5 / 15, rel=0.1)
    assert monday[0, 40:] == pytest.approx(1 / 15, rel=0.1)
    assert np.isnan(monday[1]).all()


def test_less_than_a_week_is_no_forecast_and_nothing_is_no_answer() -> None:
    for known in (6, 7):
        made = curves(days(known), SHANGHAI, MONDAY_US + known * DAY_US).usual(["desk"], MONDAY_US + known * DAY_US, 15)
        assert (made is not None) == (known == 7)
    assert Curves(np.empty(0, np.int64), {}).usual(["desk"], 0, 15) is None


def test_a_sale_that_is_named_is_forecast_by_the_sale_before_and_a_day_like_others_is_not() -> None:
    now_us, noon_us = MONDAY_US + 28 * DAY_US, MONDAY_US + 28 * DAY_US + 13 * HOUR_US
    said = [("sale", frozenset((date(2023, 12, 4), date(2023, 12, 18))))]
    (named,), (plain,) = (
        made.usual(["desk"], noon_us, 30)
        for made in (curves(days(28, 14), SHANGHAI, now_us, said), curves(days(28), SHANGHAI, now_us))
    )  # type: ignore[misc]
    assert named == pytest.approx(plain * 5, rel=0.25)


def test_a_day_of_twenty_five_hours_has_a_forecast_for_each_of_its_minutes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first_us = 1_726_956_000_000_000  # 2024-09-22 in Berlin; on the 27th of October the clocks are set back.
    many = Counts([first_us + day * DAY_US for day in range(35)], {("desk",): np.ones((35, 96))}, np.ones((35, 96)))
    made = curves(many, berlin, first_us + 35 * DAY_US + HOUR_US)
    found = made.usual(["desk"], first_us + 35 * DAY_US, 25 * 60)
    assert found is not None
    assert found[0] == pytest.approx(1 / 15)


def test_counts_of_all_queues_are_those_of_the_total_and_what_is_not_kept_is_no_zero(tmp_path: Path) -> None:
    engine, utc = engine_of_service(None), ZoneInfo("UTC")
    for piece in pieces(engine):
        engine.absorb(piece)
    engine.finish()
    store = Store(f"sqlite:///{tmp_path / 'bank.sqlite'}")
    keep(engine, store)
    by_queue, whole = counts_by_day(store, "queue", utc), counts_by_day(store, "total", utc)
    # Two of 4,599 came in half hours of which only a half is kept.
    assert np.nansum(whole.total) == np.nansum(by_queue.total) == 4_597
    assert np.isnan(whole.total).any()
    assert whole.of[()] == pytest.approx(whole.total, nan_ok=True)
    late = counts_by_day(store, "queue", utc, since_us=by_queue.midnights_us[2])
    assert late.midnights_us == by_queue.midnights_us[2:]
    expected = Expected(store, utc, default_policy, (), print, lambda: by_queue.midnights_us[-1] + DAY_US)
    expected.start()
    expected.stop()
    assert expected.usual(["sales"], 0, 15) is None  # Four days are too few.
    store.close()


class Look:
    """An engine of which the conditions' surge and the time can be set; the forecast says so many a minute."""

    def __init__(self, a_minute: float) -> None:
        self.engine, self.a_minute = engine_of_service(), a_minute
        policy = default_policy()
        surge = tuple(one for one in policy.conditions if one.name == "volume_surge")
        self.engine.settings = replace(self.engine.settings, policy=replace(policy, conditions=surge))
        self.told: list[Alarm] = []
        self.surges = Surges(self.usual, self.told.extend)
        self.vocabulary, self.calls = Vocabulary(self.engine.secret), 0

    def usual(self, queues: list[str], from_us: int, minutes: int) -> np.ndarray:
        return np.full((len(queues), minutes), self.a_minute)

    def calls_until(self, minute: int, count: int) -> None:
        """So many calls in the five minutes before, and a look."""
        lines = [
            f'{{"type":"contact.queued","time":{(minute - 5) * 60_000 + call * 300_000 // count},"contact":"c-{minute}-{call}","queue":"desk","channel":"phone"}}'
            for call in range(count)
        ]
        self.engine.absorb(decode("\n".join(lines).encode() + b"\n", source="s", vocabulary=self.vocabulary))
        self.engine.advance(minute * MINUTE_US)
        self.surges.look(self.engine)

    def steps(self) -> list[tuple[int, str]]:
        # Contacts that never asked for a person are a group of their own.
        return [(one.at_us // MINUTE_US, one.step) for one in self.told if one.name == "queue=desk"]


def test_a_surge_is_what_the_forecast_did_not_expect_and_is_told_once_and_ended_once() -> None:
    look = Look(a_minute=2.0)
    for minute, count in (
        (30, 10),
        (35, 10),
        (40, 80),
        (45, 80),
        (50, 10),
        (55, 10),
        (60, 10),
        (65, 10),
        (70, 10),
        (75, 10),
        (80, 10),
    ):
        look.calls_until(minute, count)
        look.surges.look(look.engine)
    # The first end is for what a process before this one may have left raised; the last when the 160 have left the window.
    assert look.steps() == [(30, ENDED), (40, BROKEN), (75, ENDED)]
    (raised,) = (one for one in look.told if one.step == BROKEN)
    assert (raised.commitment, raised.name, raised.value("queue")) == ("volume_surge", "queue=desk", "desk")
    assert float(dict(raised.more)["figure"]) > 1.5
    assert look.surges.facts() == {"conditions": []}


def test_what_the_forecast_expects_is_no_surge_and_the_engine_is_not_heard_on_it() -> None:
    look = Look(a_minute=16.0)
    for minute in (30, 35, 40):
        look.calls_until(minute, 80)
    assert look.steps() == [(30, ENDED)]
    assert look.surges.replaces("volume_surge", "desk")
    assert not look.surges.replaces("volume_surge", "another")
    assert not look.surges.replaces("queue_long", "desk")
    look.a_minute = np.nan
    look.calls_until(45, 80)
    assert not look.surges.replaces("volume_surge", "desk")


def test_readers_see_a_surge_as_the_forecast_judges_it_and_other_conditions_as_the_engine_does() -> None:
    look = Look(a_minute=2.0)
    look.calls_until(30, 200)
    (row,) = look.surges.facts()["conditions"]
    assert (row["name"], row["of"], row["limit"]) == ("volume_surge", {"queue": "desk"}, "1.5")
    surge = {"name": "volume_surge", "of": {"queue": "desk"}, "figure": "9"}
    elsewhere, blunt = surge | {"of": {"queue": "another"}}, {"name": "queue_long", "of": {"queue": "desk"}}
    publisher = Publisher(SimpleNamespace(zone="UTC", agent_series=False), (look.surges,))  # type: ignore[arg-type]
    publisher.judged_beside = look.surges.replaces
    engine = look.engine
    engine.now = lambda: {"conditions": [surge, elsewhere, blunt]}  # type: ignore[method-assign]
    published = publisher.publish(engine, policy={}, refused={}, service={})
    assert published.facts["conditions"] == [elsewhere, blunt, row]
