"""The tick moves event time only where that makes nobody late."""

from streams.clock import Clock

S = 1_000_000


def clock() -> Clock:
    return Clock(near_us=1 * S, quiet_us=10 * S)


def test_a_service_that_never_saw_an_event_stays_held() -> None:
    held = clock()
    assert [held.tick(now * S) for now in range(0, 100, 5)] == [0] * 20


def test_while_the_past_is_filled_in_the_clock_is_held() -> None:
    filling = clock()
    for second in range(60):
        # An hour ago, a minute of it each second.
        assert filling.stamp((7_200 + second) * S, (3_600 + 60 * second) * S) == 0
        assert filling.tick((7_200 + second) * S + 200_000) == 0


def test_the_clock_runs_from_the_batch_on_that_reaches_the_present() -> None:
    caught_up = clock()
    assert caught_up.stamp(100 * S, 98 * S) == 0
    assert caught_up.stamp(101 * S, 100 * S) == 0, "the batch that catches up is itself still of the past"
    assert caught_up.tick(101 * S + 1) == 101 * S + 1
    assert caught_up.stamp(102 * S, 50 * S) == 102 * S, "once running it is not held again"


def test_after_a_quiet_time_the_clock_runs_though_nothing_is_near() -> None:
    quiet = clock()
    quiet.stamp(100 * S, 50 * S)
    assert quiet.tick(109 * S) == 0
    assert quiet.tick(110 * S) == 110 * S


def test_after_a_restart_the_quiet_time_counts_from_the_restart() -> None:
    restarted = clock()
    restarted.restored(1_000 * S)
    assert restarted.tick(1_009 * S) == 0
    assert restarted.tick(1_010 * S) == 1_010 * S


def test_the_clock_never_goes_back_when_the_machine_does() -> None:
    running = clock()
    running.stamp(100 * S, 100 * S)
    assert running.tick(105 * S) == 105 * S
    assert running.tick(90 * S) == 105 * S
    assert running.stamp(91 * S, 91 * S) == 105 * S
