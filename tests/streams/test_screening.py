"""Privacy on entry, quick and thorough: the pass over bytes decides nothing that a reader of whole JSON would decide otherwise."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.events import Details, Event, Vocabulary, decode
from streams.gateway import judged_piece
from streams.intake import Pseudonyms

PSEUDONYMS = Pseudonyms(bytes(range(32)))
KNOWN = frozenset(Event.__struct_fields__) | frozenset(Details.__struct_fields__)
LATEST_US = 2**62
SECRET_NAME = "wang-13800138000"

names = st.sampled_from((
    "type", "time", "id", "contact", "customer", "customer", "text", "agent", "queue", "negative", "resolved", "csat", "phone", "Customer",
    "customer ", "custome", "", "custome\\u0072", "\\u0063ustomer", "t\\u0065xt", "te\\u0078t", "\\ud800", "k\x01", "客户",
))  # fmt: skip
texts = st.sampled_from((
    SECRET_NAME, "contact.opened", "message.customer", "message.agent", "contact.closed", "c1", "", "a\\\"b", "\\u0077ang", "退款 " + SECRET_NAME, "\x7f", "\u2028",
    "\\\\", "\\", "{", "}", '","customer":"x', "a\x00b", "\udcff",
))  # fmt: skip
values = st.one_of(
    texts.map(lambda text: f'"{text}"'),
    st.sampled_from(("1767225600000", "0", "01", "-1", "1.5", "1e3", "9" * 16, "true", "false", "null", "nul", "", "tru", "{}", "[]")),
    names.map(lambda name: f'{{"{name}":"{SECRET_NAME}"}}'),
    names.map(lambda name: f'["{name}",{{"customer":"{SECRET_NAME}"}}]'),
)  # fmt: skip
blanks = st.sampled_from(("", "", "", "", " ", "\t", "\r", "  "))
members = st.builds(
    "{}{}{}{}:{}{}{}".format, blanks, st.just(""), names.map('"{}"'.format), blanks, blanks, values, blanks
)
objects = st.builds(
    lambda parts, before, behind: before + "{" + ",".join(parts) + "}" + behind,
    st.lists(members, max_size=6),
    blanks,
    st.sampled_from(("", "", "", " ", "\r", "\t", "x", "{}", ",")),
).map(lambda line: line.encode("utf-8", "surrogateescape"))
good = st.builds(
    lambda type_, more: (
        f'{{"type":"{type_}","time":1767225600000,"contact":"c1"{"".join("," + one for one in more)}}}'.encode(
            "utf-8", "surrogateescape"
        )
    ),
    st.sampled_from(("contact.opened", "message.customer", "contact.closed", "contact.rated")),
    st.lists(members, max_size=3),
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    line = draw(good)
    place = draw(st.integers(0, len(line)))
    return line[:place] + draw(st.binary(max_size=2)) + line[place + draw(st.integers(0, 2)) :]


lines = st.one_of(good, objects, mutated(), st.binary(max_size=40)).map(lambda line: line.replace(b"\n", b""))
bodies = st.lists(lines, min_size=1, max_size=6)


def thorough(sent: list[bytes]) -> tuple[list[bytes], list[int]]:
    """As the quick way, each line as a whole."""
    found, unread = [], []
    for index, line in enumerate(sent):
        try:
            found.append(PSEUDONYMS._scrubbed(line))
        except Exception:
            found.append(line)
            unread.append(index)
    return found, unread


def read(line: bytes) -> Any:
    """What a line says, the last of what it says twice; None for what is no JSON."""
    try:
        return json.loads(line.decode(), parse_constant=lambda text: 1 / 0)
    except (ValueError, RecursionError, ZeroDivisionError):
        return None


def told(data: bytes) -> tuple[Any, ...]:
    found = decode(data, source="s", first_line=1, latest_us=LATEST_US, vocabulary=Vocabulary())
    columns = (
        found.kinds,
        found.times_us,
        found.ids,
        found.contacts,
        found.customers,
        found.agents,
        found.states,
        found.resolved,
        found.negative,
    )
    saids = [found.vocabulary.told_dimensions[code] for code in found.dimensions.tolist()]
    rejects = [(reject.line, reject.reason) for reject in found.rejects]
    return *(column.tolist() for column in columns), saids, rejects, found.details  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(bodies)
@example([b'{"type":"contact.opened","time":1767225600000,"contact":"c","customer":"a","customer":"b"}'])
@example([b'{"type":"contact.opened","time":1767225600000,"contact":"c","custome\\u0072":"a"}'])
@example([b'{"type":"contact.opened","time":1767225600000,"contact":"c","customer":"a"}', b"", b'{"customer":1}'])
@example([b'{"customer":"\xff","type":"contact.opened","time":1767225600000,"contact":"c"}'])
def test_the_quick_way_and_the_thorough_one_say_the_same_of_any_lines(sent: list[bytes]) -> None:
    body = b"\n".join(sent)
    quick, unread = PSEUDONYMS.scrub(body)
    slow, slow_unread = thorough(sent)
    assert unread == slow_unread
    assert [read(line) for line in quick.split(b"\n")] == [read(line) for line in slow]
    assert told(quick) == told(b"\n".join(slow))


@settings(max_examples=400, deadline=None)
@given(bodies)
def test_nothing_that_is_kept_has_a_field_that_is_none_of_ours_or_a_customer_by_name(sent: list[bytes]) -> None:
    decoded, kept = judged_piece(
        b"\n".join(sent), PSEUDONYMS, Vocabulary(), source="s", first_line=1, latest_us=LATEST_US
    )
    refused = {reject.line - 1 for reject in decoded.rejects}
    for place, line in enumerate(kept.split(b"\n")):
        if place in refused or not line.strip(b" \t\r"):
            continue
        for name, value in json.loads(line, object_pairs_hook=list):
            assert name in KNOWN
            if name == "customer":
                assert value is None or (len(value) == 16 and set(value) <= set("0123456789abcdef"))


def test_lines_that_hold_nothing_to_take_out_are_passed_on_as_they_are() -> None:
    body = b'{"type":"contact.opened","time":1767225600000,"contact":"c1","queue":"\xe9\x80\x80"}\n\n \r\n{"type":"x"}'
    assert PSEUDONYMS.scrub(body) == (body, [])


def test_a_customer_has_one_pseudonym_however_it_is_spelled() -> None:
    plain, spelled = (
        json.loads(PSEUDONYMS.scrub(line)[0])["customer"]
        for line in (b'{"customer":"wang"}', b'{"custome\\u0072":"w\\u0061ng"}')
    )
    assert plain == spelled == PSEUDONYMS.of("wang")
