"""Changes and the message of before are the message of now, and what only grows by the second is not sent again."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dashboards.wall.changes import changes, packed

NAMES = st.sampled_from("abcd")
ROWS = st.lists(st.dictionaries(NAMES, st.integers(0, 3), max_size=2), max_size=4)
MESSAGES = st.dictionaries(
    NAMES, st.one_of(st.integers(0, 2), ROWS, st.dictionaries(NAMES, ROWS, max_size=2)), max_size=4
)


def merged(before: Any, told: Any) -> Any:
    """As feed.js does it."""
    if not isinstance(told, dict):
        return told
    if "~" in told:
        return [before[row] if isinstance(row, int) else row for row in told["~"]]
    if not isinstance(before, dict):
        return told
    return before | {name: merged(before.get(name), value) for name, value in told.items()}


def plainly(message: Any) -> Any:
    return json.loads(msgspec.json.encode(message))


@given(MESSAGES, MESSAGES)
def test_the_message_of_before_with_the_changes_in_it_is_the_message_of_now(old: Any, new: Any) -> None:
    before, now = packed(old, 0), packed(new, 0)
    told = changes(now, before)
    if told is not None:
        assert merged(plainly(before), plainly(told)) == plainly(now)
    assert (told == {}) == (plainly(now) == plainly(before))


def test_a_queue_in_which_somebody_goes_on_waiting_is_not_sent_again() -> None:
    def at(second: int, waiting: int = 1) -> dict[str, Any]:
        rows = [{"queue": "a", "waiting": waiting, "longest_wait_s": 10.0 + second}, {"queue": "b", "waiting": 0}]
        return packed({"groups": {"queue": rows}, "due": [{"due_us": 9, "left_s": 9.0 - second}]}, second * 1_000_000)

    assert changes(at(5), at(0)) == {}
    told = plainly(changes(at(5, waiting=2), at(0)))
    assert told == {"groups": {"queue": {"~": [{"queue": "a", "waiting": 2, "oldest_us": -10_000_000}, 1]}}}
