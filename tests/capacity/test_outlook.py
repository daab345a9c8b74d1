"""The early warning on days whose truth is known, and what is needed now out of a real engine."""

import numpy as np
import pytest

from alerts.wording import _WORDS, _expected
from engine.alarms import ENDED, WARNED, Alarm
from engine.capacity.outlook import AHEAD, MINUTES, Seen, outlook
from engine.capacity.staffing import Target
from engine.capacity.transient import below, in_time
from engine.events import Vocabulary, decode
from streams.capacity.live import LOOK_S, Staffing
from streams.capacity.naming import BREAKING, Naming
from streams.capacity.planned import Planned
from streams.capacity.warned import Quarter, judged
from tests.capacity.days import DAY_MINUTES, Drawn, day, drawn_day
from tests.history.recorded import engine_of_service

DAYS = 20
QUARTER = 15


def named_of(days: list[tuple]) -> list[dict[int, int]]:
    """By day the minute at which each quarter was first named at two looks in a row; all looks of one phase of the quarter are worked out together."""
    breaking: dict[tuple[int, int], set[int]] = {}
    for behind in range(QUARTER):
        looks = [
            (number, at) for number in range(len(days)) for at in range(MINUTES + behind, DAY_MINUTES - AHEAD, QUARTER)
        ]

        def column(of, looks=looks) -> np.ndarray:  # type: ignore[no-untyped-def]
            return np.array([of(*days[number], at) for number, at in looks], np.float64)

        hour = [slice(at - MINUTES, at) for _, at in looks]
        offered, good = (
            np.stack([days[number][0][place][of] for (number, _), of in zip(looks, hour, strict=True)])
            for place in (0, 1)
        )
        here, busy = column(lambda told, one, at: one.people[at - 1]), column(lambda told, one, at: told[6][at - 1])
        handled = column(lambda told, one, at: told[4][at - MINUTES : at].sum())
        handle_s = column(lambda told, one, at: one.handle_s)
        seen = Seen(
            behind=behind, offered=offered, in_target=good, waiting=column(lambda told, one, at: told[3][at - 1]), serving=busy,
            free=np.maximum(here - busy, 0), slots=here, load=np.minimum(busy, here), handled=handled, held_s=handled * handle_s,
            waited_s=column(lambda told, one, at: told[5][at - MINUTES : at].sum()), left=column(lambda told, one, at: told[2][at - MINUTES : at].sum()),
            usual=np.stack([days[number][1].usual[at - MINUTES : at + AHEAD] for number, at in looks]),
            planned=np.stack([days[number][1].plan[at : at + AHEAD] / days[number][1].plan[at - 1] for number, at in looks]),
        )  # fmt: skip
        found = outlook(seen, Target(0.8, 20), handle_s=handle_s, concurrency=np.ones(len(looks)))
        for look, (now, following) in zip(looks, found.breaking.tolist(), strict=True):
            begins = look[1] // QUARTER * QUARTER
            breaking[look] = ({begins} if now else set()) | ({begins + QUARTER} if following else set())
    first: list[dict[int, int]] = [{} for _ in days]
    for number, at in sorted(breaking):
        for begins in breaking[number, at] & breaking.get((number, at - 1), set()):
            first[number].setdefault(begins, at)
    return first


def test_the_early_warning_names_four_of_five_quarters_that_break_ten_minutes_before_they_do() -> None:
    """A quarter breaks when it closes below the target. Whatever is named at any minute and does not break is false."""
    days = []
    for seed in range(DAYS):
        one = Drawn(*drawn_day(seed))
        days.append((day(one.rates, one.people, one.handle_s, one.patience_s, 20.0, one.dice), one))
    broke = named = ahead = false = 0
    for (told, _), first in zip(days, named_of(days), strict=True):
        for begins in range(MINUTES + QUARTER, DAY_MINUTES - 2 * AHEAD, QUARTER):
            came, good = (told[place][begins : begins + QUARTER].sum() for place in (0, 1))
            if came < 20:
                continue
            if good / came < 0.8:
                broke += 1
                # A look is said a minute later at the latest.
                named += first.get(begins, DAY_MINUTES) <= begins + QUARTER - 11
                ahead += first.get(begins, DAY_MINUTES) <= begins - 11
            else:
                false += begins in first
    print(
        f"\n{DAYS} days of one queue, with hours in which some did not come and a surge that nobody planned: {broke} quarters broke"
    )
    print(
        f"named ten minutes before the close {named / broke:.1%}, before the beginning {ahead / broke:.1%}; {false / named:.2f} false for each true"
    )
    assert named / broke >= 0.8
    assert false / named <= 0.5


def test_the_shares_of_the_normal_are_those_of_the_tables() -> None:
    assert below(np.array([0.0, 1.0, -1.959964, 3.0])) == pytest.approx([0.5, 0.8413447, 0.025, 0.9986501], abs=2e-7)


def test_a_queue_that_is_long_at_the_look_is_not_gone_in_a_minute() -> None:
    arrivals, capacity = np.full((2, AHEAD), 3.0), np.full((2, AHEAD), 14.0)
    shares = in_time(np.array([5.0, 60.0]), arrivals, capacity, np.full(2, 180.0), np.full(2, 300.0), 20.0)
    assert shares[0].min() > 0.85
    assert shares[1, :5].max() < 0.05
    assert (np.diff(shares[1]) > -1e-3).all()


