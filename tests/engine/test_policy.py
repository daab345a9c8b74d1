"""Which line of a policy holds for whom, and which policies are refused."""

from dataclasses import replace

import numpy as np
import pytest

from engine.columns import Combinations
from engine.errors import InvalidSetting
from engine.events import DIMENSIONS
from engine.hours import Hours
from engine.policy import CLOCKS, LIMITS, NO_LIMIT_US, Limits, Period, Policy, line
from tests.engine.events import S, clock_us

SALE = Period("sale", clock_us("8:00"), clock_us("12:00"))


def _found(policy: Policy, **facts: str) -> float | None:
    held = policy.find("wait", facts)
    return None if held is None else held.limit_us / S


def test_the_line_with_more_conditions_holds():
    policy = Policy(
        (line("wait", 300), line("wait", 30, channel="phone"), line("wait", 10, channel="phone", tier="vip"),
         line("first_reply", 1))
    )  # fmt: skip
    assert _found(policy) == 300
    assert _found(policy, channel="phone") == 30
    assert _found(policy, channel="phone", tier="vip", tenant="shop") == 10
    assert _found(policy, tier="vip") == 300


def test_of_lines_with_as_many_conditions_the_more_telling_condition_decides():
    policy = Policy((line("wait", 1, channel="phone"), line("wait", 2, tenant="shop"), line("wait", 3, tier="vip")))
    assert _found(policy, channel="phone", tenant="shop", tier="vip") == 2
    assert _found(policy, channel="phone", tier="vip") == 3


def test_a_condition_may_accept_several_values_and_the_empty_one():
    policy = Policy((line("wait", 1, channel=("app", "web")), line("wait", 2, channel="")))
    assert [_found(policy, channel=name) for name in ("app", "web", "phone", "")] == [1, 1, None, 2]


def test_nobody_is_held_to_a_limit_that_no_line_gives():
    assert Policy(()).find("wait", {"channel": "phone"}) is None


def test_tables_say_for_every_combination_and_period_what_the_lines_say():
    policy = Policy(
        (line("wait", 300), line("wait", 30, channel="phone", warn=0.5), line("wait", None, tier="vip"), line("wait", 5, period="sale")),
        (SALE,),
    )  # fmt: skip
    combinations = Combinations(100, 100)
    said = [dict.fromkeys(DIMENSIONS) | values for values in ({}, {"channel": "phone"}, {"tier": "vip"})]
    codes = combinations.merged(np.zeros(3, np.int32), combinations.saids([tuple(row.values()) for row in said]))
    limits = Limits(policy, combinations)
    limits.refresh()
    table = limits.table_us[LIMITS.index("wait")][:, codes]
    assert table.tolist() == [[300 * S, 30 * S, NO_LIMIT_US], [5 * S, 30 * S, NO_LIMIT_US]]
    assert limits.warn_permille[LIMITS.index("wait")][0, codes].tolist() == [800, 500, 800]
    assert (limits.table_us[LIMITS.index("first_reply")][:, codes] == NO_LIMIT_US).all()
    asked = [clock_us(text) for text in ("7:59:59", "8:00", "11:59:59", "12:00")]
    assert limits.period_of[np.searchsorted(limits.bounds_us, asked, "right")].tolist() == [0, 1, 1, 0]


def test_every_clock_is_a_limit():
    assert LIMITS[: len(CLOCKS)] == CLOCKS


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: line("mood", 1), "'mood' is no limit; choose from wait"),
        (lambda: line("wait", 0), "must be above zero"),
        (lambda: line("wait", -5), "must be above zero"),
        (lambda: line("wait", 5, warn=1.0), "must come before its limit"),
        (lambda: line("wait", 5, weather="rain"), "'weather' is no condition; choose from tenant"),
        (lambda: line("wait", 5, channel=()), "channel accepts nothing"),
        (lambda: Policy((line("wait", 5, period="sale"),)), "there is no period 'sale'"),
        (lambda: Policy((replace(line("wait", 5), hours="office"),)), "there are no hours 'office'"),
        (lambda: Policy((replace(line("short", 5), hours="o"),), hours={"o": Hours()}), "short is no clock"),
        (lambda: Policy((line("wait", 5), line("wait", 6))), "wait for everybody is said already"),
        (lambda: Policy((line("wait", 5, channel=("app", "web")), line("wait", 6, channel=("web",)))), "for channel web is said already"),
        (lambda: Period("sale", 5, 5), "ends before it begins"),
        (lambda: Policy((), (SALE, Period("late", clock_us("11:00"), clock_us("13:00")))), "must not overlap"),
    ],
)  # fmt: skip
def test_a_policy_that_contradicts_itself_is_refused_in_one_sentence(make, why):
    with pytest.raises(InvalidSetting, match=why):
        make()


def test_lines_for_different_values_of_a_condition_do_not_contradict_each_other():
    Policy((line("wait", 5, channel="app"), line("wait", 6, channel="web"), line("first_reply", 7, channel="app")))
