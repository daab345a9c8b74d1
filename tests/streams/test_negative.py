"""Negative words are found as people write them, and of a text nothing else is kept."""

import json
from pathlib import Path

import click
import pytest

from engine.errors import InvalidSetting
from engine.events import decode
from engine.facts import FIELD
from streams.intake import Pseudonyms
from streams.negative import NegativeWords, default_words, read_words
from streams.options import Words
from streams.reading import Recording
from tests.engine.events import S, clock_us, engine_of


@pytest.mark.parametrize("text", ["太慢了,我要投诉!", "骗子,退钱!", "I will SUE you.", "This is UNACCEPTABLE", "give me my money back now",
                                  "再不处理我就去12315投诉", "Worst service ever."])  # fmt: skip
def test_what_angry_people_write_is_negative(text: str) -> None:
    assert default_words().found(text)


@pytest.mark.parametrize(
    "text", ["你好,请问这个还有货吗?", "I have an issue with the tissue paper.", "Thanks!", "", "order 1231599"]
)
def test_what_calm_people_write_is_not(text: str) -> None:
    assert not default_words().found(text.replace("12315", "1 2315"))


def test_single_words_are_whole_ones_and_everything_else_is_found_anywhere() -> None:
    words = NegativeWords(["bad", "so bad it", "坏"])
    assert [words.found(text) for text in ("Bad!", "badge", "it was SO BAD IT hurt", "很坏的")] == [
        True,
        False,
        True,
        True,
    ]


def test_the_same_message_counts_as_negative_when_posted_and_when_replayed(tmp_path: Path) -> None:
    events = [
        {"type": "message.customer", "time": clock_us("8:00") // 1000, "contact": "c", "text": text}
        for text in ("骗子", "你好", "worst!")
    ]
    body = "\n".join([*map(json.dumps, events), json.dumps(events[2] | {"id": "x", "text": None})]).encode()
    posted, unread = Pseudonyms(b"k" * 32).scrub(body)
    assert unread == [] and b"text" not in posted and "骗子".encode() not in posted
    path = tmp_path / "events.jsonl"
    path.write_bytes(body)
    for blocks in ([decode(posted)], Recording(path, "r").decoded()):
        engine = engine_of()
        for decoded in blocks:
            engine.absorb(decoded)
        engine.finish()
        totals = engine.tallies.rollups[0].totals[0]
        counts = {
            name: int(totals[FIELD[name]]) for name in ("customer_messages", "judged_messages", "negative_messages")
        }
        assert counts == {"customer_messages": 4, "judged_messages": 3, "negative_messages": 2}


def test_what_a_sender_judged_itself_counts() -> None:
    event = {"type": "message.customer", "contact": "c", "negative": True}
    lines = [json.dumps(event | {"time": (clock_us("8:00") + number * S) // 1000, "negative": said}).encode()
             for number, said in enumerate([True, False, "yes", None])]  # fmt: skip
    decoded = decode(b"\n".join(lines))
    assert not decoded.rejects
    assert decoded.negative.tolist() == [1, 0, -1, -1]


def test_a_list_of_words_is_read_from_a_file_and_a_bad_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# mine\nBlurb\n\n", "utf-8")
    assert read_words(path).found("a blurb") and not read_words(path).found("worst")
    path.write_text("# nothing\n")
    with pytest.raises(InvalidSetting, match="there is no word in it"):
        read_words(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidSetting, match="no UTF-8"):
        read_words(path)
    with pytest.raises(click.BadParameter, match="No such file"):
        Words().convert(str(tmp_path / "none"), None, None)
