"""The work that engines are compared by: one definition, drawn events that are legal, and a judge who believes no wrong answer."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from benchmarks.peers import ours
from benchmarks.peers.running import Filled, WrongAnswer, judged
from benchmarks.peers.work import BEGIN_MS, MINUTE_MS, answer_of, chats, hashed, settled
from engine.events import decode
from engine.pipeline import Engine
from streams.kafka.settings import KafkaSettings


def event(second: int, kind: str, contact: str = "c") -> tuple[int, str, str, str]:
    return 1_000 * second, kind, contact, "q"


def test_the_first_reply_of_a_contact_counts_in_the_minute_in_which_it_is_given() -> None:
    """
    minute        |0                 |1                  |
    c              ?10    ?30        !70  ?80  !90
    counted                          60 s, once
    """
    answer = answer_of([
        event(10, "message.customer"), event(30, "message.customer"), event(70, "message.agent"),
        event(80, "message.customer"), event(90, "message.agent"),
    ])  # fmt: skip
    assert answer == {(60_000, "q"): (1, 60_000)}


def test_a_reply_to_nobody_counts_nowhere() -> None:
    assert answer_of([event(10, "message.agent"), event(20, "message.customer")]) == {}


def test_only_minutes_that_are_long_over_are_compared() -> None:
    answer = {(0, "q"): (1, 5), (MINUTE_MS, "q"): (1, 5)}
    assert settled(answer, 2 * MINUTE_MS) == {(0, "q"): (1, 5)}


def test_the_same_seed_draws_the_same_chats_in_the_order_of_time() -> None:
    drawn = list(chats(3_000))
    assert drawn == list(chats(3_000))
    assert [one.at_ms for one in drawn] == sorted(one.at_ms for one in drawn)
    assert drawn[0].at_ms >= BEGIN_MS


def test_the_engine_counts_first_replies_as_the_definition_says(tmp_path: Path) -> None:
    drawn = list(chats(30_000, open_contacts=300))
    engine = Engine(replace(ours.settings_of(), retention_us=None))
    engine.absorb(decode(b"\n".join(one.line for one in drawn)))
    engine.settle()
    read = [msgspec.json.decode(one.line) for one in drawn]
    wanted = answer_of((told["time"], told["type"], told["contact"], told["queue"]) for told in read)
    assert not engine.counters.illegal
    assert len(wanted) > 100
    found = ours.answer_of_report(engine)
    last_ms = drawn[-1].at_ms
    assert settled(found, last_ms) == settled(wanted, last_ms)


def test_a_wrong_answer_is_refused_with_its_place() -> None:
    filled = Filled(KafkaSettings(), 10, 0, {(0, "q"): (2, 50)}, {0: 10})
    assert judged("any", {(0, "q"): (2, 50)}, filled) == hashed({(0, "q"): (2, 50)})
    with pytest.raises(WrongAnswer, match=r"\(2, 51\)"):
        judged("any", {(0, "q"): (2, 51)}, filled)
    with pytest.raises(WrongAnswer, match="None"):
        judged("any", {}, filled)
