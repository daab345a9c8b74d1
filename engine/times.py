"""Instants and durations as int64 microseconds: reading RFC 3339 in columns, writing it, and local midnights.

Never a float, never a naive datetime, never the present time. An instant counts from 1970-01-01T00:00:00Z and may
be negative. The public format's dates outside `EARLIEST_US` to `LATEST_US` are refused, so sums of instants' differences
stay far from the end of int64.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DAY_US",
    "EARLIEST_US",
    "HOUR_US",
    "LATEST_US",
    "MINUTE_US",
    "SECOND_US",
    "duration_us",
    "iso",
    "local_midnight_us",
    "offset_us",
    "parse_times",
]

Instants = NDArray[np.int64]

MILLISECOND_US = 1_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
EARLIEST_US = (datetime(1900, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
LATEST_US = (datetime(2200, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND

#: What `parse_times` writes for a text that is no RFC 3339 instant.
INVALID = np.iinfo(np.int64).min
_FAR = np.iinfo(np.int64).max // 4

_UNITS = {"ms": MILLISECOND_US, "s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


def duration_us(text: str) -> int:
    """Microseconds of a text such as `30m`, `1h30m`, `250ms`, `1.5s`. Raises ValueError on anything else."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration; write it like 30s, 15m, 1h30m or 250ms")
    total = 0
    for number, unit in parts:
        whole, _, fraction = number.partition(".")
        scaled = int(whole + fraction) * _UNITS[unit]
        if scaled % 10 ** len(fraction):
            raise ValueError(f"{text!r} is finer than a microsecond")
        total += scaled // 10 ** len(fraction)
    return total


def iso(instant_us: int, zone: ZoneInfo | None = None) -> str:
    """The instant as RFC 3339 with its offset in `zone` (UTC without one), milliseconds only where there are any."""
    moment = _EPOCH + timedelta(microseconds=int(instant_us))
    local = moment.astimezone(zone) if zone else moment
    fraction = "auto" if local.microsecond % 1000 else ("milliseconds" if local.microsecond else "seconds")
    text = local.isoformat(timespec=fraction)
    return text[:-6] + "Z" if zone is None or str(zone) == "UTC" else text


def offset_us(instant_us: int, zone: ZoneInfo) -> int:
    """Local time less UTC at that instant."""
    offset = (_EPOCH + timedelta(microseconds=int(instant_us))).astimezone(zone).utcoffset()
    if offset is None:
        raise TypeError("an aware datetime always has an offset")
    return offset // _MICROSECOND


def local_midnight_us(instant_us: int, zone: ZoneInfo, days: int = 0) -> int:
    """The first instant of the local day, `days` later, that `instant_us` lies in.

    Where daylight saving skips midnight itself, the day begins at the first instant that exists.
    """
    local = (_EPOCH + timedelta(microseconds=int(instant_us))).astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone) + timedelta(days=days)
    return (midnight.astimezone(UTC) - _EPOCH) // _MICROSECOND


def parse_times(values: Sequence[str | int]) -> Instants:
    """Instants of RFC 3339 texts and of integer milliseconds, `INVALID` where a text is neither.

    Texts of one length are read together as one matrix of bytes. Fractions finer than a microsecond are cut off; a
    second of 60 is the first instant of the next minute.
    """
    try:
        return _parse_texts(values)  # type: ignore[arg-type]
    except TypeError:  # Integers among them.
        texts = np.array([type(value) is str for value in values])
    instants = np.empty(len(values), np.int64)
    instants[~texts] = _milliseconds([value for value in values if type(value) is int])
    if texts.any():
        instants[texts] = _parse_texts([value for value in values if type(value) is str])
    return instants


def _milliseconds(values: list[int]) -> Instants:
    try:
        read = np.array(values, np.int64)
    except OverflowError:
        read = np.array([max(-_FAR, min(_FAR, value)) for value in values], np.int64)
    return np.clip(read, -_FAR // MILLISECOND_US, _FAR // MILLISECOND_US) * MILLISECOND_US


def _parse_texts(texts: Sequence[str]) -> Instants:
    joined = "".join(texts).encode("ascii", "replace")
    width = len(texts[0]) if texts else 0
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    if (lengths == width).all():
        return _parse_matrix(np.frombuffer(joined, np.uint8).reshape(len(texts), width))
    ends = np.cumsum(lengths)
    raw = np.frombuffer(joined, np.uint8)
    instants = np.empty(len(texts), np.int64)
    for width in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == width)
        instants[rows] = _parse_matrix(raw[(ends[rows] - width)[:, None] + np.arange(width)])
    return instants


