"""A stretch is its records: as lines for the engine, and back from a line to the record and its bytes."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine.events import decode
from streams.kafka.deadletters import dead_letters
from streams.kafka.stretches import Stretch


@dataclass
class Kept:
    """A record as aiokafka has it, as far as a stretch looks."""

    offset: int
    value: bytes | None
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def stretch(*values: bytes | None, offsets: list[int] | None = None) -> Stretch:
    at = offsets or list(range(100, 100 + len(values)))
    return Stretch("events", 3, [Kept(offset, value) for offset, value in zip(at, values, strict=True)])


VALUES = st.lists(st.none() | st.binary(max_size=6) | st.sampled_from([b"a\nb", b"\n", b"a\n", b"\n\n"]), min_size=1)


@given(VALUES)
def test_every_line_is_found_again_in_its_record_and_no_byte_is_changed(values: list[bytes | None]) -> None:
    whole = stretch(*values)
    lines = whole.body.split(b"\n")
    found = whole.find(range(1, len(lines) + 1))
    assert [line for _, _, line in found] == lines
    by_record: dict[int, list[bytes]] = {}
    for record, within, line in found:
        by_record.setdefault(record.offset, []).append(line)
        assert within == len(by_record[record.offset])
    assert {offset: b"\n".join(parts) for offset, parts in by_record.items()} == {
        record.offset: record.value or b"" for record in whole.records
    }


def test_a_value_without_a_line_end_does_not_run_into_the_next() -> None:
    assert stretch(b'{"a":1}', b'{"b":2}\n', b'{"c":3}\n{"d":4}').body == b'{"a":1}\n{"b":2}\n\n{"c":3}\n{"d":4}'


def test_lines_are_found_alone_and_out_of_the_middle() -> None:
    whole = stretch(b"a\nb", None, b"c", b"d\ne\nf")
    ((record, within, line),) = whole.find([6])
    assert (record.offset, within, line) == (103, 2, b"e")
    assert [record.offset for record, _, _ in whole.find([3, 4])] == [101, 102]


def test_what_lies_before_an_offset_is_left_out() -> None:
    whole = stretch(b"a", b"b", b"c", offsets=[10, 14, 15])
    assert whole.since(9) is whole.since(10) is whole
    for offset in (11, 14):
        left = whole.since(offset)
        assert left is not None
        assert (left.body, left.first_offset, left.next_offset) == (b"b\nc", 14, 16)
    assert whole.since(16) is None


@given(st.lists(st.integers(0, 30), min_size=1, unique=True).map(sorted), st.integers(0, 31))
def test_an_offset_parts_a_stretch_without_loss(offsets: list[int], offset: int) -> None:
    whole = stretch(*[b"a"] * len(offsets), offsets=offsets)
    before, behind = whole.until(offset), whole.since(offset)
    assert [record.offset for part in (before, behind) if part for record in part.records] == offsets
    assert before is None or before.next_offset <= offset
    assert behind is None or behind.first_offset >= offset


def test_what_the_engine_rejects_becomes_a_letter_with_its_place_and_its_bytes() -> None:
    good = b'{"type":"contact.opened","time":"2026-11-11T20:00:00+08:00","contact":"c1"}'
    whole = stretch(good, b"", good + b"\n\xff\xfe\n" + good, None, b"{", b"\n")
    decoded = decode(whole.body)
    assert decoded.count == 3
    letters = dead_letters(whole, decoded.rejects)
    assert [(one.offset, one.line, one.value) for one in letters] == [
        (101, 0, b""), (102, 2, b"\xff\xfe"), (103, 0, None), (104, 1, b"{"),
    ]  # fmt: skip
    assert [one.reason for one in letters][::2] == ["empty_value", "null_value"]
    assert all((one.topic, one.partition) == ("events", 3) for one in letters)
