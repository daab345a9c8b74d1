"""What a queue is heading for: people needed for the next quarter of an hour, and how likely this quarter and the next miss their target if nothing changes.

Owns the reading of the last hour. Never looks at a queue itself: it is given counts. Law: only what was known at the look counts.

A quarter breaks when it closes below its target, with `LEAST` contacts or more. The arrivals of the last minutes, the newest counting most, go on along the day's usual curve,
or where nobody knows it along half of a slope that is none of chance's; what they will be is doubted as much as counts of that size deserve, and a little more,
less of it where the curve is known. People
go on as the plan has them, half believed. From the contacts held and waiting now `engine.capacity.transient` then tells the shares answered in time, at
several sizes of the doubt; what this quarter has had already is counted as it was.

A quarter is named `breaking` when that is likelier than `NAMED_NOW`, or `NAMED_NEXT` before it begins: of what is likelier than not, nearly half of what lies that
far ahead is wrong, and a warning that is wrong as often as right is soon read by nobody.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.capacity.staffing import Target, needed
from engine.capacity.transient import below, in_time

__all__ = ["AHEAD", "LEAST", "MINUTES", "NAMED_NEXT", "NAMED_NOW", "QUARTER", "Outlook", "Seen", "outlook"]

Values = NDArray[np.float64]
#: Minutes looked back on, those of a quarter, and those of this quarter and the next.
MINUTES, QUARTER, AHEAD = 60, 15, 30
#: The fewest contacts of a quarter that is judged, as of the condition `service_level_low`.
LEAST = 20
NAMED_NOW, NAMED_NEXT = 0.5, 0.75
_DECAY = 0.93
_SLOPE, _SLOPE_MINUTES, _SLOPE_AHEAD = 0.5, 30, 20
_CHANCE = 1.5
_PLAN = 0.5
#: Beyond what counts leave in doubt, without the usual curve and with it, and for how many independent looks a quarter stands: chosen on days that no test reports.
_DOUBT, _DOUBT_KNOWN, _LOOKS = 0.2, 0.15, 2.0
#: Patience where few have left yet, and for how many of them it stands.
_PATIENCE_S, _LEFT = 180.0, 2.0
_HANDLED = 5
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Seen:
    """What was known of queues at a whole minute, `behind` minutes into a quarter.

    By queue and minute of the last hour, the oldest first: `offered`, and of these `in_target`. By queue: `waiting`; `serving`, contacts with a person, in wrap-up
    too; `free`, places that people who are there have left; `slots`, all of theirs; `load`, contacts they hold. Over the last hour: `handled`; seconds that contacts were
    held, `held_s`, and waited, `waited_s`; `left` without an answer. `usual` (queues, `MINUTES` + `AHEAD`): what comes
    at this time, in any unit; `planned` (queues, `AHEAD`): people by the plan, by those of now. NaN where nobody knows.
    """

    behind: int
    offered: Values
    in_target: Values
    waiting: Values
    serving: Values
    free: Values
    slots: Values
    load: Values
    handled: Values
    held_s: Values
    waited_s: Values
    left: Values
    usual: Values | None = None
    planned: Values | None = None

    def only(self, rows: NDArray[np.int64]) -> "Seen":
        """Some queues of it."""
        of: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        some: Any = {name: one[rows] for name, one in of.items() if isinstance(one, np.ndarray)}
        return replace(self, **some)


@dataclass(frozen=True)
class Outlook:
    """By queue. `arrivals` a second in the next quarter; people `needed` for it; `service_level` expected of this quarter and the next if nothing changes (queues, 2), and how
    likely each misses the target, `breaks` (queues, 2); which of them are named, `breaking` (queues, 2). NaN, and never named, where too few came to know."""

    arrivals: Values
    needed: NDArray[np.int64]
    service_level: Values
    breaks: Values
    breaking: NDArray[np.bool_]


def outlook(seen: Seen, target: Target, *, handle_s: Values, concurrency: Values) -> Outlook:
    """`handle_s` and `concurrency` by queue are what people are needed by; what is expected of those who are there needs neither."""
    rows = len(seen.waiting)
    known = (seen.handled >= _HANDLED) & (seen.held_s > 0)
    contact_s = np.where(known, seen.held_s / np.maximum(seen.handled, 1), 1.0)
    patience_s = (seen.waited_s + _LEFT * _PATIENCE_S) / (seen.left + _LEFT)
    ahead, doubt = _arrivals(seen)
    doubtful = np.exp(_NODES * doubt[:, None] - doubt[:, None] ** 2 / 2)
    came = (ahead[:, None, :] * doubtful[:, :, None]).reshape(-1, AHEAD)
    nodes = len(_NODES)
    capacity = np.repeat(_capacity(seen), nodes, axis=0)
    inside, contact_of, patience_of = (
        np.repeat(one, nodes) for one in (seen.serving + seen.waiting, contact_s, patience_s)
    )
    good = came * in_time(inside, came, capacity, contact_of, patience_of, target.within_s)
    # What this quarter had already, and what it still gets; the next one is all ahead. The minutes beyond it are not looked at.
    rest = QUARTER - seen.behind
    had, had_good = (
        np.repeat(one[:, MINUTES - seen.behind :].sum(axis=1), nodes) for one in (seen.offered, seen.in_target)
    )
    levels, likely = np.empty((rows, 2)), np.empty((rows, 2))
    for quarter, (first, last, before, good_before) in enumerate(
        ((0, rest, had, had_good), (rest, rest + QUARTER, 0.0, 0.0))
    ):
        more = came[:, first:last].sum(axis=1)
        whole = np.maximum(more + before, 1e-9)
        level = np.clip((good[:, first:last].sum(axis=1) + good_before) / whole, 0, 1)
        variance = np.maximum(level * (1 - level), 0.005) / _LOOKS * more / whole + 1e-6
        misses = below((target.share - level) / np.sqrt(variance))
        levels[:, quarter], likely[:, quarter] = (one.reshape(rows, nodes) @ _WEIGHTS for one in (level, misses))
    expected = np.stack(
        (
            seen.offered[:, MINUTES - seen.behind :].sum(axis=1) + ahead[:, :rest].sum(axis=1),
            ahead[:, rest : rest + QUARTER].sum(axis=1),
        ),
        axis=1,
    )
    told = known[:, None] & (expected > 0)
    named = told & (expected >= LEAST) & (likely >= np.array([NAMED_NOW, NAMED_NEXT]))
    rate = np.where(known, expected[:, 1] / (QUARTER * 60), 0.0)
    fewest, _ = needed(
        rate, np.where(known & (handle_s > 0), handle_s, 1.0), target, patience_s=patience_s, concurrency=concurrency
    )
    return Outlook(
        np.where(known, rate, np.nan), fewest, np.where(told, levels, np.nan), np.where(told, likely, np.nan), named
    )


def _arrivals(seen: Seen) -> tuple[Values, Values]:
    """(queues, `AHEAD`) contacts a minute, and the deviation of their logarithm."""
    weights = _DECAY ** np.arange(MINUTES)[::-1]
    level = seen.offered @ weights / weights.sum()
    effective = weights.sum() ** 2 / (weights @ weights)
    chances, beyond = 1 / np.maximum(level * effective, 1), np.full(len(level), _DOUBT)
    place = np.arange(_SLOPE_MINUTES) - (_SLOPE_MINUTES - 1) / 2
    lately = seen.offered[:, -_SLOPE_MINUTES:]
    slope = lately @ place / (place @ place)
    chance = np.sqrt(np.maximum(lately.mean(axis=1), 0.05) / (place @ place))
    slope *= np.maximum(0, 1 - (_CHANCE * chance / np.maximum(np.abs(slope), 1e-9)) ** 2)
    # From the weighted middle of the minutes seen.
    steps = np.minimum(np.arange(AHEAD) + 0.5 + (np.arange(MINUTES)[::-1] @ weights) / weights.sum(), _SLOPE_AHEAD)
    ahead = np.maximum(level[:, None] + _SLOPE * slope[:, None] * steps, 0.3 * level[:, None])
    if seen.usual is not None:
        usually = seen.usual[:, :MINUTES] @ weights / weights.sum()
        follows = np.isfinite(seen.usual).all(axis=1) & (usually > 0)
        curve = (
            level[:, None]
            / np.where(follows, usually, 1)[:, None]
            * np.where(follows[:, None], seen.usual[:, MINUTES:], 0)
        )
        ahead = np.where(follows[:, None], curve, ahead)
        beyond[follows] = _DOUBT_KNOWN
    return ahead, np.sqrt(chances + beyond**2)


def _capacity(seen: Seen) -> Values:
    """(queues, `AHEAD`) contacts that can be held at once. Where somebody waits all places that this queue gets are taken; it gets as many of other queues' people as hold
    its contacts now, and others get of its own."""
    shares = seen.slots * seen.serving / np.maximum(seen.load, 1)
    now = np.maximum(np.where(seen.waiting > 0, np.maximum(seen.serving, shares), seen.serving + seen.free), 1)
    if seen.planned is None:
        return np.repeat(now[:, None], AHEAD, axis=1)
    planned: Values = np.where(np.isfinite(seen.planned), seen.planned, 1.0)
    return now[:, None] * (1 - _PLAN + _PLAN * planned)
