"""One contact's life after another: what each released event does to its contact, and what it brings to light.

The walk is the only place that knows how a life goes on: legality comes from the tables of `engine.lifecycle`, clocks from
`engine.clocks`, everything else stands here, event by event, in machine code. It stops where only Python can help: at a set
of dimensions never met before, or when a buffer of facts is full; and goes on from there. Illegal rows are counted by reason
and change nothing.
"""

import numpy as np
from numpy.typing import NDArray

from engine.calendars import is_covered
from engine.clocks import (
    ANNOUNCEMENT,
    AUTOMATIC_REPLY,
    BENCHMARK,
    FIRST_HUMAN_REPLY,
    FIRST_REPLY,
    NEXT_REPLY,
    SHORT,
    TARGET,
    TRANSFERS,
    UNRESOLVED,
    WAIT,
    breach,
    move,
    overdue,
    pause,
    period_at,
    put,
    resume,
    soonest,
    start,
    stop,
)  # fmt: skip
from engine.compiled import compiled
from engine.events import KINDS, kind
from engine.facts import FIELD, LEVELS, MEASURES
from engine.keys import Number, pair_key, place_of
from engine.lifecycle import LEGAL, OUT_OF_ORDER, Outcome, Phase
from engine.policy import NO_LIMIT_US, Tables
from engine.watermark import NEVER_US

__all__ = ["CURSOR", "EVENT_FIELD", "walk"]

#: What the walk reads and leaves in its cursor: the row to go on with, how much is in each buffer, the pair of combination and
#: said that is not known, -1 for none, and the instants that the calendars do not cover, the later one first for none.
CURSOR = (
    "row", "amounts", "samples", "longest", "changes", "loads", "raised", "combination", "said", "from_us", "until_us",
)  # fmt: skip
#: No row adds more than so many to the amounts, nor to any other buffer, what is overdue apart.
AMOUNTS_A_ROW, OTHERS_A_ROW = 28, 8

Index = NDArray[np.int64]
Codes = NDArray[np.int32]
Small = NDArray[np.int8]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_OUTCOMES = len(Outcome)
_UNKNOWN, _WAITING, _SERVED, _HELD, _REWAITING, _ABANDONED_PHASE = (
    int(Phase.UNKNOWN), int(Phase.WAITING), int(Phase.SERVED), int(Phase.HELD), int(Phase.REWAITING), int(Phase.ABANDONED),
)  # fmt: skip
_LEFT, _ANSWERED_OUT, _ABANDONED_OUT, _UNANSWERED = (
    int(Outcome.LEFT), int(Outcome.ANSWERED), int(Outcome.ABANDONED), int(Outcome.UNANSWERED),
)  # fmt: skip
_QUEUED, _ANSWERED, _ABANDONED, _CLOSED = (
    kind(f"contact.{name}") for name in ("queued", "answered", "abandoned", "closed")
)
#: Kinds whose event settles for which combination the contact counts by arrival.
_SETTLING = (_QUEUED, _ANSWERED, _ABANDONED, kind("contact.left_queue"), _CLOSED)
_RATED, _TRANSFERRED = kind("contact.rated"), kind("contact.transferred")
_ANNOUNCED, _PENDING, _UNPENDING = (kind(f"contact.{name}") for name in ("announced", "pending", "unpending"))
_CUSTOMER, _REPLY = kind("message.customer"), kind("message.agent")
#: Kinds that are a reply of any sort.
_REPLIES = (_REPLY, kind("message.automatic"), kind("message.bot"))
_IN_QUEUE, _IN_SERVICE = LEVELS.index("waiting"), LEVELS.index("in_service")
_WAIT_ANSWERED, _FIRST_RESPONSE, _RESPONSE = (
    MEASURES.index(name) for name in ("wait_answered", "first_response", "response")
)
(
    _F_OFFERED, _F_QUEUED, _F_ANSWERED, _F_ABANDONED, _F_LEFT, _F_UNANSWERED, _F_WAIT, _F_WAIT_ANSWERED, _F_TIMELY,
    _F_ABANDONED_TIMELY, _F_SHORT, _F_ENTERED, _F_LEFT_ANSWERED, _F_LEFT_ABANDONED, _F_LEFT_OTHER, _F_EVENTS_ANSWERED,
    _F_EVENTS_ABANDONED, _F_HANDLED, _F_HANDLE, _F_CLOSED, _F_UNRESOLVED, _F_FIRST_COUNT, _F_FIRST, _F_RESPONSE_COUNT,
    _F_RESPONSE, _F_CSAT_COUNT, _F_CSAT_SUM, _F_CSAT_GOOD, _F_NPS_COUNT, _F_PROMOTERS, _F_DETRACTORS, _F_IN_BENCHMARK,
    _F_BENCHMARK, _F_JUDGED, _F_NEGATIVE, _F_RATED_LOW,
) = (FIELD[name] for name in (
    "offered", "queued", "answered", "abandoned", "left_queue", "unanswered", "wait_us", "wait_answered_us", "answered_in_target",
    "abandoned_in_target", "abandoned_short", "entered", "left_answered", "left_abandoned", "left_other", "events_answered",
    "events_abandoned", "handled", "handle_us", "closed", "unresolved", "first_response_count", "first_response_us", "response_count",
    "response_us", "csat_count", "csat_sum", "csat_good", "nps_count", "nps_promoters", "nps_detractors",
    "responses_in_benchmark", "response_benchmark_us", "judged_messages", "negative_messages", "rated_low"))  # fmt: skip