def test_what_is_known_of_too_little_is_not_warned_of() -> None:
    nothing = np.zeros(1)
    quiet = Seen(3, np.zeros((1, MINUTES)), np.zeros((1, MINUTES)), *(nothing,) * 9)
    found = outlook(quiet, Target(), handle_s=np.full(1, np.nan), concurrency=np.ones(1))
    assert not found.breaking.any()
    assert np.isnan(found.service_level).all()


def test_a_warning_counts_by_when_it_came_and_every_false_one_counts() -> None:
    minute = 60_000_000
    close = 15 * minute
    #                     broke  lost at    goes on  named
    told = [
        Quarter("a", 0, 50, 0.5, True, 6 * minute, False, close - 10 * minute),  # In time for the close only.
        Quarter("b", 0, 50, 0.5, True, 6 * minute, True, -11 * minute),  # In time for all.
        Quarter("c", 0, 50, 0.5, True, 6 * minute, False, close - 9 * minute),  # Too late.
        Quarter("d", 0, 50, 0.9, False, 0, False, 14 * minute),  # False, however late.
        Quarter("e", 0, 50, 0.9, False, 0, False, 0),
    ]
    found = judged(told)
    assert (found.quarters, found.broke, found.before_close, found.before_lost, found.before_begin) == (5, 3, 2, 1, 1)
    assert (found.first, found.first_before_close, found.false) == (2, 1, 1)


def events(people: int) -> bytes:
    """An hour of a queue: 200 calls of three minutes each, so many people, and a plan."""
    lines = [
        f'{{"type":"agent.state","time":{number},"agent":"a-{number}","state":"available","queue":"desk"}}' for number in range(people)
    ]  # fmt: skip
    lines.append(
        '{"type":"staffing.planned","time":99,"queue":"desk","interval_start":3600000,"interval_end":5400000,"agents":12}'
    )
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


def test_the_running_service_tells_who_is_missing_and_who_is_planned() -> None:
    engine, planned = engine_of_service(), Planned()
    decoded = decode(events(11), source="s", vocabulary=Vocabulary(engine.secret))
    planned.take(decoded)
    engine.absorb(decoded)
    engine.advance(3_600_000_000)
    turns = iter((0.0, 1.0, LOOK_S + 1))
    staffing = Staffing(lambda: next(turns), planned=planned)
    staffing.look(engine)
    (row,) = staffing.facts()["capacity"]["queues"]
    assert (row["queue"], row["present"], row["planned_next"]) == ("desk", 11, 12)
    assert row["needed"] in (13, 14)
    assert row["missing"] == row["needed"] - 11
    assert row["missing_next"] == row["needed"] - 12
    assert row["arrivals_next"] == pytest.approx(50, abs=3)
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


def queue_row(breaking: bool) -> dict:
    return {"queue": "desk", "breaking": breaking, "service_level_now": 0.61, "service_level": 0.7, "missing": 3}


def test_a_queue_that_is_named_is_warned_of_once_and_ended_when_it_has_not_been_named_for_three_minutes() -> None:
    naming, minute = Naming(), 60_000_000
    told: list[Alarm] = []
    for at, breaking in enumerate((False, True, True, False, True, False, False, False, False)):
        naming.look([queue_row(breaking)], at * minute, 0.8)
        told += naming.take()
        assert [row["of"] for row in naming.raised] == ([{"queue": "desk"}] if 1 <= at < 7 else [])
    steps = [(one.step, one.at_us // minute) for one in told]
    # The first end is for what a process before this one may have left raised.
    assert steps == [(ENDED, 0), (WARNED, 1), (ENDED, 7)]
    warning = told[1]
    assert (warning.commitment, warning.about, warning.name, warning.value("queue")) == (
        BREAKING,
        "group",
        "desk",
        "desk",
    )
    assert dict(warning.more) == {
        "measure": "service_level",
        "figure": "0.61",
        "limit": "0.8",
        "missing": "3",
        "severity": "warning",
    }


def test_a_warning_says_what_is_expected_in_the_words_of_its_reader() -> None:
    facts = {"commitment": BREAKING, "figure": "0.61", "limit": "0.8", "missing": "3"}
    assert _expected(facts, _WORDS["en"]) == "61% expected against 80% if nothing changes · 3 missing"
    assert _expected(facts | {"missing": ""}, _WORDS["zh"]) == "若不调整，预计 61%，目标 80%"


def test_a_plan_outlives_the_process_and_forgets_what_is_over(tmp_path) -> None:  # type: ignore[no-untyped-def]
    planned, hour = Planned(), 3_600_000_000
    planned.take(decode(events(3), source="s"))
    planned.save(tmp_path / "planned")
    again = Planned()
    again.load(tmp_path / "planned")
    assert again.people("desk", hour) == 12
    assert again.people("desk", hour - 1) is None
    assert again.people("desk", hour + hour // 2) is None
    (tmp_path / "planned").write_bytes(b"rubbish")
    Planned().load(tmp_path / "planned")
    again.forget(4 * hour)
    assert again.people("desk", hour) is None
