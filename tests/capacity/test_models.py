"""The models of queues: published figures, sums written out by hand, and queues simulated person by person."""

import math
import time

import numpy as np
import pytest

from engine.capacity.queues import erlang_b, outcome
from engine.capacity.staffing import Target, needed, rostered
from engine.errors import InvalidSetting
from tests.capacity.simulated import met


def test_a_hundred_calls_in_half_an_hour_need_fourteen_people_on_the_phones_and_twenty_on_the_roster() -> None:
    # pyworkforce 0.5.4, its own documented example.
    agents, found = needed(100 / 1800, 180, Target(0.8, 20, occupancy_max=0.85))
    assert int(agents) == 14
    assert int(rostered(agents, 0.3)) == 20
    assert float(found.in_target) == pytest.approx(0.88835, abs=5e-6)
    assert float(found.occupancy) == pytest.approx(0.714286, abs=5e-7)
    assert float(found.waiting) == pytest.approx(0.174132, abs=5e-7)


def test_erlang_b_has_the_values_of_the_tables() -> None:
    # Tables of the blocked share: 1 % with 10 servers at 4.461 erlang, 20 at 12.03, 100 at 84.06; 5 % with 50 at 44.53.
    for servers, load, blocked in ((10, 4.461, 0.01), (20, 12.03, 0.01), (100, 84.06, 0.01), (50, 44.53, 0.05)):
        assert float(erlang_b(load, servers)) == pytest.approx(blocked, rel=2e-3)


def test_erlang_b_follows_its_recursion_from_one_server_to_ten_thousand() -> None:
    for load in (0.5, 40.0, 9_500.0, 10_400.0):
        blocked = 1.0
        for servers in range(1, 10_001):
            blocked = load * blocked / (servers + load * blocked)
            if servers in (1, 7, 60, 1_000, 10_000):
                assert float(erlang_b(load, servers)) == pytest.approx(blocked, rel=1e-10, abs=1e-300)


def test_erlang_a_has_the_published_values_of_fifty_agents() -> None:
    # Mandelbaum and Zeltyn, "Service Engineering in Action", the comparison of Erlang C and A: 50 agents, 48 calls a minute, a minute of handling, two
    # minutes of patience: 3.1 % leave, and the answered wait for 3.7 s against 20.8 s.
    erlang_a = outcome(48 / 60, 60, 50, within_s=20, patience_s=120)
    erlang_c = outcome(48 / 60, 60, 50, within_s=20)
    assert float(erlang_a.abandoned) == pytest.approx(0.031, abs=5e-4)
    assert float(erlang_a.asa_s) == pytest.approx(3.7, abs=0.1)
    assert float(erlang_c.asa_s) == pytest.approx(20.8, abs=0.1)
    assert float(erlang_a.occupancy) == pytest.approx(0.93, abs=5e-3)
    assert float(erlang_c.occupancy) == pytest.approx(0.96, abs=1e-9)


@pytest.mark.parametrize(("load", "servers", "patience"), [(50, 52, 0.4), (9, 5, 2.0), (300, 240, 30.0), (0.1, 3, 1.0)])
def test_erlang_a_equals_the_sum_over_all_states(load: float, servers: int, patience: float) -> None:
    # In units of the handle time; states above `servers` lose one to impatience at a rate of its own each.
    weights, leaving = [1.0], []
    while len(weights) < 20 * servers + 2_000:
        state = len(weights)
        waiting = max(0, state - servers)
        leaving.append(waiting / patience)
        weights.append(weights[-1] * load / (min(state, servers) + waiting / patience))
    whole = math.fsum(weights)
    found = outcome(load, 1.0, servers, within_s=0.1, patience_s=patience)
    lost = math.fsum(weight * max(0, state - servers) for state, weight in enumerate(weights)) / patience / load
    assert float(found.waiting) == pytest.approx(math.fsum(weights[servers:]) / whole, rel=1e-9)
    assert float(found.abandoned) == pytest.approx(lost / whole, rel=1e-8)
    assert float(found.occupancy) == pytest.approx(load * (1 - lost / whole) / servers, rel=1e-9)
    assert float(found.in_target + found.abandoned_in_target) <= 1


def test_endless_patience_is_the_limit_of_long_patience() -> None:
    patient, long = (outcome(10 / 180, 180, 14, within_s=20, patience_s=one) for one in (np.inf, 1e9))
    assert float(long.in_target) == pytest.approx(float(patient.in_target), rel=1e-6)
    assert float(long.asa_s) == pytest.approx(float(patient.asa_s), rel=1e-5)


def test_a_queue_that_is_given_more_than_it_can_do_never_settles_unless_customers_leave() -> None:
    hopeless = outcome(20 / 180, 180, 14, within_s=20)
    assert (float(hopeless.in_target), float(hopeless.asa_s), float(hopeless.waiting)) == (0, np.inf, 1)
    left = outcome(20 / 180, 180, 14, within_s=20, patience_s=180)
    assert float(left.abandoned) == pytest.approx(1 - 14 / 20, abs=0.03)


