"""The early warning on days whose truth is known, and what is needed now out of a real engine."""

import numpy as np
import pytest

from engine.capacity.outlook import outlook
from engine.capacity.staffing import Target
from engine.events import Vocabulary, decode
from streams.capacity.live import LOOK_S, Staffing
from tests.capacity.days import MINUTES, day, drawn_day
from tests.history.recorded import engine_of_service

DAYS = 40
INTERVAL = 15


def warned(days: list, minutes_before_begin: int) -> tuple[float, float, int]:
    """Of quarters of an hour that broke, the share that was named so many minutes before they began; false warnings for each true one; how many broke."""
    true = false = missed = 0
    for offered, good, waiting, people, handle_s, patience_s, usual, plan in days:
        starts = np.arange(45, MINUTES - INTERVAL, INTERVAL)
        looks = starts - minutes_before_begin
        found = outlook(
            np.stack([offered[at - 30 : at].reshape(6, 5).sum(axis=1) for at in looks]), waiting[looks - 1], people[looks - 1], handle_s, patience_s,
            Target(0.8, 20), usual=np.stack([usual[at - 30 : at].reshape(6, 5).sum(axis=1) for at in looks]),
            usual_ahead=np.array([usual[at : at + INTERVAL].sum() / 3 for at in starts]),
            coming=np.array([plan[at : at + INTERVAL].mean() / plan[look - 1] for at, look in zip(starts, looks, strict=True)]),
        )  # fmt: skip
        came = np.array([offered[at : at + INTERVAL].sum() for at in starts])
        level = np.array([good[at : at + INTERVAL].sum() for at in starts]) / np.maximum(came, 1)
        broke, enough = (came >= 10) & (level < 0.8), came >= 10
        true += int((broke & found.breaking).sum())
        missed += int((broke & ~found.breaking).sum())
        false += int((enough & ~broke & found.breaking).sum())
    return true / (true + missed), false / true, true + missed


def test_the_early_warning_names_four_of_five_intervals_that_break_ten_minutes_before_they_do() -> None:
    """An interval is broken when it ends. Ten minutes before that five of its fifteen minutes are known; ten minutes before it begins nothing of it is."""
    days = []
    for seed in range(DAYS):
        rates, people, handle_s, patience_s, usual, plan, dice = drawn_day(seed)
        offered, good, _, waiting, _, _ = day(rates, people, handle_s, patience_s, 20.0, dice)
        days.append((offered, good, waiting, people, handle_s, patience_s, usual, plan))
    print(f"\n{DAYS} days of one queue, with hours in which some did not come and a surge that nobody planned")
    for minutes, told in ((-5, "10 min before the end"), (10, "10 min before the beginning")):
        named, false, count = warned(days, minutes)
        print(f"{told}: {named:.1%} of {count} broken quarters named, {false:.2f} false for each true")
        assert named >= (0.8 if minutes < 0 else 0.65)
        assert false <= 0.5


def test_what_is_known_of_too_little_is_not_warned_of() -> None:
    found = outlook(np.zeros((2, 6)), 0, 0, [180.0, np.nan], np.inf, Target())
    assert not found.breaking.any()
    assert np.isnan(found.service_level).all()


def events(people: int) -> bytes:
    """An hour of a queue: 200 calls of three minutes each, and so many people."""
    lines = [
        f'{{"type":"agent.state","time":{number},"agent":"a-{number}","state":"available","queue":"desk"}}' for number in range(people)
    ]  # fmt: skip
    told = []
    for call in range(200):
        at_ms = 1_000 + call * 18_000
        base = f'"contact":"c-{call}","queue":"desk","channel":"phone","agent":"a-{call % people}"'
        told += [
            (at_ms + after, f'{{"type":"contact.{kind}","time":{at_ms + after},{base}}}')
            for after, kind in ((0, "queued"), (2_000, "answered"), (182_000, "closed"))
            if at_ms + after < 3_600_000
        ]
    return "\n".join([*lines, *(line for _, line in sorted(told))]).encode() + b"\n"


@pytest.mark.parametrize(("people", "breaks"), [(11, True), (20, False)])
def test_the_running_service_tells_who_is_missing(people: int, breaks: bool) -> None:
    engine = engine_of_service()
    engine.absorb(decode(events(people), source="s", vocabulary=Vocabulary(engine.secret)))
    engine.advance(3_600_000_000)
    turns = iter((0.0, 1.0, LOOK_S + 1))
    staffing = Staffing(lambda: next(turns))
    staffing.look(engine)
    (row,) = staffing.facts()["capacity"]["queues"]
    assert row["queue"] == "desk"
    assert row["present"] == people
    assert row["needed"] in (13, 14)
    assert row["missing"] == row["needed"] - people
    assert row["breaking"] is breaks
    assert (row["service_level"] < 0.8) is breaks
    before = staffing.facts()
    staffing.look(engine)
    assert staffing.facts() is before
    staffing.look(engine)
    assert staffing.facts() is not before


def test_where_nobody_says_who_is_there_nobody_is_missing() -> None:
    engine = engine_of_service()
    alone = b"\n".join(line for line in events(5).splitlines() if b"agent.state" not in line) + b"\n"
    engine.absorb(decode(alone, source="s", vocabulary=Vocabulary(engine.secret)))
    engine.advance(3_600_000_000)
    staffing = Staffing()
    staffing.look(engine)
    (row,) = staffing.facts()["capacity"]["queues"]
    assert row["needed"] in (13, 14)
    assert (row["present"], row["missing"], row["service_level"], row["breaking"]) == (None, None, None, None)
