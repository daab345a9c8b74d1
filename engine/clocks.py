"""The clocks of contacts: when each is due, when its warning is, and what has passed by an instant.

Arrays by slot: `due_us` and `warn_us` int64 (slots, clocks), `soonest_us` int64 the least of both, so that a tick looks at
one number a contact. A clock that does not run, or has been raised, is due `NEVER`; one that runs without a limit `UNLIMITED`.
A clock is raised once, at the instant itself: an answer that comes later repairs nothing. When what holds for a
contact changes, running clocks move to the limit that holds now, and one whose time is over by then is due at the move.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calendars import UNLIMITED, due_at, worked
from engine.compiled import compiled
from engine.facts import FIELD, STEPS
from engine.keys import Number
from engine.policy import CLOCKS, CONTACT_LIMITS, NO_LIMIT_US, Tables
from engine.uncounted import uncounted
from engine.watermark import NEVER_US

__all__ = [
    "ANNOUNCEMENT", "AUTOMATIC_REPLY", "BENCHMARK", "FIRST_HUMAN_REPLY", "FIRST_REPLY", "LIFE", "NEVER", "NEXT_REPLY", "SHORT", "TARGET", "TRANSFERS", "UNLIMITED", "UNRESOLVED", "WAIT", "breach", "move",
    "move_all", "overdue", "pause", "period_at", "put", "raise_all", "resume", "soonest", "start", "stop",
]  # fmt: skip

#: What is remembered of a contact beside its state and its clocks. Instants and durations in microseconds, `NEVER_US` for
#: none; `_as` are combinations; `rank_us` where its last event stood in the order of processing, `waiting_as` is where it waits now, `warned` has a bit for each clock whose warning was raised, `raised` for each
#: that was warned of or broken and has not ended,
#: `paused` for each that stands still while the contact is pending, `paused_us` the working time each has stood still before.
LIFE = np.dtype([
    ("arrival_us", np.int64), ("seen_us", np.int64), ("rank_us", np.int64), ("waiting_since_us", np.int64), ("waited_us", np.int64),
    ("served_since_us", np.int64), ("turn_since_us", np.int64), ("written_us", np.int64), ("asked_us", np.int64),
    ("announced_us", np.int64), ("pending_us", np.int64), ("paused_us", np.int64, (len(CLOCKS),)),
    ("said", np.int32), ("combination", np.int32), ("cohort", np.int32), ("waiting_as", np.int32),
    ("served_as", np.int32), ("agent", np.int32), ("transfers", np.uint16), ("unresolved", np.uint16),
    ("settled", np.bool_), ("was_queued", np.bool_), ("was_answered", np.bool_), ("any_reply", np.bool_),
    ("replied", np.bool_), ("reply_stopped", np.bool_), ("warned", np.uint8), ("raised", np.uint8), ("paused", np.uint8),
], align=True)  # fmt: skip

WAIT, FIRST_REPLY, FIRST_HUMAN_REPLY, NEXT_REPLY, ANNOUNCEMENT, AUTOMATIC_REPLY = range(len(CLOCKS))
TRANSFERS, UNRESOLVED, TARGET, SHORT, BENCHMARK = (
    CONTACT_LIMITS.index(name) for name in ("transfers", "unresolved", "target", "short", "benchmark")
)
NEVER = 2**62

_CLOCK_COUNT, _STEP_COUNT = len(CLOCKS), len(STEPS)
_BROKEN, _ENDED = STEPS.index("broken"), STEPS.index("ended")
_F_BREACHES, _F_FIRST, _F_WARNINGS = FIELD["breaches"], FIELD[f"{CLOCKS[0]}_breaches"], FIELD["warnings"]

Index = NDArray[np.int64]
Life = Any  # One record of `LIFE`.


@compiled
def put(
    buffer: Index, at: Number, what: int, as_: Number, time_us: Number, value: Number
) -> Number:  # pragma: no cover
    """Appends a fact at a place of a buffer; returns the next place."""
    buffer[0, at], buffer[1, at], buffer[2, at], buffer[3, at] = what, as_, time_us, value
    return at + 1


@compiled
def period_at(tables: Tables, instant_us: Number) -> Any:  # pragma: no cover
    """The policy's period at an instant, 0 for none."""
    if len(tables.bounds_us) == 0:
        return 0
    return tables.period_of[np.searchsorted(tables.bounds_us, instant_us, side="right")]


@compiled
def start(
    clock: int, slot: Number, since_us: Number, period: Number, as_: Number, life: Life, due_us: Index, warn_us: Index,
    tables: Tables,
) -> None:  # fmt: skip  # pragma: no cover
    """Has a clock run since an instant, which the calendars must cover."""
    keep = np.uint8(~(1 << clock) & 0xFF)
    life.warned &= keep
    life.paused &= keep
    life.paused_us[clock] = 0
    _reckon(clock, slot, since_us, 0, period, as_, due_us, warn_us, tables)


