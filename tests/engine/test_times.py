"""Instants: what RFC 3339 allows is read to the microsecond, and nothing else is read at all."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.times import INVALID, duration_us, iso, local_midnight_us, offset_us, parse_times

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def _us(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def _read(text: str | int) -> int:
    return int(parse_times([text])[0])


@st.composite
def _written(draw: st.DrawFn) -> tuple[str, int]:
    """A text in one of the forms of RFC 3339, and its instant."""
    moment = draw(st.datetimes(datetime(1900, 1, 3), datetime(2199, 12, 28)))
    digits = draw(st.sampled_from(("", "0", "5", "25", "250", "000001", "999999", "123456789")))
    zone = draw(st.one_of(st.none(), _ZONES))
    base = moment.replace(microsecond=0)
    offset = "+00:00" if zone is None else (base.replace(tzinfo=zone).isoformat()[19:] or "+00:00")
    instant_us = _us(base.isoformat() + offset) + int((digits + "000000")[:6])
    ending = draw(st.sampled_from("Zz")) if zone is None else offset
    text = base.isoformat(sep=draw(st.sampled_from("Tt "))) + (f".{digits}" if digits else "") + ending
    return text, instant_us


@given(st.lists(_written(), min_size=1, max_size=6))
def test_every_form_of_rfc_3339_is_read_as_the_standard_library_reads_it(written: list[tuple[str, int]]):
    texts = [text for text, _ in written]
    assert parse_times(texts).tolist() == [instant_us for _, instant_us in written]


@given(st.lists(st.one_of(_written().map(lambda pair: pair[0]), st.text(max_size=30), st.integers()), max_size=6))
def test_what_stands_beside_a_value_never_changes_how_it_is_read(values: list[str | int]):
    assert parse_times(values).tolist() == [_read(value) for value in values]


@given(st.text(alphabet="0123456789-:T.Z+ ", min_size=15, max_size=30))
def test_a_text_is_read_only_where_the_standard_library_can_read_it_too(text: str):
    instant_us = _read(text)
    if instant_us != INVALID:
        assert instant_us == _us(text[:19].replace("60", "59") + "Z") or datetime.fromisoformat(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-11-22", "2026-11-22T10:00:00", "2026-11-22T10:00Z", "2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z",
        "2026-11-22T10:00:61Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-11-00T00:00:00Z", "1900-02-29T00:00:00Z", "2026-11-22T10:00:00+0800",
        "2026-11-22T10:00:00+24:00", "2026-11-22T10:00:00+08:60", "2026-11-22T10:00:00.Z", "2026-11-22T10:00:00,5Z",
        "2026/11/22T10:00:00Z", "2026-11-22_10:00:00Z", "２０２６-11-22T10:00:00Z", " 2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00Z ", "20261122T100000Z", "+2026-11-22T10:00:00Z", "1762850000000", "now", "\x00" * 20,
    ],
)  # fmt: skip
def test_what_is_no_rfc_3339_instant_with_an_offset_is_invalid(text: str):
    assert _read(text) == INVALID


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60.250Z", "2017-01-01T00:00:00.250Z"),
        ("2017-01-01T08:59:60+09:00", "2017-01-01T00:00:00Z"),
        ("2024-02-29T12:00:00+14:00", "2024-02-28T22:00:00Z"),
        ("1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_leap_seconds_offsets_and_the_edge_of_1970(text: str, same: str):
    before = 1 if text.startswith("1969") else 0
    assert _read(text) == _read(same) - before


def test_a_fraction_finer_than_a_microsecond_is_cut_off_before_1970_too():
    assert _read("1969-12-31T23:59:59.9999999Z") == -1
    assert _read("1970-01-01T00:00:00.0000019Z") == 1


@pytest.mark.parametrize(
    ("milliseconds", "instant_us"), [(0, 0), (-1, -1_000), (1_762_850_000_123, 1_762_850_000_123_000)]
)
def test_integers_are_milliseconds_since_1970(milliseconds: int, instant_us: int):
    assert _read(milliseconds) == instant_us


@pytest.mark.parametrize("milliseconds", [10**15, -(10**15), 2**63, -(2**63) - 1, 10**400])
def test_integers_of_any_size_are_read_without_wrapping_round(milliseconds: int):
    assert (_read(milliseconds) > 7 * 10**17) == (milliseconds > 0)
    assert (_read(milliseconds) < -7 * 10**17) == (milliseconds < 0)


@given(st.integers(-2_208_988_800_000_000, 7_258_118_399_999_999))
def test_what_is_written_is_read_back_to_the_microsecond(instant_us: int):
    assert _read(iso(instant_us)) == instant_us
    assert _read(iso(instant_us, ZoneInfo("Asia/Kathmandu"))) == instant_us or instant_us < 0


@pytest.mark.parametrize(
    ("zone", "inside", "midnight"),
    [
        ("Asia/Shanghai", "2026-11-11T00:30:00+08:00", "2026-11-10T16:00:00Z"),
        ("Asia/Kolkata", "2026-11-11T23:59:59+05:30", "2026-11-10T18:30:00Z"),
        ("Europe/Berlin", "2026-03-29T23:00:00+02:00", "2026-03-28T23:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04T12:00:00-02:00", "2018-11-04T03:00:00Z"),  # Midnight itself is skipped.
        ("America/Havana", "2026-11-01T00:30:00-05:00", "2026-11-01T04:00:00Z"),  # Midnight comes twice.
    ],
)
def test_a_local_day_begins_at_its_first_instant(zone: str, inside: str, midnight: str):
    assert local_midnight_us(_read(inside), ZoneInfo(zone)) == _read(midnight)
    assert offset_us(_read(inside), ZoneInfo(zone)) == _us(inside[:19] + "+00:00") - _read(inside)


def test_durations_are_written_with_their_units():
    assert [duration_us(text) for text in ("250ms", "1.5s", "30m", "1h30m", "1d")] == [
        250_000, 1_500_000, 1_800_000_000, 5_400_000_000, 86_400_000_000,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "30", "m", "1h 30m", "-5s", "1.5", "0.0000001s", "5x", "１m"])
def test_what_is_no_duration_is_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match=r"30s, 15m|finer than a microsecond"):
        duration_us(text)
