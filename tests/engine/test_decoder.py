"""The decoder: each thing that can be wrong with a line has its own reason and the line's number, and costs only that line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import KINDS, LINE_BYTES_MAX, decode

_GOOD = b'{"type":"contact.opened","time":1762850000000,"contact":"c1"}'


def _line(**fields: object) -> bytes:
    return json.dumps({"type": "contact.opened", "time": 1762850000000, "contact": "c1"} | fields).encode()


_BAD = [
    (b"{", "invalid_json"),
    (b"[" + _GOOD + b"]", "wrong_type"),
    (b"null", "wrong_type"),
    (_GOOD + b" x", "invalid_json"),
    (_GOOD + _GOOD, "invalid_json"),
    (_GOOD[:-1] + b',"x":' + b"[" * 20_000, "invalid_json"),
    (b"[" * 20_000, "wrong_type"),
    (_GOOD.replace(b"c1", b"\xff\xfe"), "invalid_utf8"),
    (_line(text="x" * LINE_BYTES_MAX), "line_too_long"),
    (b'{"time":1,"contact":"c1"}', "missing_field"),
    (b'{"type":"contact.opened","contact":"c1"}', "missing_field"),
    (b'{"type":"contact.opened","time":1}', "missing_field"),
    (_line(contact=""), "missing_field"),
    (_line(contact=None), "missing_field"),
    (_line(type="agent.state", state="busy"), "missing_field"),
    (_line(type="agent.state", agent="ann"), "missing_field"),
    (_line(type="case.opened"), "missing_field"),
    (_line(type="promise.made", promise="p"), "missing_field"),
    (_line(type="quality.scored"), "missing_field"),
    (_line(type="business.orders"), "missing_field"),
    (_line(type="source.heartbeat"), "missing_field"),
    (_line(type="staffing.planned", queue="q", interval_start=1, interval_end=2), "missing_field"),
    (_line(contact=7), "wrong_type"),
    (_line(time=1.5), "wrong_type"),
    (_line(time=True), "wrong_type"),
    (_line(queue=["sales"]), "wrong_type"),
    (_line(type="message.agent", automatic="yes"), "wrong_type"),
    (_line(type="contact.closed", resolved=1), "wrong_type"),
    (_line(type="contact.rated", csat="5"), "wrong_type"),
    (_line(contact="c" * 257), "name_too_long"),
    (_line(queue="q" * 257), "name_too_long"),
    (_line(type="case.opened", case="k" * 257), "name_too_long"),
    (_line(type="case.opened", case="k", department="d" * 257), "name_too_long"),
    (_line(type="case.opened", case="k", priority="p" * 257), "name_too_long"),
    (_line(type="promise.kept", promise="p" * 257), "name_too_long"),
    (_line(type="contact.teleported"), "unknown_type"),
    (_line(type=""), "unknown_type"),
    (_line(type="message.automatic"), "unknown_type"),
    (_line(type="agent.state", agent="ann", state="asleep"), "unknown_state"),
    (_line(type="contact.left_queue", reason="bored"), "unknown_value"),
    (_line(type="contact.rated", csat=6), "out_of_range"),
    (_line(type="case.opened", case="k", priority=10**30), "out_of_range"),
    (_line(type="contact.rated", nps=-1), "out_of_range"),
    (_line(type="business.orders", count=-1), "out_of_range"),
    (_line(type="agent.state", agent="ann", state="busy", slots=-2), "out_of_range"),
    (_line(type="agent.state", agent="ann", state="busy", slots=10**6), "out_of_range"),
    (_line(time="yesterday"), "invalid_time"),
    (_line(time="2026-11-22T10:00:00"), "invalid_time"),
    (_line(type="promise.made", promise="p", due="soon"), "invalid_time"),
    (_line(time="0001-01-01T00:00:00Z"), "time_too_early"),
    (_line(time=-(10**15)), "time_too_early"),
    (_line(time="9999-12-31T23:59:59Z"), "time_too_late"),
    (_line(time=10**15), "time_too_late"),
    (_line(contact="c\x001"), "control_character"),
    (_line(queue="a\nb"), "control_character"),
    (_line(agent="\x1b[31m"), "control_character"),
    (_line(tenant="a\u2028b"), "control_character"),
    (_line(contact="\x7f"), "control_character"),
    (_line(type="case.opened", case="k\n"), "control_character"),
    (_line(type="case.handed_over", case="k", owner="\x1b[31m"), "control_character"),
]


@pytest.mark.parametrize(("line", "reason"), _BAD, ids=[f"{reason}-{i}" for i, (_, reason) in enumerate(_BAD)])
def test_a_bad_line_costs_itself_only_and_is_named_with_its_reason_and_number(line: bytes, reason: str):
    decoded = decode(b"\n".join((_GOOD, b"", line, _GOOD)), source="file", first_line=10)
    assert decoded.count == 2
    assert [(reject.source, reject.line, reject.reason) for reject in decoded.rejects] == [("file", 12, reason)]


def test_an_event_beyond_what_the_caller_takes_for_the_present_is_in_the_future():
    decoded = decode(_GOOD, latest_us=1_762_850_000_000_000)
    assert [reject.reason for reject in decoded.rejects] == ["time_in_future"]
    assert decode(_GOOD, latest_us=1_762_850_000_000_001).count == 1


def test_unknown_fields_and_what_a_customer_wrote_are_kept_out_of_the_way():
    line = _line(type="message.customer", text="my secret", customer="Ms Secret", colour=["red", {"a": 1}])
    decoded = decode(line)
    assert decoded.count == 1
    assert "ecret" not in repr(
        [decoded.details, decoded.told, decoded.vocabulary.agents, decoded.vocabulary.dimensions]
    )


@pytest.mark.parametrize(
    "line", [_line(type="my secret words"), _line(time="my secret"), _line(queue=7, text="my secret")]
)
def test_a_reject_never_repeats_what_the_line_said(line: bytes):
    (reject,) = decode(line).rejects
    assert "secret" not in reject.detail


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\n\n", b" \t\n"])
def test_lines_may_end_in_any_usual_way(ending: bytes):
    decoded = decode(ending.join((_GOOD, _GOOD, b"")))
    assert (decoded.count, decoded.rejects) == (2, [])


def test_an_object_spread_over_two_lines_is_two_bad_lines():
    spread = _GOOD.replace(b',"contact"', b',\n"contact"')
    decoded = decode(b"\n".join((_GOOD, spread, _GOOD)))
    assert decoded.count == 2
    assert [(reject.line, reject.reason) for reject in decoded.rejects] == [(2, "invalid_json"), (3, "wrong_type")]


def test_a_canned_reply_is_a_kind_of_its_own():
    lines = [_line(type="message.agent", **said) for said in ({}, {"automatic": False}, {"automatic": True})]
    kinds = [KINDS[kind] for kind in decode(b"\n".join(lines)).kinds.tolist()]
    assert kinds == ["message.agent", "message.agent", "message.automatic"]


def test_a_last_line_needs_no_end():
    assert decode(_GOOD + b"\n" + _GOOD).count == 2
    assert decode(b"").count == decode(b"\n\n").count == 0


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from((_GOOD, _line(queue="ä"), b" ", b"{}", b"\r"))), max_size=8
    )
)
def test_any_bytes_are_accepted_or_rejected_line_by_line_and_never_raise(parts: list[bytes]):
    data = b"\n".join(parts)
    decoded = decode(data)
    lines = [number for number, line in enumerate(data.split(b"\n"), 1) if line.strip(b" \t\r")]
    rejected = [reject.line for reject in decoded.rejects]
    assert decoded.count + len(rejected) == len(lines)
    assert rejected == sorted(set(rejected))
    assert set(rejected) <= set(lines)


@given(
    st.lists(st.sampled_from((_GOOD, b"{", b"", _line(queue="q"), b"\xff", _line(type="x"))), max_size=8),
    st.integers(0, 8),
)
def test_no_cutting_at_a_lines_end_changes_what_is_accepted(lines: list[bytes], cut: int):
    whole = decode(b"\n".join(lines))
    parts = [decode(b"\n".join(lines[:cut])), decode(b"\n".join(lines[cut:]), first_line=1 + min(cut, len(lines)))]
    assert sum(part.count for part in parts) == whole.count
    assert [reject for part in parts for reject in part.rejects] == whole.rejects


def test_a_state_of_nobody_is_missing_its_agent() -> None:
    line = b'{"type":"agent.state","time":"2026-11-11T10:00:00Z","state":"busy","agent":""}'
    assert [(reject.reason, reject.detail) for reject in decode(line).rejects] == [("missing_field", "agent")]