@compiled
def stop(
    clock: int, slot: Number, rank_us: Number, life: Life, due_us: Index, warn_us: Index, raised: Index, count: Number,
) -> Number:  # fmt: skip  # pragma: no cover
    """The clock runs no more, and what was raised of it is over; returns how full the buffer is, in which there must be room."""
    due_us[slot, clock] = warn_us[slot, clock] = NEVER
    if life.raised >> clock & 1:
        life.raised &= np.uint8(~(1 << clock) & 0xFF)
        raised[4, count], raised[5, count], raised[6, count] = _since(clock, life), life.agent, rank_us
        count = put(raised, count, _STEP_COUNT * clock + _ENDED, life.combination, rank_us, slot)
    return count


@compiled
def _reckon(
    clock: int, slot: Number, since_us: Number, paused_us: Number, period: Number, as_: Number, due_us: Index, warn_us: Index,
    tables: Tables,
) -> None:  # fmt: skip  # pragma: no cover
    """When a clock is due and warned of that has run since an instant, but for so much working time."""
    due_us[slot, clock], warn_us[slot, clock] = UNLIMITED, NEVER
    limit_us, permille = tables.limits_us[clock, period, as_], tables.permille[clock, period, as_]
    if limit_us < NO_LIMIT_US:
        number = tables.hours_of[clock, period, as_]
        if clock == AUTOMATIC_REPLY:
            # Its hours are those in which somebody else answers; outside of them it runs around the clock.
            if worked(number, since_us, since_us + 1, tables.opens, tables.closes, tables.through, tables.spans):
                return
            number = 0
        due_us[slot, clock] = due_at(
            number, since_us, paused_us + limit_us, tables.opens, tables.closes, tables.through, tables.spans
        )
        if permille > 0:
            share_us = paused_us + limit_us // 1000 * permille
            warn_us[slot, clock] = due_at(
                number, since_us, share_us, tables.opens, tables.closes, tables.through, tables.spans
            )


@compiled
def soonest(slot: Number, life: Life, due_us: Index, warn_us: Index) -> Number:  # pragma: no cover
    """The next instant at which something of this contact is due."""
    least = NEVER
    for clock in range(_CLOCK_COUNT):
        if not life.paused >> clock & 1:
            least = min(least, due_us[slot, clock], warn_us[slot, clock])
    return least


@compiled
def _since(clock: int, life: Life) -> Any:  # pragma: no cover
    if clock == WAIT:
        return life.waiting_since_us
    if clock in (FIRST_REPLY, AUTOMATIC_REPLY):
        return life.written_us
    if clock == FIRST_HUMAN_REPLY:
        return life.asked_us
    if clock == NEXT_REPLY:
        return life.turn_since_us
    return life.announced_us


@compiled
def move(
    slot: Number, as_: Number, at_us: Number, life: Life, due_us: Index, warn_us: Index, tables: Tables,
) -> None:  # fmt: skip  # pragma: no cover
    """Holds the running clocks of a contact to the limits of its new combination, from `at_us` on."""
    for clock in range(_CLOCK_COUNT):
        if due_us[slot, clock] != NEVER:
            since_us = _since(clock, life)
            period = period_at(tables, since_us)
            before_us = due_us[slot, clock]
            _reckon(clock, slot, since_us, life.paused_us[clock], period, as_, due_us, warn_us, tables)
            if due_us[slot, clock] != before_us:
                due_us[slot, clock] = max(due_us[slot, clock], at_us)
            if warn_us[slot, clock] != NEVER:
                warn_us[slot, clock] = max(warn_us[slot, clock], at_us)
            if life.warned >> clock & 1 or warn_us[slot, clock] >= due_us[slot, clock]:
                warn_us[slot, clock] = NEVER


@compiled
def move_all(
    slots: Index, at_us: Number, lives: NDArray[np.void], due_us: Index, warn_us: Index, soonest_us: Index, tables: Tables,
) -> None:  # fmt: skip  # pragma: no cover
    """Holds the running clocks of these contacts to other tables, from `at_us` on; the calendars must cover their lives."""
    lent = Tables(
        uncounted(tables.limits_us), uncounted(tables.permille), uncounted(tables.hours_of), uncounted(tables.pausable),
        uncounted(tables.bounds_us), uncounted(tables.period_of), uncounted(tables.opens), uncounted(tables.closes),
        uncounted(tables.through), uncounted(tables.spans),
    )  # fmt: skip
    for slot in slots:
        move(slot, lives[slot].combination, at_us, lives[slot], due_us, warn_us, lent)
        soonest_us[slot] = soonest(slot, lives[slot], due_us, warn_us)


@compiled
def pause(
    slot: Number, at_us: Number, as_: Number, life: Life, due_us: Index, tables: Tables
) -> None:  # pragma: no cover
    """Stops the running clocks that may pause, while the contact is pending."""
    if life.pending_us != NEVER_US:
        return
    life.pending_us = at_us
    for clock in range(_CLOCK_COUNT):
        if due_us[slot, clock] != NEVER:
            period = period_at(tables, _since(clock, life))
            life.paused |= np.uint8(tables.pausable[clock, period, as_] << clock)