def _parse_matrix(text: NDArray[np.uint8]) -> Instants:
    """One instant a row of `text`, all rows equally long."""
    rows, width = text.shape
    if width < 20 or width > 40:
        return np.full(rows, INVALID, np.int64)
    last = text[:, -1]
    zulu = (last == ord("Z")) | (last == ord("z"))
    if zulu.all():
        return _parse_layout(text, width - 1)
    if width < 25:
        return np.where(zulu, _parse_layout(text, width - 1), INVALID)
    offset = _parse_layout(text, width - 6)
    return np.where(zulu, _parse_layout(text, width - 1), offset) if zulu.any() else offset


def _parse_layout(text: NDArray[np.uint8], end: int) -> Instants:
    """Instants of rows whose date and time of day end before column `end`, where `Z` or an offset begins."""
    midnights, valid = _parse_dates(text[:, :11])
    digits = text[:, [11, 12, 14, 15, 17, 18, *range(20, end)]] - np.uint8(ord("0"))
    valid &= (digits <= 9).all(1) & (text[:, 13] == ord(":")) & (text[:, 16] == ord(":"))
    if end > 19:
        valid &= (text[:, 19] == ord(".")) & (end > 20)
    # One product instead of a column at a time; the floats are whole numbers far below 2**53.
    fraction = [10 ** (5 - place) if place < 6 else 0 for place in range(max(0, end - 20))]
    weights = np.array(
        [10 * HOUR_US, HOUR_US, 10 * MINUTE_US, MINUTE_US, 10 * SECOND_US, SECOND_US, *fraction], np.float64
    )
    instants = midnights + (digits @ weights).astype(np.int64)
    # Two-digit numbers that are all digits: the hour up to 23, minute up to 59, second up to 60.
    valid &= (digits[:, 0] * 10 + digits[:, 1] <= 23) & (digits[:, 2] <= 5)
    valid &= (digits[:, 4] <= 5) | ((digits[:, 4] == 6) & (digits[:, 5] == 0))
    if end == text.shape[1] - 6:
        ahead, hours, minutes, shaped = _zone_columns(text[:, end:])
        valid &= shaped
        instants -= np.where(ahead, 1, -1) * (hours * HOUR_US + minutes * MINUTE_US)
    return instants if valid.all() else np.where(valid, instants, INVALID)


def _parse_dates(text: NDArray[np.uint8]) -> tuple[Instants, NDArray[np.bool_]]:
    """Midnights of dates `YYYY-MM-DDT`, and which are valid. Neighbours mostly share their date, which is then read once."""
    rows = len(text)
    if rows > 1 and (text == text[0]).all():
        midnights, valid = _parse_dates(text[:1])
        return np.repeat(midnights, rows), np.repeat(valid, rows)
    digits = (text - np.uint8(ord("0"))).astype(np.int64)
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month = digits[:, 5] * 10 + digits[:, 6]
    day = digits[:, 8] * 10 + digits[:, 9]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    known = (month >= 1) & (month <= 12)
    month_days = _MONTH_DAYS[np.where(known, month, 0)] + (leap & (month == 2))
    separator = text[:, 10]
    valid = (digits[:, [0, 1, 2, 3, 5, 6, 8, 9]] <= 9).all(1) & (text[:, [4, 7]] == ord("-")).all(1)
    valid &= (separator == ord("T")) | (separator == ord("t")) | (separator == ord(" "))
    valid &= known & (day >= 1) & (day <= month_days)
    return _days(year, month, day) * DAY_US, valid


def _zone_columns(text: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], Instants, Instants, NDArray[np.bool_]]:
    digits = (text - np.uint8(ord("0"))).astype(np.int64)
    ahead = text[:, 0] == ord("+")
    hours = digits[:, 1] * 10 + digits[:, 2]
    minutes = digits[:, 4] * 10 + digits[:, 5]
    shaped = (ahead | (text[:, 0] == ord("-"))) & (text[:, 3] == ord(":"))
    shaped &= (digits[:, [1, 2, 4, 5]] <= 9).all(1) & (hours <= 23) & (minutes <= 59)
    return ahead, hours, minutes, shaped


def _days(year: Instants, month: Instants, day: Instants) -> Instants:
    """Days since 1970 of a Gregorian date, by counting years from March (Howard Hinnant, days_from_civil)."""
    shifted = year - (month <= 2)
    era_year = shifted % 400
    day_of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    day_of_era = era_year * 365 + era_year // 4 - era_year // 100 + day_of_year
    return (shifted // 400) * 146_097 + day_of_era - 719_468
