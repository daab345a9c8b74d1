"""Which event begins a wait and which ends one: what became of contacts' rows, walked once more in machine code.

Owns the rules of beginning and ending; what a wait counts for is `engine.waits`. Most waits are plain: they count one by one, and by the
clock; these are begun and ended here, with few arrays at hand, because handing over many costs more than the wait.
"""

import numpy as np
from numpy.typing import NDArray

from engine.calendars import worked
from engine.clocks import NEVER, put
from engine.compiled import compiled
from engine.definitions import LEFT_OUT, MEASURES_MAX, STARTS
from engine.events import kind
from engine.facts import FIELDS
from engine.keys import Number
from engine.lifecycle import Phase
from engine.waits import (
    AMOUNTS,
    FREE,
    FREE_COUNT,
    IDLE,
    LEFT,
    LOST_WAITS,
    RECORDS,
    ROW,
    RUNNING,
    STEP,
    TIES,
    Index,
    Rulebook,
    State,
    conclude,
    drop,
    elapse,
    soonest,
    start,
    unlink,
)  # fmt: skip
from engine.watermark import NEVER_US

__all__ = ["BEGINNINGS", "EACH", "WRITTEN_BY", "follow"]

Bits = NDArray[np.uint64]

#: No row begins more than one wait of a definition, with two amounts.
_AMOUNTS_A_ROW = 2 * MEASURES_MAX
_UNKNOWN, _OPEN, _WAITING, _SERVED, _HELD, _ABANDONED = (
    int(phase) for phase in (Phase.UNKNOWN, Phase.OPEN, Phase.WAITING, Phase.SERVED, Phase.HELD, Phase.ABANDONED)
)
_QUEUED, _ANSWERED, _TRANSFERRED = (kind(f"contact.{name}") for name in ("queued", "answered", "transferred"))
_CUSTOMER, _BOT = kind("message.customer"), kind("message.bot")
#: Who writes a message, by what it is.
WRITTEN_BY = {"human": "message.agent", "bot": "message.bot", "automatic": "message.automatic"}
_REPLIES = tuple(kind(name) for name in WRITTEN_BY.values())
#: How waits begin, as places of masks; those of each message are in `EACH` alone, the `further` ones of them in `further` too.
BEGINNINGS = {name: place for place, name in enumerate(STARTS)}
EACH = len(BEGINNINGS)
_OPENING, _HANDING, _WRITING, _TURN, _FURTHER, _QUEUING, _TAKING = range(EACH)
_NO_BITS = np.uint64(0)
_F_FIRST = len(FIELDS)