@compiled
def resume(
    slot: Number, at_us: Number, as_: Number, life: Life, due_us: Index, warn_us: Index, tables: Tables
) -> None:  # pragma: no cover
    """Has paused clocks run on: what passed of their working time since the pause does not count."""
    for clock in range(_CLOCK_COUNT):
        if life.paused >> clock & 1 and due_us[slot, clock] != NEVER:
            since_us = _since(clock, life)
            period = period_at(tables, since_us)
            number = tables.hours_of[clock, period, as_]
            life.paused_us[clock] += worked(
                number, life.pending_us, at_us, tables.opens, tables.closes, tables.through, tables.spans
            )
            _reckon(clock, slot, since_us, life.paused_us[clock], period, as_, due_us, warn_us, tables)
            due_us[slot, clock] = max(due_us[slot, clock], at_us)
            if life.warned >> clock & 1:
                warn_us[slot, clock] = NEVER
    life.pending_us, life.paused = NEVER_US, 0


@compiled
def overdue(
    slot: Number, until_us: Number, life: Life, due_us: Index, warn_us: Index, tables: Tables, amounts: Index, amount: Number, raised: Index, count: Number,
) -> tuple[Number, Number, bool]:  # fmt: skip  # pragma: no cover
    """Raises what is due before `until_us`; returns how full the buffers are, and whether all found room.

    `raised` int64 (7, capacity): the commitment times the number of `STEPS`, plus the step; the combination; the instant; the slot; since
    when; whose agent it was, 0 for nobody's; its place: the instant, or where the late event stood that brought it to light.
    """
    as_ = life.combination
    for clock in range(_CLOCK_COUNT):
        if life.paused >> clock & 1:
            continue
        while min(due_us[slot, clock], warn_us[slot, clock]) < until_us:
            if amount + 2 > amounts.shape[1] or count + 1 > raised.shape[1]:
                return amount, count, False
            is_breach = due_us[slot, clock] <= warn_us[slot, clock]
            at_us = min(due_us[slot, clock], warn_us[slot, clock])
            raised[4, count], raised[5, count] = _since(clock, life), life.agent
            raised[6, count] = max(at_us, life.rank_us)
            count = put(raised, count, _STEP_COUNT * clock + is_breach, as_, at_us, slot)
            life.raised |= np.uint8(1 << clock)
            if not is_breach:
                amount = put(amounts, amount, _F_WARNINGS, as_, at_us, 1)
                warn_us[slot, clock] = NEVER
                life.warned |= np.uint8(1 << clock)
                continue
            amount = put(amounts, amount, _F_BREACHES, as_, at_us, 1)
            amount = put(amounts, amount, _F_FIRST + clock, as_, at_us, 1)
            due_us[slot, clock] = warn_us[slot, clock] = NEVER
            if clock == ANNOUNCEMENT:
                life.announced_us = at_us
                period = period_at(tables, at_us)
                start(clock, slot, at_us, period, as_, life, due_us, warn_us, tables)
    return amount, count, True


@compiled
def breach(
    commitment: int, slot: Number, at_us: Number, as_: Number, since_us: Number, agent: Number, rank_us: Number, amounts: Index,
    amount: Number, raised: Index, count: Number,
) -> tuple[Number, Number]:  # fmt: skip  # pragma: no cover
    """Raises what an event has broken by itself; returns how full the buffers are, in which there must be room."""
    raised[4, count], raised[5, count], raised[6, count] = since_us, agent, rank_us
    count = put(raised, count, _STEP_COUNT * commitment + _BROKEN, as_, at_us, slot)
    amount = put(amounts, amount, _F_BREACHES, as_, at_us, 1)
    amount = put(amounts, amount, _F_FIRST + commitment, as_, at_us, 1)
    return amount, count


@compiled
def raise_all(
    cursor: Index, slots: Index, until_us: int, lives: NDArray[np.void], due_us: Index, warn_us: Index, soonest_us: Index,
    tables: Tables, amounts: Index, raised: Index,
) -> None:  # fmt: skip  # pragma: no cover
    """Raises what is due before `until_us` of these contacts, from `cursor[0]` on; `cursor[1]` and `cursor[6]` say how full
    the buffers are."""
    amount, count = cursor[1], cursor[6]
    while cursor[0] < len(slots):
        slot = slots[cursor[0]]
        amount, count, done = overdue(
            slot, until_us, lives[slot], due_us, warn_us, tables, amounts, amount, raised,
            count,
        )  # fmt: skip
        soonest_us[slot] = soonest(slot, lives[slot], due_us, warn_us)
        if not done:
            break
        cursor[0] += 1
    cursor[1], cursor[6] = amount, count
