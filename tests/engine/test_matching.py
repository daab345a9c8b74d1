"""What is found for many combinations at once is what the policy finds for each."""

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.columns import Combinations
from engine.events import DIMENSIONS
from engine.matching import Matcher
from engine.policy import CONTACT_LIMITS, NO_LIMIT_US, Limits, Line, Period, Policy, line

S = 1_000_000
NAMES = ("queue", "tenant", "tier", "kind", "period")
_when = st.dictionaries(
    st.sampled_from(NAMES), st.frozensets(st.sampled_from(("", "a", "b", "sale")), min_size=1, max_size=2), max_size=3
)
_lines = st.lists(st.tuples(st.sampled_from(CONTACT_LIMITS[:3]), _when), max_size=12)
_said = st.tuples(*(st.sampled_from(("", "a", "b", "other")) for _ in DIMENSIONS))


def _alone(lines: list[Line]) -> tuple[Line, ...]:
    """Those that are not as specific as another one that holds with them."""
    kept: list[Line] = []
    for one in lines:
        rivals = [other for other in kept if (other.limit, set(other.when)) == (one.limit, set(one.when))]
        if not any(all(one.when[name] & other.when[name] for name in one.when) for other in rivals):
            kept.append(one)
    return tuple(kept)


@given(_lines, st.lists(_said, min_size=1, max_size=8))
def test_many_are_found_as_each_one_is(
    lines: list[tuple[str, dict[str, frozenset[str]]]], saids: list[tuple[str, ...]]
):
    given = [Line(limit, number, when) for number, (limit, when) in enumerate(lines, start=1)]
    policy = Policy(
        _alone([each for each in given if each.when.get("period", {"sale"}) == {"sale"}]), (Period("sale", 0, S),)
    )
    combinations = Combinations(100, 100)
    codes = combinations.merged(np.zeros(len(saids), np.int32), combinations.saids(saids))  # type: ignore[arg-type]
    limits = Limits(policy, combinations)
    limits.refresh()
    for said, code in zip(saids, codes.tolist(), strict=True):
        facts = dict(zip(DIMENSIONS, said, strict=True))
        for place, limit in enumerate(CONTACT_LIMITS):
            for number, period in enumerate(limits.periods):
                found = policy.find(limit, facts | {"period": period})
                assert limits.table_us[place, number, code] == (found.limit_us if found else NO_LIMIT_US)


def test_what_comes_in_parts_is_found_as_what_comes_at_once():
    policy = Policy((line("wait", 5), line("wait", 3, queue="q7"), line("wait", 2, queue="q7", tier="vip")))
    whole, parts = Combinations(9_000, 9_000), Combinations(9_000, 9_000)
    at_once, bit_by_bit = Limits(policy, whole), Limits(policy, parts)
    for number in range(8_500):
        for combinations in (whole, parts):
            said = combinations.saids([(f"q{number}", "", "", "", "vip" if number % 2 else "", "", "", "")])
            combinations.merged(np.zeros(1, np.int32), said)
        if number % 1_000 == 0:
            bit_by_bit.refresh()
    at_once.refresh()
    bit_by_bit.refresh()
    tables = [limits.table_us[:, :, : len(whole)] for limits in (at_once, bit_by_bit)]
    assert tables[0].tolist() == tables[1].tolist()
    assert (tables[0][0, 0] == 2 * S).sum() == 1


def test_a_group_without_lines_finds_none():
    assert Matcher([[], []], [""]).find(
        [[""]] * len(DIMENSIONS), np.zeros((1, len(DIMENSIONS)), np.int32)
    ).tolist() == [[[-1]], [[-1]]]


def test_lines_of_three_hundred_shops_are_found_for_twenty_thousand_combinations_in_a_moment():
    lines = [line(limit, number + 1, tenant=f"t{number}") for limit in ("wait", "next_reply") for number in range(300)]
    combinations = Combinations(30_000, 30_000)
    saids = [(f"q{number}", "", f"t{number % 300}", "", "", "", "", "") for number in range(20_000)]
    combinations.merged(np.zeros(len(saids), np.int32), combinations.saids(saids))  # type: ignore[arg-type]
    limits = Limits(Policy(tuple(lines)), combinations)
    started = time.process_time()
    limits.refresh()
    assert time.process_time() - started < 2
    assert (limits.table_us[0, 0, 1:20_001] // S).tolist() == [number % 300 + 1 for number in range(20_000)]
