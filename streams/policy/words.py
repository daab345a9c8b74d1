"""The words of a policy: durations, shares and dates, read from text and written again.

Owns their grammar. Never knows which entry they belong to. Raises ValueError with a sentence that shows how to write it.
"""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.policy import COUNTS, DUE_US, NO_LIMIT_US
from engine.times import DAY_US, EARLIEST_US, HOUR_US, LATEST_US, MINUTE_US, SECOND_US, duration_us, local_midnight_us

__all__ = [
    "LIMIT_US_MAX",
    "NONE",
    "instant_us",
    "is_yes",
    "limit_due",
    "limit_number",
    "limit_text",
    "limit_us",
    "share_permille",
    "share_text",
]

NONE, DUE = "none", "due"
LIMIT_US_MAX = 366 * DAY_US

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_SHARE = re.compile(r"(\d{1,3})(?:\.(\d))?%", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = (("d", DAY_US), ("h", HOUR_US), ("m", MINUTE_US), ("s", SECOND_US))


def limit_us(text: str) -> int:
    """`30s`, `1m30s`, `500ms` in microseconds, `none` as `NO_LIMIT_US`."""
    if text == NONE:
        return NO_LIMIT_US
    found = duration_us(text)
    if found > LIMIT_US_MAX:
        raise ValueError(f"{text!r} is longer than {LIMIT_US_MAX // DAY_US} days; write none where there is no limit")
    return found


def limit_number(text: str) -> int:
    """`3` as 3, `none` as `NO_LIMIT_US`."""
    if text == NONE:
        return NO_LIMIT_US
    if not re.fullmatch("[1-9][0-9]{0,5}", text, re.ASCII):
        raise ValueError(f"{text!r} is no number of times; write it like 3, or none where there is no limit")
    return int(text)


def limit_due(text: str) -> int:
    """`due` as `DUE_US`, `none` as `NO_LIMIT_US`."""
    if text not in (DUE, NONE):
        raise ValueError(f"{text!r} is no limit of a promise, which says itself when it is due; write due, or none")
    return DUE_US if text == DUE else NO_LIMIT_US


def limit_text(limit_us: int, limit: str = "") -> str:
    """What `limit_us` reads as the same; for a limit of `COUNTS` what `limit_number` does, for a promise what `limit_due` does."""
    if limit_us in (NO_LIMIT_US, DUE_US):
        return NONE if limit_us == NO_LIMIT_US else DUE
    if limit in COUNTS:
        return str(limit_us)
    parts, rest_us = [], limit_us
    for unit, size_us in _UNITS:
        count, rest_us = divmod(rest_us, size_us)
        parts += [f"{count}{unit}"] * bool(count)
    if rest_us or not parts:
        parts.append(f"{rest_us // 1000}.{rest_us % 1000:03}".rstrip("0").rstrip(".") + "ms")
    return "".join(parts)


def share_permille(text: str) -> int:
    """`80%` and `62.5%` in thousandths, `none` as 0."""
    if text == NONE:
        return 0
    found = _SHARE.fullmatch(text)
    if not found or not 0 < (permille := int(found[1]) * 10 + int(found[2] or 0)) < 1000:
        raise ValueError(f"{text!r} is no share of the time; write it like 80% or 62.5%, or none for no warning")
    return permille


def share_text(permille: int) -> str:
    """What `share_permille` reads as the same."""
    return f"{permille / 10:g}%" if permille else NONE


def is_yes(text: str) -> bool:
    """`yes` or `no`."""
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no; write one of them")
    return text == "yes"


def instant_us(text: str, zone: ZoneInfo) -> int:
    """`2026-11-12`, the beginning of that day, `2026-11-10 20:00` in the zone, or with an offset of its own."""
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no date; write it like 2026-11-12 or 2026-11-10 20:00")
    day, time, offset = found.groups()
    try:
        local = datetime.fromisoformat(f"{day} {time or '12:00'}{offset or ''}")
        if offset is None:
            local = local.replace(tzinfo=zone)
        instant = (local.astimezone(UTC) - _EPOCH) // _EPOCH.resolution
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is a day or time that does not exist; correct it") from None
    if not EARLIEST_US < instant < LATEST_US:
        raise ValueError(f"{text!r} lies outside the years 1900 to 2199; correct it")
    if time is None:
        return local_midnight_us(instant, zone)
    if offset is None and local.utcoffset() != local.replace(fold=1).utcoffset():
        again = local.astimezone(UTC).astimezone(zone)
        does = "comes twice" if again.replace(tzinfo=None) == local.replace(tzinfo=None) else "does not exist"
        raise ValueError(f"{text!r} {does} in {zone}, where the clocks are changed; add the offset that is meant")
    return instant
