"""Figures beside service and what the default policy raises of them, driven by events only (C8, C34, C35, C36, C45)."""

from engine.pipeline import Engine, Settings
from engine.policy import Policy, line
from engine.times import MINUTE_US
from engine.windows import Spec
from streams.policy.reading import default_policy
from tests.engine.events import at, clock_us, engine_of, window
from tests.engine.running import feed
from tests.reference import Arrival


def _raised(*events: Arrival, until: str = "9:00") -> set[tuple[str, str, str]]:
    """What conditions of the default policy raise by then: name, group and figure."""
    engine = Engine(Settings(policy=default_policy(), windows=(Spec(15 * MINUTE_US, 15 * MINUTE_US),)))
    feed(engine, sorted(events, key=lambda event: event.time_us))
    engine.advance(clock_us(until))
    return {
        (alarm.commitment, alarm.name, dict(alarm.more)["figure"])
        for alarm in engine.take_alarms()
        if alarm.about == "group" and alarm.step == "broken"
    }


def test_the_share_of_replies_within_the_benchmark_and_the_gap_to_it():  # C8
    policy = Policy((line("benchmark", 30, warn=0), line("benchmark", 10, warn=0, tier="vip")))
    events = [at("8:00", "contact.answered", "a", agent="ann")]
    for minute, seconds in ((1, 20), (2, 50), (3, 30)):
        events += [
            at(f"8:0{minute}:00", "message.customer", "a"),
            at(f"8:0{minute}:{seconds}", "message.agent", "a", agent="ann"),
        ]
    row = window(engine_of(*events, policy=policy), "8:00", "8:30")
    assert row["benchmark_share"] == 2 / 3
    assert row["benchmark_gap_s"] == (20 + 50 + 30 - 90) / 3
    strict = [at("8:00", "contact.opened", "a", tier="vip"), *events]
    assert window(engine_of(*strict, policy=policy), "8:00", "8:30")["benchmark_share"] == 0


def test_complaints_by_a_thousand_orders_are_raised_above_ten_and_again_above_twenty():  # C35
    orders = at("8:00", "business.orders", count=1000, tenant="shop")
    complaints = [
        at(f"8:01:{n:02}", "case.opened", case=f"k{n}", kind=("complaint", "serious_complaint")[n % 2], tenant="shop")
        for n in range(21)
    ]
    others = [at("8:02", "case.opened", case="l", kind="logistics", tenant="shop")]
    assert _raised(orders, *complaints[:10], *others) == set()
    assert _raised(orders, *complaints[:11], *others) == {("complaints_high", "tenant=shop", "11")}
    names = {name for name, *_ in _raised(orders, *complaints)}
    assert names == {"complaints_high", "complaints_very_high"}


def test_critical_errors_of_more_than_one_check_in_fifty_are_raised():  # C36
    checks = [
        at(f"8:00:{n:02}", "quality.scored", agent=f"a{n}", passed=n >= 2, critical_errors=int(n < 2), other_errors=0, tenant="shop")
        for n in range(50)
    ]  # fmt: skip
    assert ("critical_errors_high", "tenant=shop", "0.04") in _raised(*checks)
    assert (
        _raised(
            *checks[1:],
            at("8:01", "quality.scored", agent="z", passed=True, critical_errors=0, other_errors=0, tenant="shop"),
        )
        == set()
    )


def test_too_few_first_contacts_resolved_are_raised():  # C34
    events = []
    for n in range(40):
        events += [
            at(f"8:00:{n:02}", "contact.opened", f"c{n}", tenant="shop", customer=f"k{n}", category="refund"),
            at(f"8:10:{n:02}", "contact.closed", f"c{n}", resolved=n >= 8),
        ]
    assert ("first_contact_resolution_low", "tenant=shop", "0.8") in _raised(*events)


def test_orders_stand_beside_the_contacts_of_their_shop():  # C45
    events = [
        at("8:00", "business.orders", count=3, amount=99.5, tenant="shop"), at("8:10", "business.orders", count=1, amount=0.5, tenant="shop"),
        at("8:05", "contact.opened", "a", tenant="shop"), at("8:06", "contact.opened", "b", tenant="shop"),
    ]  # fmt: skip
    row = window(engine_of(*sorted(events, key=lambda event: event.time_us)), "8:00", "8:30")
    assert (row["orders"], row["orders_per_contact"], row["order_amount_mean"]) == (4, 2.0, 25.0)