_BY_EVENT = {
    "contact.transferred": "transfers", "contact.reopened": "reopened", "contact.announced": "announcements",
    "message.customer": "customer_messages", "message.agent": "agent_messages",
    "message.automatic": "automatic_messages", "message.bot": "bot_messages", "contact.invited": "invited",
}  # fmt: skip


#: As often as is counted: more than any limit, or nobody would notice the difference.
_OFTEN = 60_000
#: By kind: the field that counts its events, -1 for none.
EVENT_FIELD = np.array([FIELD[_BY_EVENT[name]] if name in _BY_EVENT else -1 for name in KINDS], np.int64)


@compiled
def walk(  # pragma: no cover
    cursor: Index, kinds: Small, times_us: Index, ranks_us: Index, lates: Mask, contacts: Codes, agents: Codes,
    saids: Codes, numbers: Codes, csats: Small, npss: Small, lives: NDArray[np.void], states: Bytes, due_us: Index,
    warn_us: Index, soonest_us: Index, tables: Tables,
    transitions: Bytes, illegal: Bytes, event_field: Index, illegal_counts: Index, pairs: NDArray[np.uint64],
    merged: Codes, linger_us: int, amounts: Index, samples: Index, longest: Index, changes: Index, loads: Index,
    raised: Index, afters: Codes, phases_before: Bytes, phases_after: Bytes,
) -> None:  # fmt: skip
    """Takes rows, sorted by contact and then by place in the order of processing, from `cursor[0]` on.

    Changes everything of the contacts (`lives`, `states` uint8, and the clocks' arrays, see `engine.clocks`), `illegal_counts`,
    the `cursor` and the buffers. Buffers are int64 (4, capacity): amounts and samples hold field or measure, combination,
    instant and value; `longest` 0, combination, instant and wait; `changes` level, combination, row and step; `loads` 0,
    agent, row and step; `raised` see `engine.clocks`. `pairs` and `merged` are a table from `pair_key` of a combination and
    a said to the combination after. What became of each row is left in `afters`, the combination, -1 where the row was
    illegal, and its contact's phases.
    """
    amount, sample, long_, change, load, alarm = cursor[1], cursor[2], cursor[3], cursor[4], cursor[5], cursor[6]
    row = cursor[0]
    cursor[7], cursor[9], cursor[10] = -1, 1, 0
    while row < len(kinds):
        if (
            amount + AMOUNTS_A_ROW > amounts.shape[1]
            or max(sample, long_, change, load, alarm) + OTHERS_A_ROW > samples.shape[1]
        ):
            break
        kind_, slot, said = kinds[row], contacts[row], saids[row]
        time_us, rank_us = times_us[row], ranks_us[row]
        life = lives[slot]
        state: Number = np.int64(states[slot])
        if state >= _ABANDONED_PHASE * _OUTCOMES and rank_us - life.seen_us >= linger_us:
            state = 0
        if lates[row] and time_us < life.seen_us:
            illegal_counts[OUT_OF_ORDER] += 1
            afters[row] = -1
            row += 1
            continue
        reason = illegal[kind_, state]
        if reason != LEGAL:
            illegal_counts[reason] += 1
            afters[row] = -1
            row += 1
            continue
        after = np.int64(transitions[kind_, state])
        was, is_ = state // _OUTCOMES, after // _OUTCOMES
        arrives = was == _UNKNOWN
        said_before, as_before = (np.int32(0), np.int32(0)) if arrives else (life.said, life.combination)
        as_ = as_before
        if said != 0 and said != said_before:
            pair = pair_key(as_before, said)
            place = place_of(pairs, pair)
            if pairs[place] != pair:
                cursor[7], cursor[8] = as_before, said
                break
            as_ = merged[place]
        if is_ != _UNKNOWN:
            from_us = time_us if arrives else min(time_us, life.arrival_us)
            if not is_covered(tables.spans, from_us, rank_us):
                cursor[9], cursor[10] = from_us, rank_us
                break
            if soonest_us[slot] < rank_us:
                amount, alarm, done = overdue(
                    slot, rank_us, life, due_us, warn_us, tables, amounts, amount, raised,
                    alarm,
                )  # fmt: skip
                soonest_us[slot] = soonest(slot, life, due_us, warn_us)
                if not done or max(amount + AMOUNTS_A_ROW, alarm + OTHERS_A_ROW) > amounts.shape[1]:
                    break
            clocks_change = False
            period = period_at(tables, time_us)
            if arrives:
                life.arrival_us, life.seen_us, life.waited_us = time_us, NEVER_US, 0
                life.turn_since_us = life.written_us = life.asked_us = NEVER_US
                life.said, life.agent, life.warned, life.raised, life.paused = 0, 0, 0, 0, 0
                life.transfers = life.unresolved = 0
                life.pending_us = NEVER_US
                life.settled = life.was_queued = life.was_answered = False
                life.any_reply = life.replied = life.reply_stopped = False
                amount = put(amounts, amount, _F_OFFERED, as_, time_us, 1)
            elif as_ != as_before and not life.settled:
                # Until it is settled, a contact that turns out to belong elsewhere is counted there instead.
                amount = put(amounts, amount, _F_OFFERED, as_before, life.arrival_us, -1)
                amount = put(amounts, amount, _F_OFFERED, as_, life.arrival_us, 1)
            if said != 0:
                life.said = said
            if as_ != as_before and not arrives:
                move(slot, as_, rank_us, life, due_us, warn_us, tables)
                clocks_change = True
            life.combination = as_
            life.seen_us, life.rank_us = max(life.seen_us, time_us), rank_us
            states[slot] = after
            settles = kind_ in _SETTLING
            if settles and not life.settled:
                life.settled, life.cohort = True, as_
            cohort = life.cohort if life.settled else as_
            arrival_us, agent = life.arrival_us, life.agent

            # The queue.
            waited, waits = was in (_WAITING, _REWAITING), is_ in (_WAITING, _REWAITING)
            moves = waited and waits and kind_ == _QUEUED
            if waited and (moves or not waits):
                change = put(changes, change, _IN_QUEUE, life.waiting_as, row, -1)
                how = _F_LEFT_OTHER
                if kind_ == _ANSWERED:
                    how = _F_LEFT_ANSWERED
                elif kind_ == _ABANDONED:
                    how = _F_LEFT_ABANDONED
                amount = put(amounts, amount, how, life.waiting_as, time_us, 1)
            if waited and not waits:
                for clock in (WAIT, ANNOUNCEMENT):
                    alarm = stop(clock, slot, rank_us, life, due_us, warn_us, raised, alarm)
                clocks_change = True
                if not life.was_answered:
                    wait_us = time_us - life.waiting_since_us
                    life.waited_us += wait_us
                    amount = put(amounts, amount, _F_WAIT, cohort, arrival_us, wait_us)
                    long_ = put(longest, long_, 0, cohort, arrival_us, life.waited_us)
            if waits and (moves or not waited):
                change = put(changes, change, _IN_QUEUE, as_, row, 1)
                amount = put(amounts, amount, _F_ENTERED, as_, time_us, 1)
                life.waiting_as = as_
                if not waited:
                    life.waiting_since_us = life.announced_us = time_us
                    for clock in (WAIT, ANNOUNCEMENT):
                        start(clock, slot, time_us, period, as_, life, due_us, warn_us, tables)
                    clocks_change = True
            if kind_ == _ANNOUNCED:
                alarm = stop(ANNOUNCEMENT, slot, rank_us, life, due_us, warn_us, raised, alarm)
                life.announced_us = time_us
                start(ANNOUNCEMENT, slot, time_us, period, as_, life, due_us, warn_us, tables)
                clocks_change = True
            if kind_ == _QUEUED and not life.was_queued:
                life.was_queued = True
                amount = put(amounts, amount, _F_QUEUED, cohort, arrival_us, 1)

            # How the attempt to reach a person ended.
            if kind_ == _ANSWERED:
                life.was_answered = True
            outcome_before, outcome = state % _OUTCOMES, after % _OUTCOMES
            if outcome_before != outcome:
                arrival_period = period_at(tables, arrival_us)
                target_us = tables.limits_us[TARGET, arrival_period, cohort]
                for turned, step in ((outcome_before, -1), (outcome, 1)):
                    if turned == _LEFT:
                        amount = put(amounts, amount, _F_LEFT, cohort, arrival_us, step)
                    elif turned == _ANSWERED_OUT:
                        amount = put(amounts, amount, _F_ANSWERED, cohort, arrival_us, step)
                    elif turned == _ABANDONED_OUT:
                        amount = put(amounts, amount, _F_ABANDONED, cohort, arrival_us, step)
                    elif turned == _UNANSWERED:
                        amount = put(amounts, amount, _F_UNANSWERED, cohort, arrival_us, step)
                if outcome == _ANSWERED_OUT:
                    amount = put(amounts, amount, _F_WAIT_ANSWERED, cohort, arrival_us, life.waited_us)
                    sample = put(samples, sample, _WAIT_ANSWERED, cohort, arrival_us, life.waited_us)
                    if life.waited_us <= target_us:
                        amount = put(amounts, amount, _F_TIMELY, cohort, arrival_us, 1)
                elif outcome == _ABANDONED_OUT:
                    if life.waited_us <= target_us:
                        amount = put(amounts, amount, _F_ABANDONED_TIMELY, cohort, arrival_us, 1)
                    if life.waited_us <= tables.limits_us[SHORT, arrival_period, cohort]:
                        amount = put(amounts, amount, _F_SHORT, cohort, arrival_us, 1)

            # With a person.
            with_person, ended = was >= _SERVED and was <= _REWAITING, is_ >= _ABANDONED_PHASE
            if with_person and (ended or kind_ == _ANSWERED):
                change = put(changes, change, _IN_SERVICE, life.served_as, row, -1)
            if with_person and kind_ == _CLOSED:
                amount = put(amounts, amount, _F_HANDLED, life.served_as, time_us, 1)
                amount = put(amounts, amount, _F_HANDLE, life.served_as, time_us, time_us - life.served_since_us)
            if was in (_SERVED, _HELD) and is_ not in (_SERVED, _HELD) and life.agent > 0:
                load = put(loads, load, 0, life.agent, row, -1)
                life.agent = 0
            if kind_ == _ANSWERED:
                change = put(changes, change, _IN_SERVICE, as_, row, 1)
                amount = put(amounts, amount, _F_EVENTS_ANSWERED, as_, time_us, 1)
                if not with_person:
                    life.served_since_us = time_us
                life.served_as, life.agent = as_, agents[row]
                if life.agent > 0:
                    load = put(loads, load, 0, life.agent, row, 1)
            elif kind_ == _ABANDONED:
                amount = put(amounts, amount, _F_EVENTS_ABANDONED, as_, time_us, 1)

            # Turns: one begins with the customer's first unanswered message.
            if kind_ == _CUSTOMER:
                if life.turn_since_us == NEVER_US:
                    life.turn_since_us = time_us
                    if life.replied:
                        start(NEXT_REPLY, slot, time_us, period, as_, life, due_us, warn_us, tables)
                        clocks_change = True
                if life.written_us == NEVER_US:
                    life.written_us = time_us
                    for clock in (FIRST_REPLY, AUTOMATIC_REPLY):
                        start(clock, slot, time_us, period, as_, life, due_us, warn_us, tables)
                    clocks_change = True
            elif kind_ == _REPLY:
                if life.turn_since_us != NEVER_US:
                    amount = put(amounts, amount, _F_RESPONSE_COUNT, as_, time_us, 1)
                    amount = put(amounts, amount, _F_RESPONSE, as_, time_us, time_us - life.turn_since_us)
                    sample = put(samples, sample, _RESPONSE, as_, time_us, time_us - life.turn_since_us)
                    benchmark_us = tables.limits_us[BENCHMARK, period, as_]
                    if benchmark_us < NO_LIMIT_US:
                        amount = put(amounts, amount, _F_BENCHMARK, as_, time_us, benchmark_us)
                        amount = put(
                            amounts, amount, _F_IN_BENCHMARK, as_, time_us, time_us - life.turn_since_us <= benchmark_us
                        )
                if life.written_us != NEVER_US and not life.replied:
                    life.replied = True
                    amount = put(amounts, amount, _F_FIRST_COUNT, as_, time_us, 1)
                    amount = put(amounts, amount, _F_FIRST, as_, time_us, time_us - life.written_us)
                    sample = put(samples, sample, _FIRST_RESPONSE, as_, time_us, time_us - life.written_us)
            if kind_ == _REPLY or ended:
                alarm = stop(NEXT_REPLY, slot, rank_us, life, due_us, warn_us, raised, alarm)
                life.turn_since_us = NEVER_US
                clocks_change = True
            if life.written_us != NEVER_US and not life.any_reply and (ended or kind_ in _REPLIES):
                life.any_reply = True
                for clock in (FIRST_REPLY, AUTOMATIC_REPLY):
                    alarm = stop(clock, slot, rank_us, life, due_us, warn_us, raised, alarm)
                clocks_change = True
            if life.asked_us == NEVER_US and life.written_us != NEVER_US and is_ >= _WAITING and not ended:
                life.asked_us = time_us
                if not life.reply_stopped:
                    start(FIRST_HUMAN_REPLY, slot, time_us, period, as_, life, due_us, warn_us, tables)
                    clocks_change = True
            if (life.replied or ended) and not life.reply_stopped:
                life.reply_stopped = True
                alarm = stop(FIRST_HUMAN_REPLY, slot, rank_us, life, due_us, warn_us, raised, alarm)
                clocks_change = True
            if kind_ == _TRANSFERRED:
                life.transfers = min(life.transfers + 1, _OFTEN)
                if life.transfers == tables.limits_us[TRANSFERS, period, as_]:
                    amount, alarm = breach(
                        TRANSFERS, slot, time_us, as_, arrival_us, agent, rank_us, amounts, amount, raised, alarm,
                    )  # fmt: skip
            elif kind_ == _CLOSED and numbers[row] == 0:
                life.unresolved = min(life.unresolved + 1, _OFTEN)
                if life.unresolved == tables.limits_us[UNRESOLVED, period, as_]:
                    amount, alarm = breach(
                        UNRESOLVED, slot, time_us, as_, arrival_us, agent, rank_us, amounts, amount, raised, alarm,
                    )  # fmt: skip
            if kind_ == _PENDING:
                pause(slot, time_us, as_, life, due_us, tables)
                clocks_change = True
            elif kind_ == _UNPENDING:
                resume(slot, time_us, as_, life, due_us, warn_us, tables)
                clocks_change = True
            if clocks_change:
                soonest_us[slot] = soonest(slot, life, due_us, warn_us)

        afters[row], phases_before[row], phases_after[row] = as_, was, is_
        # What counts by itself, for contacts that are not known any more too.
        if kind_ == _CUSTOMER and numbers[row] >= 0:
            amount = put(amounts, amount, _F_JUDGED, as_, time_us, 1)
            amount = put(amounts, amount, _F_NEGATIVE, as_, time_us, numbers[row])
        if event_field[kind_] >= 0:
            amount = put(amounts, amount, event_field[kind_], as_, time_us, 1)
        elif kind_ == _CLOSED:
            amount = put(amounts, amount, _F_CLOSED, as_, time_us, 1)
            if numbers[row] == 0:
                amount = put(amounts, amount, _F_UNRESOLVED, as_, time_us, 1)
        elif kind_ == _RATED:
            if csats[row] > 0:
                amount = put(amounts, amount, _F_CSAT_COUNT, as_, time_us, 1)
                amount = put(amounts, amount, _F_CSAT_SUM, as_, time_us, csats[row])
                if csats[row] <= 3:
                    amount = put(amounts, amount, _F_RATED_LOW, as_, time_us, 1)
                if csats[row] >= 4:
                    amount = put(amounts, amount, _F_CSAT_GOOD, as_, time_us, 1)
            if npss[row] >= 0:
                amount = put(amounts, amount, _F_NPS_COUNT, as_, time_us, 1)
                if npss[row] >= 9:
                    amount = put(amounts, amount, _F_PROMOTERS, as_, time_us, 1)
                elif npss[row] <= 6:
                    amount = put(amounts, amount, _F_DETRACTORS, as_, time_us, 1)
        row += 1
    cursor[0], cursor[1], cursor[2], cursor[3] = row, amount, sample, long_
    cursor[4], cursor[5], cursor[6] = change, load, alarm
