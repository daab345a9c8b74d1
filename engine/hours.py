"""Working hours: when a service is open, how much of that time lies between two instants, and when so much has passed.

Owns what a calendar says and its open intervals in UTC. Never asks what time it is, and never reads a calendar from outside.
The law: an instant is open when its local wall time lies in an interval, so an hour that comes twice counts twice and a
skipped one not at all; and what `due_us` adds `elapsed_us` finds again, to the microsecond.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.compiled import compiled
from engine.errors import InvalidSetting
from engine.times import DAY_US, EARLIEST_US, MINUTE_US, offset_us

__all__ = ["ALL_WEEK", "INTERVALS_A_DAY_MAX", "LAST_US", "NEVER_US", "Hours", "Intervals", "WorkingClock"]

#: Intervals `(start_min, end_min)` that begin on one day, in minutes since its local midnight: [start, end), ascending. An
#: end above 1440 lies on the next day, and the interval still belongs to the day it begins on.
Intervals = tuple[tuple[int, int], ...]
Instants = NDArray[np.int64]

INTERVALS_A_DAY_MAX = 24
#: What is due at or after this instant (2300-01-01), a century behind the last legal event, is never due.
LAST_US = 10_413_792_000_000_000
#: The due instant of what is never due, and the time left until then.
NEVER_US = 2**62

_DAY_MIN = 1440
ALL_WEEK: tuple[Intervals, ...] = (((0, _DAY_MIN),),) * 7
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_THURSDAY = 3
#: Open intervals are built for 2**46 microseconds, some 814 days, at a time.
_CHUNK_BITS = 46
#: Counts of intervals are kept for every 2**35 microseconds, some 9.5 hours, so that none has to be searched for.
_GRID_BITS = 35
#: Local midnight lies within a day of that of UTC, and an interval may last a day from the end of the day it begins on.
_MARGIN_DAYS = 3


@dataclass(frozen=True)
class Hours:
    """A calendar; without arguments open at all hours. Raises InvalidSetting on one that is contradictory or never open.

    `week`: the intervals of Monday to Sunday. `closed`: dates on which nothing begins; what began the evening before ends as
    usual. `exceptions`: dates with intervals of their own instead of the week's. `zone`: the IANA zone of all of them.
    """

    zone: str = "UTC"
    week: tuple[Intervals, ...] = ALL_WEEK
    closed: frozenset[date] = frozenset()
    exceptions: Mapping[date, Intervals] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exceptions", MappingProxyType(dict(self.exceptions)))
        _zone(self.zone)
        if len(self.week) != 7:
            raise InvalidSetting(f"the week has {len(self.week)} days; list the intervals of Monday to Sunday")
        for weekday, intervals in enumerate(self.week):
            _check_day(_WEEKDAYS[weekday], intervals)
            _check_night(_WEEKDAYS[weekday], intervals, self.week[(weekday + 1) % 7])
        both = sorted(self.closed & self.exceptions.keys())
        if both:
            raise InvalidSetting(
                f"{both[0]} is both closed and an exception with hours of its own; keep one of the two"
            )
        for day, intervals in sorted(self.exceptions.items()):
            _check_day(str(day), intervals)
        for ordinal in sorted({day.toordinal() - before for day in self.exceptions for before in (0, 1)}):
            if date.min.toordinal() <= ordinal < date.max.toordinal():
                day, following = date.fromordinal(ordinal), date.fromordinal(ordinal + 1)
                _check_night(str(day), self.intervals(day), self.intervals(following))
        if not self._ever_open():
            raise InvalidSetting(
                "the hours are never open: no weekday and no exception has an interval; add at least one"
            )

    @property
    def always(self) -> bool:
        """Open at all hours."""
        return self.week == ALL_WEEK and not self.closed and not self.exceptions

    def intervals(self, day: date) -> Intervals:
        """The intervals that begin on a date."""
        return () if day in self.closed else self.exceptions.get(day, self.week[day.weekday()])

    def _ever_open(self) -> bool:
        if any(self.week):
            return True
        held = [day.toordinal() for day, intervals in self.exceptions.items() if intervals]
        if not held:
            return False
        first_us = max(EARLIEST_US, (min(held) - _EPOCH_ORDINAL - _MARGIN_DAYS) * DAY_US)
        return first_us < LAST_US and int(WorkingClock(self).next_opening_us(first_us)) != NEVER_US


class WorkingClock:
    """Working time by some hours, for arrays of instants from 1900 until `LAST_US`, all int64 microseconds.

    Results have the shape that the arguments have together. Open intervals are built where instants ask for them, so a clock
    is for one thread. Raises ValueError on an instant outside those years.
    """

    def __init__(self, hours: Hours) -> None:
        self.hours = hours
        self._zone = ZoneInfo(hours.zone)
        days = sorted(hours.exceptions)
        self._exceptions = [(day.toordinal() - _EPOCH_ORDINAL, hours.exceptions[day]) for day in days]
        self._special_days = np.array(
            sorted(day.toordinal() - _EPOCH_ORDINAL for day in (*hours.closed, *days)), np.int64
        )
        #: From here on it never opens, as far as anybody asks.
        self._until_us = LAST_US
        if not any(hours.week):
            self._until_us = min(LAST_US, (self._exceptions[-1][0] + _MARGIN_DAYS) * DAY_US)
        self._chunks: dict[int, tuple[Instants, Instants]] = {}
        self._runs: list[_Run] = []

    def elapsed_us(self, start_us: ArrayLike, end_us: ArrayLike) -> Instants:
        """Working time from start to end; negative, that of the reverse, where the start is the later one."""
        shape, starts, ends = _pairs(start_us, end_us)
        _check_legal(starts)
        _check_legal(ends)
        if self.hours.always:
            return (ends - starts).reshape(shape)
        self._cover(np.minimum(starts, ends), np.maximum(starts, ends))
        elapsed = np.empty(len(starts), np.int64)
        for run in self._runs:
            _elapsed(run, starts, ends, elapsed)
        return elapsed.reshape(shape)

    def due_us(self, start_us: ArrayLike, budget_us: ArrayLike) -> Instants:
        """The earliest instant from start on at which so much working time has passed, `NEVER_US` where that is not before
        `LAST_US`.

        A budget used up at closing time is due then, not at the next opening. A budget of zero or less is due at the
        start itself, open or closed.
        """
        shape, starts, budgets = _pairs(start_us, budget_us)
        _check_legal(starts)
        due = starts + np.clip(budgets, 0, LAST_US - EARLIEST_US)
        if not self.hours.always:
            due[(budgets > 0) & (due < LAST_US)] = _BEYOND
            chosen = reach = starts
            while len(chosen):
                self._cover(chosen, reach)
                for run in self._runs:
                    _due(run, starts, budgets, due)
                beyond = np.flatnonzero(due == _BEYOND)
                ends = np.array([run.end_us for run in self._runs], np.int64)
                reach = ends[np.searchsorted(ends, starts[beyond], side="right")]
                due[beyond[reach >= self._until_us]] = NEVER_US
                chosen, reach = starts[beyond][reach < self._until_us], reach[reach < self._until_us]
        return np.where(due < LAST_US, due, NEVER_US).reshape(shape)

    def left_us(self, now_us: ArrayLike, due_us: ArrayLike) -> Instants:
        """Working time left until due, below zero once it has passed; `NEVER_US` for what is never due."""
        shape, nows, dues = _pairs(now_us, due_us)
        left = self.elapsed_us(nows, np.where(dues == NEVER_US, nows, dues))
        return np.where(dues == NEVER_US, NEVER_US, left).reshape(shape)

    def is_open(self, instants_us: ArrayLike) -> NDArray[np.bool_]:
        """True where the instant is one of working time."""
        return np.equal(self.next_opening_us(instants_us), instants_us)

    def next_opening_us(self, instants_us: ArrayLike) -> Instants:
        """The earliest open instant from each on, itself where it is open; `NEVER_US` where there is none."""
        first_us = self.due_us(instants_us, 1)
        return np.where(first_us == NEVER_US, NEVER_US, first_us - 1)

    def intervals_us(self, from_us: int, until_us: int) -> tuple[Instants, Instants]:
        """Opening and closing instants of the open hours in [from, until), ascending; two may meet where one ends."""
        chunks = range(from_us >> _CHUNK_BITS, (until_us - 1 >> _CHUNK_BITS) + 1)
        built = [self._chunks.get(chunk) or self._build(chunk) for chunk in chunks]
        opens = np.concatenate([opens for opens, _ in built]).clip(from_us, until_us)
        closes = np.concatenate([closes for _, closes in built]).clip(from_us, until_us)
        return opens[opens < closes], closes[opens < closes]

    def _cover(self, from_us: Instants, to_us: Instants) -> None:
        """Makes each row's stretch of time, both ends inclusive, lie in one run."""
        if not len(from_us):
            return
        low, high = int(from_us.min()) >> _CHUNK_BITS, int(to_us.max()) >> _CHUNK_BITS
        if any(run.start_us >> _CHUNK_BITS <= low and high < run.end_us >> _CHUNK_BITS for run in self._runs):
            return
        # How many rows need each chunk: those that begin in it or before, less those that end before it.
        begun = np.bincount((from_us >> _CHUNK_BITS) - low, minlength=high - low + 2)
        ended = np.bincount((to_us >> _CHUNK_BITS) - low + 1, minlength=high - low + 2)
        needed = low + np.flatnonzero(np.cumsum(begun - ended))
        missing = [chunk for chunk in needed.tolist() if chunk not in self._chunks]
        if missing:
            self._chunks |= {chunk: self._build(chunk) for chunk in missing}
            chunks = np.array(sorted(self._chunks), np.int64)
            neighbours = np.split(chunks, np.flatnonzero(np.diff(chunks) != 1) + 1)
            self._runs = [self._run(part.tolist()) for part in neighbours]

    def _run(self, chunks: list[int]) -> "_Run":
        opens = np.concatenate([self._chunks[chunk][0] for chunk in chunks])
        closes = np.concatenate([self._chunks[chunk][1] for chunk in chunks])
        through = np.cumsum(closes - opens)
        start_us, end_us = chunks[0] << _CHUNK_BITS, (chunks[-1] + 1) << _CHUNK_BITS
        open_grid = np.searchsorted(opens, np.arange(start_us, end_us, 1 << _GRID_BITS))
        worked_us = through[-1] if len(through) else 0
        through_grid = np.searchsorted(through, np.arange(0, worked_us + 1, 1 << _GRID_BITS))
        return _Run(start_us, end_us, opens, closes, through, open_grid, through_grid)

    def _build(self, chunk: int) -> tuple[Instants, Instants]:
        """Opening and closing instants within one chunk, ascending.

        The intervals are laid out in wall time; each stretch of constant offset then takes from them what it shows of wall
        time, so repeated and skipped hours need no case of their own.
        """
        start_us, end_us = chunk << _CHUNK_BITS, (chunk + 1) << _CHUNK_BITS
        days = np.arange(start_us // DAY_US - _MARGIN_DAYS, end_us // DAY_US + _MARGIN_DAYS)
        plain = days[~np.isin(days, self._special_days)]
        begun = [
            (plain[(plain + _THURSDAY) % 7 == weekday], intervals) for weekday, intervals in enumerate(self.hours.week)
        ]
        begun += [(np.array([day]), own) for day, own in self._exceptions if days[0] <= day <= days[-1]]
        bounds = [
            np.stack((on * DAY_US + begin * MINUTE_US, on * DAY_US + end * MINUTE_US))
            for on, intervals in begun
            for begin, end in intervals
        ]
        walls = np.concatenate(bounds, axis=1) if bounds else np.empty((2, 0), np.int64)
        walls = walls[:, np.argsort(walls[0])]
        parts = [np.clip(walls - offset, since, until) for since, until, offset in self._stretches(start_us, end_us)]
        opens, closes = np.concatenate(parts, axis=1)
        return opens[opens < closes], closes[opens < closes]

    def _stretches(self, start_us: int, end_us: int) -> list[tuple[int, int, int]]:
        """Stretches [since, until) of one offset each. No zone has changed its offset twice within three days since 1900."""
        found = []
        since, offset = start_us, offset_us(start_us, self._zone)
        for probe_us in range(start_us, end_us + DAY_US, DAY_US):
            probe_us = min(probe_us, end_us - 1)
            following = offset_us(probe_us, self._zone)
            if following == offset:
                continue
            same, changed = max(since, probe_us - DAY_US), probe_us
            while changed - same > 1:
                middle = (same + changed) // 2
                same, changed = (middle, changed) if offset_us(middle, self._zone) == offset else (same, middle)
            found.append((since, changed, offset))
            since, offset = changed, following
        return [*found, (since, end_us, offset)]


class _Run(NamedTuple):
    """Consecutive chunks: intervals `opens` to `closes` in [start, end), the working time `through` the end of each, and how
    many `opens` (counted from the start) and `through` lie below each step of the grid. All arrays int64."""

    start_us: int
    end_us: int
    opens: Instants
    closes: Instants
    through: Instants
    open_grid: Instants
    through_grid: Instants


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidSetting(f"{name!r} is no IANA time zone; write it like Asia/Shanghai or UTC") from None


def _check_day(day: str, intervals: Intervals) -> None:
    """Raises InvalidSetting unless the intervals of one day are in order, apart, and none is empty."""
    if len(intervals) > INTERVALS_A_DAY_MAX:
        raise InvalidSetting(
            f"{day} has {len(intervals)} intervals; at most {INTERVALS_A_DAY_MAX} are kept, so join some"
        )
    before = 0
    for begin, end in intervals:
        text = f"{day} {_clock_time(begin)} to {_clock_time(end)}"
        if not 0 <= begin < _DAY_MIN:
            raise InvalidSetting(f"{text} begins outside its day; begin from minute 0 to 1439 after local midnight")
        if not begin < end <= begin + _DAY_MIN:
            raise InvalidSetting(f"{text} is empty or longer than a day; end it after it begins, by 24 hours at most")
        if begin < before:
            raise InvalidSetting(
                f"{text} overlaps the interval before it or is out of order; list them apart, earliest first"
            )
        before = end


def _check_night(day: str, intervals: Intervals, following: Intervals) -> None:
    """Raises InvalidSetting where the last interval reaches into the first of the day after."""
    if intervals and following and intervals[-1][1] - _DAY_MIN > following[0][0]:
        end, begin = _clock_time(intervals[-1][1] - _DAY_MIN), _clock_time(following[0][0])
        raise InvalidSetting(
            f"{day} overlaps the day after: it ends at {end} there, which opens at {begin}; end the one before the other begins"
        )


def _clock_time(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _pairs(first: ArrayLike, second: ArrayLike) -> tuple[tuple[int, ...], Instants, Instants]:
    """The shape that both have together, and both as flat int64. Raises TypeError on what are no integers."""
    one, other = np.broadcast_arrays(first, second)
    if one.size and (one.dtype.kind not in "iu" or other.dtype.kind not in "iu"):
        raise TypeError(f"instants and durations are integer microseconds, not {one.dtype} and {other.dtype}")
    return one.shape, one.ravel().astype(np.int64, copy=False), other.ravel().astype(np.int64, copy=False)


def _check_legal(instants: Instants) -> None:
    if len(instants) and not EARLIEST_US <= instants.min() <= instants.max() <= LAST_US:
        raise ValueError("an instant lies outside the years 1900 to 2299; judge events' times before their clocks")


#: Marks a row whose due instant lies beyond what has been built.
_BEYOND = -(2**62)


@compiled
def _count_below(values: Instants, grid: Instants, origin: int, limit: int) -> int:
    """How many of the ascending values are below the limit, on from the count at the grid's step before it."""
    count: int = grid[(limit - origin) >> _GRID_BITS]
    while count < len(values) and values[count] < limit:
        count += 1
    return count


@compiled
def _worked(run: _Run, instant: int) -> int:
    """Working time from the run's start to an instant in it."""
    begun = _count_below(run.opens, run.open_grid, run.start_us, instant)
    if begun == 0:
        return 0
    left = max(0, run.closes[begun - 1] - instant)
    worked: int = run.through[begun - 1] - left
    return worked


@compiled
def _elapsed(run: _Run, starts: Instants, ends: Instants, elapsed: Instants) -> None:
    """Writes `elapsed` of the rows that lie in the run."""
    for row in range(len(starts)):
        if run.start_us <= starts[row] < run.end_us:
            elapsed[row] = _worked(run, ends[row]) - _worked(run, starts[row])


@compiled
def _due(run: _Run, starts: Instants, budgets: Instants, due: Instants) -> None:
    """Writes `due` of the rows that are `_BEYOND`, begin in the run and are due in it."""
    for row in range(len(starts)):
        if due[row] == _BEYOND and run.start_us <= starts[row] < run.end_us:
            target = _worked(run, starts[row]) + budgets[row]
            if len(run.through) and target <= run.through[-1]:
                ended = _count_below(run.through, run.through_grid, 0, target)
                due[row] = run.closes[ended] - (run.through[ended] - target)