def test_nobody_who_comes_waits_and_nobody_who_serves_is_needed_without_arrivals() -> None:
    agents, found = needed([0.0, 0.1], 180, Target())
    assert agents.tolist()[0] == 0
    assert found.in_target.tolist()[0] == 1
    assert float(outcome(0.1, 180, 0, within_s=20, patience_s=60).abandoned) == 1


def test_one_person_fewer_would_miss_the_target() -> None:
    dice = np.random.default_rng(11)
    arrivals, handle_s = dice.gamma(1, 0.4, 300), dice.uniform(30, 900, 300)
    patience_s = np.where(dice.random(300) < 0.3, np.inf, dice.uniform(20, 900, 300))
    seats, slowdown = dice.integers(1, 6, 300), dice.uniform(0, 0.5, 300)
    target = Target(0.8, 30, occupancy_max=0.9)
    agents, found = needed(arrivals, handle_s, target, patience_s=patience_s, concurrency=seats, slowdown=slowdown)
    assert (found.in_target >= 0.8).all()
    assert (found.occupancy <= 0.9).all()
    fewer = outcome(
        arrivals, handle_s, agents - 1, within_s=30, patience_s=patience_s, concurrency=seats, slowdown=slowdown
    )
    assert ((fewer.in_target < 0.8) | (fewer.occupancy > 0.9)).all()


def test_ten_thousand_agents_are_no_matter() -> None:
    agents, found = needed(9_700 / 300, 300, Target(0.8, 20), patience_s=[np.inf, 600])
    assert agents.tolist() == [9_721, 9_445]  # With patience a few leave, and that many fewer are needed.
    assert (found.in_target >= 0.8).all()


#: People, contacts at once, slowdown for each further one, load by what they can do, patience in handle times.
CHATS = [
    (people, seats, slowdown, load, patience)
    for people, seats in ((4, 3), (12, 3), (30, 5), (8, 2))
    for slowdown, load, patience in ((0.0, 0.85, 1.0), (0.3, 0.95, 0.5), (0.6, 1.1, 1.0))
]


def test_chats_at_once_are_within_three_percent_of_a_long_simulation() -> None:
    """Shares in target, and of time occupied, within 3 % of themselves; those who wait and who leave, which may be few, within 3 points of 100."""
    print("\npeople seats slower load patience   in target        waiting          left             occupied")
    for number, (people, seats, slowdown, load, patience) in enumerate(CHATS):
        handle_s, target_s = 240.0, 30.0
        arrivals = load * people * seats / (handle_s * (1 + slowdown * (seats - 1)))
        given = outcome(arrivals, handle_s, people, within_s=target_s, patience_s=patience * handle_s,
                        concurrency=seats, slowdown=slowdown)  # fmt: skip
        waited, in_target, left, busy = met(
            arrivals,
            handle_s,
            people,
            seats,
            slowdown,
            patience * handle_s,
            target_s,
            1_000_000,
            np.random.default_rng(number),
        )
        pairs = [
            (given.in_target, in_target),
            (given.waiting, waited),
            (given.abandoned, left),
            (given.occupancy, busy),
        ]
        shown = "  ".join(f"{float(ours):.4f} {theirs:.4f} " for ours, theirs in pairs)
        print(f"{people:6d} {seats:5d} {slowdown:6.1f} {load:4.2f} {patience:8.1f}   {shown}")
        assert float(given.in_target) == pytest.approx(in_target, rel=0.03)
        assert float(given.occupancy) == pytest.approx(busy, rel=0.03)
        assert float(given.waiting) == pytest.approx(waited, abs=0.03)
        assert float(given.abandoned) == pytest.approx(left, abs=0.03)


def test_targets_that_nobody_can_mean_are_refused() -> None:
    for fault in ({"share": 0.0}, {"share": 1.2}, {"within_s": -1.0}, {"occupancy_max": 0.0}):
        with pytest.raises(InvalidSetting, match="it must"):
            Target(**fault)


def test_a_week_of_five_hundred_queues_is_planned_in_two_seconds() -> None:
    dice = np.random.default_rng(3)
    arrivals = dice.gamma(1, 20, (500, 48 * 7)) / 1800
    handle_s = dice.uniform(60, 400, (500, 1))
    for patience_s in (np.inf, 240.0):
        began = time.process_time()
        _, found = needed(arrivals, handle_s, Target(0.8, 20, occupancy_max=0.85), patience_s=patience_s)
        took_s = time.process_time() - began
        print(f"\n500 queues x 48 intervals x 7 days, patience {patience_s:g} s: {took_s:.2f} s of processor time")
        assert (found.in_target >= 0.8).all()
        assert took_s < 2.0
