"""Changes and the message of before are the message of now, and what only grows by the second is not sent again."""

import json
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dashboards.wall.changes import changes, packed
from dashboards.wall.views import view
from engine.pipeline import Engine, Settings
from engine.policy import Policy
from engine.windows import Spec
from tests.engine.events import MINUTE_US, S, at, clock_us
from tests.engine.running import feed

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


def test_no_figure_is_sent_again_because_time_alone_moved_it() -> None:
    engine = Engine(Settings(windows=(Spec(15 * MINUTE_US, MINUTE_US),), policy=Policy()))
    told: list[Any] = [at("8:00", "agent.state", agent=name, state="available", slots=3) for name in ("a", "b", "c")]
    for number in range(7):
        begin_us = clock_us("8:00") + number * S
        told.append(at(begin_us, "contact.queued", f"c{number}", queue="q", tenant="shop", channel="app"))
        if number < 3:
            told.append(at(begin_us + (number + 1) * 7 * S, "contact.answered", f"c{number}", agent="a"))
    feed(engine, sorted(told, key=lambda arrival: arrival.time_us))
    messages = []
    for tick in range(1, 26):  # Five seconds of publishing, within one minute.
        engine.advance(clock_us("8:03") + tick * S // 5)
        facts = engine.now()
        exact = facts["groups"]["total"][0]
        assert exact["service_level"] == exact["answered_in_target"] / (exact["answered"] + exact["abandoned"]) == 2 / 3
        messages.append(packed(view({"groups": facts["groups"]}), facts["as_of_us"]))
    news = [plainly(told) for told in (changes(new, old) for old, new in pairwise(messages)) if told]
    # Where the occupancy passes from one of four digits to the next, the total's row goes out; no other ever does.
    assert len(news) < len(messages) // 3
    assert {rollup for told in news for rollup in told["groups"]} <= {"total"}
