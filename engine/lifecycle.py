"""The contact's life as a table: which event is legal in which phase, where it leads, and what became of the contact.

Everything the engine knows about legality stands in `_STEPS`; nothing else decides it. A contact's *phase* is where it is
now; its *outcome* is how its first wait or attempt ended, which is what the by-arrival figures count.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from engine.events import KINDS, kind

__all__ = [
    "ILLEGAL", "LEGAL", "OUT_OF_ORDER", "PRECEDENCE", "REASONS", "STATE_COUNT", "TRANSITIONS", "Outcome", "Phase", "phases",
]  # fmt: skip


class Phase(IntEnum):
    """Where a contact is."""

    UNKNOWN = 0
    OPEN = 1  # Neither waiting for a person nor with one: with a bot, or after leaving a queue.
    WAITING = 2
    SERVED = 3
    HELD = 4
    HANDED = 5  # Transferred, and neither waiting nor answered again.
    REWAITING = 6  # Waiting again after an earlier answer.
    ABANDONED = 7
    CLOSED = 8


class Outcome(IntEnum):
    """How a contact's attempt to reach a person ended."""

    NONE = 0
    LEFT = 1
    ANSWERED = 2
    ABANDONED = 3
    UNANSWERED = 4  # Closed, without a wait that ended and without an answer.


_OUTCOMES = len(Outcome)
STATE_COUNT = len(Phase) * _OUTCOMES

_P, _O = Phase, Outcome
_LIVE = (_P.OPEN, _P.WAITING, _P.SERVED, _P.HELD, _P.HANDED, _P.REWAITING)
_STAY = {phase: phase for phase in _LIVE}
_SPEAK = {_P.UNKNOWN: _P.OPEN, **_STAY}

#: Event -> phase before -> phase after. What is not here is illegal, counted, and changes nothing.
_STEPS: dict[str, dict[Phase, Phase]] = {
    "contact.opened": {_P.UNKNOWN: _P.OPEN},
    # Queued while waiting: the wait goes on in another queue.
    "contact.queued": {_P.UNKNOWN: _P.WAITING, _P.OPEN: _P.WAITING, _P.WAITING: _P.WAITING,
                       _P.SERVED: _P.REWAITING, _P.HELD: _P.REWAITING, _P.HANDED: _P.REWAITING,
                       _P.REWAITING: _P.REWAITING},
    "contact.announced": {_P.WAITING: _P.WAITING, _P.REWAITING: _P.REWAITING},
    "contact.answered": {_P.UNKNOWN: _P.SERVED, _P.OPEN: _P.SERVED, _P.WAITING: _P.SERVED, _P.HANDED: _P.SERVED,
                         _P.REWAITING: _P.SERVED},
    "contact.abandoned": {_P.UNKNOWN: _P.ABANDONED, _P.OPEN: _P.ABANDONED, _P.WAITING: _P.ABANDONED,
                          _P.HANDED: _P.ABANDONED, _P.REWAITING: _P.ABANDONED},
    "contact.left_queue": {_P.WAITING: _P.OPEN, _P.REWAITING: _P.HANDED},
    "contact.transferred": {_P.UNKNOWN: _P.OPEN, **_STAY, _P.SERVED: _P.HANDED, _P.HELD: _P.HANDED},
    "contact.held": {_P.SERVED: _P.HELD},
    "contact.resumed": {_P.HELD: _P.SERVED},
    "contact.closed": {**dict.fromkeys(_LIVE, _P.CLOSED), _P.ABANDONED: _P.CLOSED},
    "contact.reopened": {_P.UNKNOWN: _P.OPEN, _P.ABANDONED: _P.OPEN, _P.CLOSED: _P.OPEN},
    "contact.pending": _STAY,
    "contact.unpending": _STAY,
    "message.customer": _SPEAK,
    "message.agent": _SPEAK,
    "message.automatic": _SPEAK,
    "message.bot": _SPEAK,
    "contact.invited": {phase: phase for phase in Phase},
    "contact.rated": {phase: phase for phase in Phase},
}  # fmt: skip

#: Why an event is illegal, by the phase it met; where the phase alone does not say it, by the event.
_ILLEGAL_PHASE = {
    _P.UNKNOWN: "unknown_contact", _P.ABANDONED: "already_abandoned", _P.CLOSED: "already_closed",
}  # fmt: skip
_ILLEGAL_EVENT = {
    "contact.opened": "already_open", "contact.answered": "already_answered", "contact.abandoned": "already_answered",
    "contact.left_queue": "not_waiting", "contact.announced": "not_waiting", "contact.held": "not_in_service",
    "contact.resumed": "not_held", "contact.reopened": "not_closed",
}  # fmt: skip

LEGAL = 0
#: Index into `REASONS` of a late event that comes before what its contact has already been through.
OUT_OF_ORDER = 1
REASONS = ("", "out_of_order", *sorted({*_ILLEGAL_PHASE.values(), *_ILLEGAL_EVENT.values()}))

#: At one instant, a contact's events are taken in this order, whatever the order they came in.
_PRECEDENCE = (
    "contact.opened", "contact.reopened", "contact.transferred", "contact.left_queue", "message.customer",
    "message.bot", "message.automatic", "contact.queued", "contact.announced", "contact.answered", "message.agent",
    "contact.resumed", "contact.held", "contact.unpending", "contact.pending", "contact.abandoned", "contact.closed",
    "contact.invited", "contact.rated",
)  # fmt: skip
#: By kind: its place in that order, from 1; other kinds come last.
PRECEDENCE = np.full(len(KINDS), len(_PRECEDENCE) + 1, np.int64)
PRECEDENCE[[kind(name) for name in _PRECEDENCE]] = range(1, len(_PRECEDENCE) + 1)


def _outcome(event: str, before: Phase, outcome: Outcome) -> Outcome:
    """The outcome after a legal event. An answer or an abandonment is final; leaving a queue is not."""
    if outcome in (_O.ANSWERED, _O.ABANDONED):
        return outcome
    if event == "contact.answered":
        return _O.ANSWERED
    if event == "contact.abandoned":
        return _O.ABANDONED
    if before == _P.WAITING and event in ("contact.left_queue", "contact.closed"):
        return _O.LEFT
    if event == "contact.closed" and outcome == _O.NONE:
        return _O.UNANSWERED
    if event == "contact.reopened" and outcome == _O.UNANSWERED:
        return _O.NONE
    return outcome


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """State after and reason, both by kind and state; a state is phase x 5 + outcome. Kinds without a row change nothing."""
    states = np.arange(STATE_COUNT, dtype=np.uint8)
    after = np.tile(states, (len(KINDS), 1))
    reasons = np.zeros((len(KINDS), STATE_COUNT), np.uint8)
    for event, steps in _STEPS.items():
        for phase in Phase:
            for outcome in Outcome:
                state = phase * _OUTCOMES + outcome
                if phase in steps:
                    after[kind(event), state] = steps[phase] * _OUTCOMES + _outcome(event, phase, outcome)
                else:
                    reasons[kind(event), state] = REASONS.index(_ILLEGAL_PHASE.get(phase) or _ILLEGAL_EVENT[event])
    return after, reasons


TRANSITIONS, ILLEGAL = _tables()


def phases(states: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The phase in each state."""
    return states // np.uint8(_OUTCOMES)
