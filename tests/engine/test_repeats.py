"""What happens too often: transfers, unresolved closings, and the same customer with the same problem again (C7, C13, C14, C34)."""

from engine.facts import FIELD
from engine.pipeline import Engine, Settings
from engine.policy import Line, Policy
from tests.engine.events import DAY_US, S, at, clock_us, engine_of
from tests.engine.running import feed
from tests.reference import Arrival


def count(limit: str, number: int, **when: str) -> Line:
    """A line that gives a number."""
    return Line(limit, number, {name: frozenset([value]) for name, value in when.items()}, 0)


def _raised(*events: Arrival, lines: tuple[Line, ...]) -> list[tuple[str, str, int, str]]:
    engine = engine_of(*events, policy=Policy(lines))
    return [
        (alarm.commitment, alarm.name, alarm.at_us, dict(alarm.more).get("agent", "")) for alarm in engine.take_alarms()
    ]


def _life(
    name: str,
    day: int,
    *,
    customer: str = "zhang",
    category: str = "refund",
    tenant: str = "shop",
    resolved: bool = False,
) -> list[Arrival]:
    """A contact of five minutes, of which the problem becomes known when it closes."""
    start_us = clock_us("8:00") + day * DAY_US
    return [
        at(start_us, "contact.opened", name, tenant=tenant, customer=customer),
        at(start_us + 60 * S, "contact.answered", name, agent="ann"),
        at(start_us + 300 * S, "contact.closed", name, category=category, resolved=resolved),
    ]


def test_a_contact_handed_on_three_times_is_raised_with_who_handed_it_on():
    steps = [at("8:00", "contact.answered", "a", agent="ann")]
    for minute, agent in ((1, "bo"), (2, "cy"), (3, "di")):
        steps += [
            at(f"8:0{minute}", "contact.transferred", "a"),
            at(f"8:0{minute}:30", "contact.answered", "a", agent=agent),
        ]
    lines = (count("transfers", 3),)
    assert _raised(*steps, lines=lines) == [("transfers", "a", clock_us("8:03"), "cy")]
    assert _raised(*steps[:-2], lines=lines) == []
    later = at(clock_us("8:10") + 2 * DAY_US, "contact.transferred", "a")
    assert len(_raised(*steps[:-2], at("8:10", "contact.closed", "a"), later, lines=lines)) == 0


def test_the_number_of_transfers_may_differ_by_tier():
    steps = [at("8:00", "contact.answered", "a", agent="ann", tier="vip"), at("8:01", "contact.transferred", "a")]
    assert len(_raised(*steps, lines=(count("transfers", 3), count("transfers", 1, tier="vip")))) == 1


def test_a_contact_closed_unresolved_is_raised_and_one_of_which_nothing_is_said_is_not():
    lines = (count("unresolved", 1),)
    events = [
        *_life("a", 0),
        *_life("b", 0, resolved=True),
        at("9:00", "contact.opened", "c"),
        at("9:01", "contact.closed", "c"),
    ]
    assert _raised(*events, lines=lines) == [("unresolved", "a", clock_us("8:05"), "ann")]


def test_the_same_customer_with_the_same_problem_within_a_day_is_a_repeat():
    events = [*_life("a", 0), *_life("b", 1)]
    engine = engine_of(*events, policy=Policy((count("repeats", 2),)))
    (alarm,) = engine.take_alarms()
    known_us = clock_us("8:05") + DAY_US
    assert (alarm.commitment, alarm.name, alarm.at_us) == ("repeats", "b", known_us)
    assert engine.tallies.rollups[0].totals[0, FIELD["repeats_breaches"]] == 1


def test_a_day_later_it_is_another_problem():
    late = [Arrival("s", arrival.time_us + 1000, arrival.event) for arrival in _life("b", 1)]
    assert _raised(*_life("a", 0), *late, lines=(count("repeats", 2),)) == []


def test_another_shop_or_another_problem_is_no_repeat_nor_is_an_unknown_customer_or_problem():
    lines = (count("repeats", 2),)
    for other in ({"tenant": "other"}, {"category": "parcel"}, {"customer": "li"}):
        assert _raised(*_life("a", 0), *_life("b", 0, **other), lines=lines) == []
    for unknown in ({"customer": ""}, {"category": ""}):
        assert _raised(*_life("a", 0, **unknown), *_life("b", 0, **unknown), lines=lines) == []


def test_the_limit_says_from_which_contact_on():
    events = [arrival for day in range(4) for arrival in _life(f"c{day}", day)]
    assert [row[1] for row in _raised(*events, lines=(count("repeats", 3),))] == ["c2", "c3"]


def test_resolution_is_told_apart_for_first_contacts_and_for_repeats():
    engine = engine_of(*_life("a", 0), *_life("b", 0, customer="li", resolved=True), *_life("c", 1, resolved=True))
    names = ("first_known", "first_resolved", "repeat_known", "repeat_resolved", "repeat_contacts")
    assert [int(engine.tallies.rollups[0].totals[0, FIELD[name]]) for name in names] == [2, 1, 1, 1, 1]


def test_a_repeat_is_known_after_a_restart():
    engine = Engine(Settings(policy=Policy()))
    feed(engine, _life("a", 0))
    restored = Engine.restore(engine.snapshot(), engine.settings)
    for each in (engine, restored):
        feed(each, _life("b", 1))
        each.finish()
    assert restored.take_alarms() == engine.take_alarms()
    totals = [each.tallies.rollups[0].totals[0, FIELD["repeat_contacts"]] for each in (engine, restored)]
    assert totals == [1, 1]
