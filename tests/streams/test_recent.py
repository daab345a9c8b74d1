"""What was raised lately: one entry a matter, with its last step and its worst."""

from engine.alarms import BROKEN, ENDED, WARNED, Alarm
from streams.recent import Recent


def _alarm(at_us: int, step: str, name: str = "c", commitment: str = "wait", since_us: int = 0) -> Alarm:
    return Alarm(at_us, commitment, step, "contact", name, since_us)


def _told(recent: Recent) -> list[tuple[str, str, str, int]]:
    return [(row["contact"], row["step"], row["worst"], row["at_us"]) for row in recent.rows()]


def test_a_matter_stands_once_with_its_last_step_and_keeps_the_worst() -> None:
    recent = Recent(10)
    for at_us, step, told in ((1, WARNED, "warned"), (2, BROKEN, "broken"), (3, ENDED, "broken")):
        recent.take([_alarm(at_us, step)])
        assert _told(recent) == [("c", step, told, at_us)]
    recent.take([_alarm(4, WARNED, since_us=4)])
    assert _told(recent) == [("c", "warned", "warned", 4)]


def test_one_contact_may_have_many_matters_and_the_newest_is_first() -> None:
    recent = Recent(10)
    recent.take([_alarm(1, WARNED), _alarm(2, BROKEN, commitment="next_reply"), _alarm(3, WARNED, "d")])
    assert [row["at_us"] for row in recent.rows()] == [3, 2, 1]


def test_an_end_of_what_nobody_was_told_of_is_not_told() -> None:
    recent = Recent(10)
    recent.take([_alarm(1, ENDED)])
    assert _told(recent) == []
    recent.take([_alarm(2, WARNED), _alarm(3, ENDED), _alarm(4, ENDED)])
    assert _told(recent) == [("c", "ended", "warned", 3)]
    assert recent.left_out == 0


def test_when_room_is_short_what_is_over_goes_first_and_what_is_broken_last() -> None:
    recent = Recent(2)
    recent.take([_alarm(1, BROKEN, "a"), _alarm(2, WARNED, "b"), _alarm(3, ENDED, "b"), _alarm(4, WARNED, "c")])
    assert _told(recent) == [("c", "warned", "warned", 4), ("a", "broken", "broken", 1)]
    recent.take([_alarm(5, BROKEN, "d")])
    assert _told(recent) == [("d", "broken", "broken", 5), ("a", "broken", "broken", 1)]
    recent.take([_alarm(6, BROKEN, "e"), _alarm(7, WARNED, "f")])
    assert [row["contact"] for row in recent.rows()] == ["e", "d"]
    assert recent.left_out == 4
