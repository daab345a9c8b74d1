"""The compiled reading of plain lines and the strict reading agree on every line, whatever is in it."""

import json
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from engine.events import AGENT_STATES, DIMENSIONS, LATEST_US, TYPES, Decoded, Vocabulary, _Strict, decode

_NAMES = st.text(st.characters(codec="utf-8"), max_size=20)
_TIMES = st.one_of(
    st.integers(-(10**16), 10**16),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "+05:45"),
    st.sampled_from(
        ["2026-02-29T00:00:00Z", "2024-02-29T23:59:60Z", "2026-11-22T10:00:00", "", "2026-11-22t10:00:00z"]
    ),
)
_VALUES = st.one_of(
    _NAMES, st.none(), st.booleans(), st.integers(-5, 200_000), st.floats(), st.lists(_NAMES, max_size=2)
)
_OBJECTS = st.fixed_dictionaries(
    {"type": st.sampled_from([*TYPES, "message.automatic", "nothing"]), "time": _TIMES},
    optional={
        **dict.fromkeys(("id", "contact", "agent", "text", "customer", *DIMENSIONS), st.one_of(_NAMES, _VALUES)),
        "automatic": st.one_of(st.booleans(), _VALUES),
        "resolved": st.one_of(st.booleans(), _VALUES),
        "state": st.one_of(st.sampled_from(AGENT_STATES), _VALUES),
        "slots": _VALUES,
        "csat": st.integers(0, 6),
    },
)
_LINES = st.builds(
    lambda value, ascii_only, spaced: json.dumps(
        value, ensure_ascii=ascii_only, separators=None if spaced else (",", ":")
    ).encode("utf-8", "surrogatepass"),
    _OBJECTS,
    st.booleans(),
    st.booleans(),
)


@st.composite
def _bent(draw: st.DrawFn) -> bytes:
    """A line with one byte changed, left out or put in."""
    line = draw(_LINES)
    place = draw(st.integers(0, len(line) - 1))
    byte = draw(
        st.sampled_from(
            [b"", b'"', b",", b":", b"{", b"}", b"\\", b" ", b"\t", b"\x00", b"0", b"-", b"\xff", b"\xc2\x85"]
        )
    )
    return line[:place] + byte + line[place + draw(st.integers(0, 1)) :]


def _strictly(data: bytes) -> Decoded:
    strict = _Strict("", 1, LATEST_US, Vocabulary())
    for number, line in enumerate(data.split(b"\n")):
        if line.strip(b" \t\r"):
            strict.take(number, line)
    return strict.decoded()[0]


def _told(decoded: Decoded) -> list[tuple[Any, ...]]:
    agents, dimensions = list(decoded.vocabulary.agents), list(decoded.vocabulary.dimensions)
    names = decoded.contact_names(np.arange(decoded.count))
    return [
        (
            int(decoded.kinds[row]), int(decoded.times_us[row]), int(decoded.ids[row]), int(decoded.contacts[row]), names[row],
            agents[decoded.agents[row]], dimensions[decoded.dimensions[row]], int(decoded.states[row]),
            int(decoded.slots[row]), int(decoded.resolved[row]), decoded.details.get(row),
        )
        for row in range(decoded.count)
    ]  # fmt: skip


@given(st.lists(st.one_of(_LINES, _bent(), st.binary(max_size=60).filter(lambda line: b"\n" not in line)), max_size=6))
@example([b'{"type":"contact.opened","time":1,"contact":"a"}', b"", b'{"type":"contact.opened","time":1}'])
@example([b'{"type":"contact.opened","time":1,"contact":"a","contact":"b"}'])
@example([b'{"type":"contact.opened","time":01,"contact":"a"}', b'{"type":"contact.opened","time":1,"contact":"a"},'])
@example([b' {"type": "contact.opened", "time": 1, "contact": "a"}\r'])
@example(
    [
        b'{"type":"contact.opened","time":1,"contact":"\xe2\x80\xa8"}',
        b'{"type":"contact.opened","time":1,"contact":"\x7f"}',
    ]
)
def test_plain_and_strict_reading_agree_on_every_line(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    quick, strict = decode(data), _strictly(data)
    assert quick.rejects == strict.rejects
    assert _told(quick) == _told(strict)


@given(st.lists(_LINES, min_size=1, max_size=20))
def test_every_line_is_accepted_or_rejected_exactly_once(lines: list[bytes]) -> None:
    decoded = decode(b"\n".join(lines) + b"\n")
    assert decoded.count + len(decoded.rejects) == len(lines)


@given(st.lists(_LINES, min_size=1, max_size=8))
def test_a_vocabulary_that_lasts_changes_nothing(lines: list[bytes]) -> None:
    vocabulary = Vocabulary()
    for line in lines:
        assert _told(decode(line, vocabulary=vocabulary)) == _told(decode(line))
