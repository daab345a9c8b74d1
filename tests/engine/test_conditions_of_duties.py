"""Conditions on cases, quality checks and resolution, driven by events: the rows of the catalogue that measure what is owed."""

from typing import Any

from engine.conditions import Bound, Condition
from tests.engine.events import DAY_US, HOUR_US, MINUTE_US, S, at, clock_us
from tests.engine.test_conditions import steps, until
from tests.reference import Arrival

DAILY: dict[str, Any] = {"by": ("tenant",), "window_us": DAY_US, "step_us": 15 * MINUTE_US}
WEEKLY: dict[str, Any] = {"by": ("tenant",), "window_us": 7 * DAY_US, "step_us": HOUR_US}


def many(start: str, count: int, kind: str, name: str, **said: Any) -> list[Arrival]:
    """So many events a second apart; `name` is the field that tells them apart."""
    return [
        at(clock_us(start) + number * S, kind, **{name: f"{kind}-{start}-{number}"}, tenant="shop-a", **said)
        for number in range(count)
    ]


def test_more_than_one_complaint_in_a_hundred_orders_is_raised():  # C35
    high = Condition(
        "complaints_high", (Bound("complaints_per_1000_orders", 10, True),), sample=(("orders",), 500), **DAILY
    )
    orders = at("8:00", "business.orders", count=1_000, amount=9, tenant="shop-a")
    for count, found in ((10, []), (11, [("8:15:00", "complaints_high", "broken", "tenant=shop-a")])):
        complaints = many("8:01", count, "case.opened", "case", kind_="complaint")
        assert steps([high], orders, *map(as_complaint, complaints), until("9:00")) == found


def as_complaint(arrival: Arrival) -> Arrival:
    kept = {name: value for name, value in arrival.event.items() if name != "kind_"}
    return Arrival(arrival.source, arrival.time_us, {**kept, "kind": "complaint"})


def test_critical_errors_in_more_than_two_of_a_hundred_checks_are_raised():  # C36
    high = Condition(
        "critical_errors_high", (Bound("critical_error_rate", 0.02, True),), sample=(("quality_checked",), 50), **WEEKLY
    )
    passed = many("8:00", 48, "quality.scored", "contact", agent="ann", passed=True, critical_errors=0)
    for count, found in ((0, []), (2, [("9:00:00", "critical_errors_high", "broken", "tenant=shop-a")])):
        failed = many("8:10", count, "quality.scored", "contact", agent="ann", passed=False, critical_errors=1)
        assert steps([high], *passed, *failed, until("10:00")) == found


def test_too_few_conversations_checked_are_raised():  # C37
    low = Condition("quality_sample_low", (Bound("quality_share", 0.1, False),), **WEEKLY)
    handled = [
        one
        for number in range(20)
        for one in (
            at(f"8:{number:02}", "contact.answered", f"c{number}", agent="ann", tenant="shop-a"),
            at(f"8:{number:02}:30", "contact.closed", f"c{number}"),
        )
    ]
    for count, found in ((2, []), (1, [("9:00:00", "quality_sample_low", "broken", "tenant=shop-a")])):
        checked = many("8:30", count, "quality.scored", "contact", agent="ann", passed=True, critical_errors=0)
        assert steps([low], *handled, *checked, until("10:00")) == found