@compiled
def follow(  # pragma: no cover
    kinds: NDArray[np.int8], times_us: Index, ranks_us: Index, lates: NDArray[np.bool_], sequences: Index,
    contacts: NDArray[np.int32], customers: Bits, combinations: NDArray[np.int32], before: NDArray[np.uint8],
    after: NDArray[np.uint8], contact_keys: Bits, tenants: Bits, state: State, book: Rulebook,
) -> None:  # fmt: skip
    """Takes rows, sorted by contact and then by place in the order of processing, from `counts[ROW]` on; stops for want of room.

    `combinations` are those after the rows, -1 for illegal ones; `before` and `after` phases; `tenants` the key of each combination's.
    """
    heads, soonest_us, waits, counts, amounts = state.heads, state.soonest_us, state.waits, state.counts, state.amounts
    rules, starts, ends_of, asides_of, applies_to = book.rules, book.starts, book.ends, book.asides, book.applies
    midnights, days, opens, closes, through, spans = (
        book.midnights, book.days, book.opens, book.closes, book.through, book.spans
    )  # fmt: skip
    asked_only, each, further = book.asked, starts[EACH], starts[_FURTHER]
    row = counts[ROW]
    while row < len(kinds):
        kind_, slot, time_us, was, is_ = kinds[row], contacts[row], times_us[row], before[row], after[row]
        combination = combinations[row]
        if combination < 0 or is_ == _UNKNOWN:
            row += 1
            continue
        head = heads[slot]
        ends = ends_of[kind_]
        if counts[STEP] == 0:
            # A pool at its limit has as much room as it will ever have.
            if (
                counts[AMOUNTS] + _AMOUNTS_A_ROW > amounts.shape[1]
                or counts[TIES] + MEASURES_MAX > state.ties.shape[1]
                or counts[RECORDS] + MEASURES_MAX > len(state.records)
                or (counts[FREE_COUNT] < MEASURES_MAX and len(waits) < book.waits_max)
            ):
                break
            anew = _NO_BITS
            applies = applies_to[combination]
            if was == _UNKNOWN:
                # A new contact begins in this slot; whatever was known of the one before is over.
                while head.first >= 0:
                    unlink(slot, -1, head.first, heads, waits, counts)
                head.customer, head.ended_us, head.by_bot = _NO_BITS, NEVER_US, False
                head.started = head.replied = head.running = head.pending = _NO_BITS
                soonest_us[slot] = NEVER
                anew = applies
            elif soonest_us[slot] <= ranks_us[row] and (
                not elapse(slot, time_us, ranks_us[row], state, book)
                or counts[AMOUNTS] + _AMOUNTS_A_ROW > amounts.shape[1]
            ):
                break
            if was >= _ABANDONED and is_ < _ABANDONED:
                anew = applies & _reopened(slot, time_us, state, book)
            head.combination = combination
            if customers[row] != _NO_BITS:
                head.customer = customers[row]

            # Which waits begin.
            is_asked = is_ >= _WAITING and is_ < _ABANDONED
            chosen = _NO_BITS
            if anew != _NO_BITS:
                chosen = anew & (starts[_OPENING] | starts[_HANDING])
                if kind_ in _REPLIES:
                    # Who was written to first waits for nobody.
                    head.started |= chosen & ends
                    chosen &= ~ends
            if kind_ == _CUSTOMER:
                found = starts[_WRITING] & ~head.started
                found |= (starts[_TURN] | further & head.replied) & ~head.running & ~each
                found |= each & (~further | head.replied)
                found &= applies
                if not is_asked:
                    head.pending |= found & asked_only
                    found &= ~asked_only
                chosen |= found
            elif is_asked and head.pending != _NO_BITS:
                chosen |= head.pending
                head.pending = _NO_BITS
            if kind_ == _QUEUED:
                chosen |= applies & starts[_QUEUING] & ~head.started
            elif kind_ == _ANSWERED:
                chosen |= applies & starts[_TAKING] & ~head.started
            elif kind_ == _BOT:
                head.by_bot = True
            if was == _OPEN and is_asked and head.by_bot:
                head.by_bot = False
                handed = head.running & starts[_HANDING]
                if handed != _NO_BITS:
                    _leave(slot, handed, state, book)
                    chosen |= handed
            for measure in range(len(rules) if chosen != _NO_BITS else 0):
                rule = rules[measure]
                if chosen & rule.bit == _NO_BITS:
                    continue
                if not rule.is_plain:
                    customer = head.customer if head.customer != _NO_BITS else contact_keys[slot]
                    sequence = sequences[row] if lates[row] else -1
                    start(
                        measure, slot, time_us, ranks_us[row], sequence, customer, tenants[combination], state, book
                    )  # fmt: skip
                    continue
                left = rule.hours > 0 and not worked(rule.hours, time_us, time_us + 1, opens, closes, through, spans)
                if rule.once:
                    head.started |= rule.bit
                if not rule.per_message:
                    head.running |= rule.bit
                elif left:
                    continue
                place = counts[FREE]
                if place < 0:
                    counts[LOST_WAITS] += 1
                    continue
                wait = waits[place]
                counts[FREE], counts[FREE_COUNT] = wait.next, counts[FREE_COUNT] - 1
                wait.next, wait.measure, wait.since_us = head.first, measure, time_us
                wait.late_us, wait.ends_us, wait.record, wait.missed = NEVER, NEVER, -1, False
                wait.phase = LEFT if left else RUNNING
                if rule.by_day:
                    first = days[rule.zone]
                    found_day = np.searchsorted(midnights[first : days[rule.zone + 1]], time_us, side="right")
                    wait.ends_us = midnights[first + found_day]
                    soonest_us[slot] = min(soonest_us[slot], wait.ends_us)
                head.first = place
            counts[STEP] = 1

        # Which waits end.
        asides = asides_of[kind_] if was <= _OPEN else _NO_BITS
        is_over = was < _ABANDONED and is_ >= _ABANDONED
        is_handed_on = kind_ == _TRANSFERRED and was in (_SERVED, _HELD)
        if ends | asides != _NO_BITS or is_over or is_handed_on:
            place, previous = np.int64(head.first), np.int64(-1)
            while place >= 0 and counts[AMOUNTS] + 4 <= amounts.shape[1]:
                wait = waits[place]
                following = np.int64(wait.next)
                rule = rules[wait.measure]
                is_answered = ends & rule.bit != _NO_BITS
                if wait.phase != IDLE:
                    if is_answered or is_over or (is_handed_on and rule.by_agent):
                        if rule.is_plain:
                            if wait.phase == RUNNING and (is_answered or rule.unanswered_us != LEFT_OUT):
                                taken_us = time_us - wait.since_us
                                is_timely = is_answered and taken_us <= rule.within_us
                                if not is_answered and rule.unanswered_us > 0:
                                    taken_us = rule.unanswered_us
                                taken_us = min(taken_us, rule.cap_us)
                                field, since_us, amount = _F_FIRST + 3 * wait.measure, wait.since_us, counts[AMOUNTS]
                                amount = put(amounts, amount, field, combination, since_us, 1)
                                amount = put(amounts, amount, field + 2, combination, since_us, taken_us)
                                if is_timely:
                                    amount = put(amounts, amount, field + 1, combination, since_us, 1)
                                counts[AMOUNTS] = amount
                            wait.phase = IDLE
                        else:
                            conclude(place, is_answered, time_us, combination, state, book)
                        head.running &= ~rule.bit
                    elif asides & rule.bit != _NO_BITS:
                        if rule.is_plain:
                            wait.phase = IDLE
                        else:
                            drop(place, state)
                if wait.phase == IDLE and (rule.per_customer or not rule.every):
                    unlink(slot, previous, place, heads, waits, counts)
                else:
                    previous = place
                place = following
            if place >= 0:
                break
            if kind_ in _REPLIES:
                head.replied |= ends
            head.pending &= ~ends
            head.running &= ~(ends | asides)
            if is_over:
                head.running = head.pending = _NO_BITS
                head.ended_us = time_us
            if soonest_us[slot] != NEVER:
                soonest(slot, heads, waits, soonest_us)
        counts[STEP] = 0
        row += 1
    counts[ROW] = row


@compiled
def _reopened(slot: Number, time_us: Number, state: State, book: Rulebook) -> np.uint64:  # pragma: no cover
    """The measures for which a contact that is reopened counts anew, as if it had never been."""
    head = state.heads[slot]
    anew = _NO_BITS
    for measure in range(len(book.rules)):
        if time_us - head.ended_us >= book.rules[measure].again_us:
            anew |= book.rules[measure].bit
    head.started &= ~anew
    head.replied &= ~anew
    if anew != _NO_BITS:
        _leave(slot, anew, state, book)
    return anew


@compiled
def _leave(slot: Number, chosen: np.uint64, state: State, book: Rulebook) -> None:  # pragma: no cover
    """The waits of these measures are gone without counting."""
    head = state.heads[slot]
    place, before = np.int64(head.first), np.int64(-1)
    while place >= 0:
        following = np.int64(state.waits[place].next)
        if book.rules[state.waits[place].measure].bit & chosen != _NO_BITS:
            drop(place, state)
            unlink(slot, before, place, state.heads, state.waits, state.counts)
        else:
            before = place
        place = following
    head.running &= ~chosen
    soonest(slot, state.heads, state.waits, state.soonest_us)
