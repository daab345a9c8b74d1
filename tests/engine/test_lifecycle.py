"""The contact's life: each step that the table allows leads where it says, and each other has its reason and changes nothing."""

import pytest

from engine.events import CONTACT_TYPES, kind
from engine.lifecycle import ILLEGAL, LEGAL, PRECEDENCE, REASONS, TRANSITIONS, Phase, phases
from engine.pipeline import Engine
from tests import reference
from tests.engine.events import at, engine_of
from tests.reference import Arrival

#: One way into each phase; all of it at earlier instants than the event that is tried.
_WAYS: dict[Phase, tuple[str, ...]] = {
    Phase.UNKNOWN: (),
    Phase.OPEN: ("contact.opened",),
    Phase.WAITING: ("contact.queued",),
    Phase.SERVED: ("contact.answered",),
    Phase.HELD: ("contact.answered", "contact.held"),
    Phase.HANDED: ("contact.answered", "contact.transferred"),
    Phase.REWAITING: ("contact.answered", "contact.queued"),
    Phase.ABANDONED: ("contact.abandoned",),
    Phase.CLOSED: ("contact.opened", "contact.closed"),
}
_TRIED = (*CONTACT_TYPES, "message.automatic")


def _lived(phase: Phase) -> list[Arrival]:
    return [at(f"8:00:{number:02}", name, "c") for number, name in enumerate(_WAYS[phase])]


def _tried(name: str) -> Arrival:
    if name == "message.automatic":
        return at("8:01", "message.agent", "c", automatic=True)
    return at("8:01", name, "c")


def _phase_of(engine: Engine) -> Phase:
    return Phase(int(phases(engine.contacts.states[:1])[0]))


@pytest.mark.parametrize("phase", Phase, ids=[phase.name for phase in Phase])
def test_each_event_leads_where_the_oracle_says_or_is_illegal_for_its_reason(phase: Phase):
    for name in _TRIED:
        engine = engine_of(*_lived(phase), _tried(name))
        after = reference._next_phase(name, phase.name.lower())
        if after is None:
            reason = reference._why_illegal(name, phase.name.lower())
            assert (engine.counters.illegal, _phase_of(engine)) == ({reason: 1}, phase), name
        else:
            assert (engine.counters.illegal, _phase_of(engine).name.lower()) == ({}, after), name


def test_every_illegal_step_has_a_named_reason_and_stays_where_it_is():
    for code, row in enumerate(ILLEGAL):
        for state, reason in enumerate(row.tolist()):
            assert reason == LEGAL or (REASONS[reason] and TRANSITIONS[code, state] == state)


def test_each_kind_of_a_contacts_events_has_its_own_place_at_one_instant():
    order = sorted(_TRIED, key=lambda name: int(PRECEDENCE[kind(name)]))
    assert tuple(order) == reference.ORDER_AT_ONE_INSTANT[: len(order)]


def test_a_contact_never_answers_twice():
    engine = engine_of(
        at("8:00", "contact.queued", "c"), at("8:01", "contact.answered", "c", agent="ann"),
        at("8:02", "contact.answered", "c", agent="bo"),
    )  # fmt: skip
    assert engine.counters.illegal == {"already_answered": 1}


def test_an_illegal_event_does_not_make_a_later_one_come_too_late():
    #  8:00 closed | 8:10 an answer to the closed, illegal | then, late, a rating of 8:05
    engine = engine_of(
        at("8:00", "contact.opened", "c"), at("8:00", "contact.closed", "c"), at("8:10", "contact.answered", "c"),
        at("8:12", "contact.opened", "d"),
        at("8:05", "contact.rated", "c", csat=5),
    )  # fmt: skip
    assert engine.counters.illegal == {"already_closed": 1}
    assert engine.counters.late == 1


def test_a_late_event_from_before_what_its_contact_has_been_through_is_out_of_order():
    engine = engine_of(
        at("8:00", "contact.opened", "c"), at("8:10", "contact.queued", "c"), at("8:12", "contact.opened", "d"),
        at("8:05", "message.customer", "c"),
    )  # fmt: skip
    assert engine.counters.illegal == {"out_of_order": 1}


def test_a_contact_that_ended_longer_ago_than_the_linger_time_begins_anew():
    day_later = at("8:00", "contact.queued", "c")
    engine = engine_of(
        at("8:00", "contact.queued", "c"), at("8:01", "contact.abandoned", "c"),
        Arrival("s", day_later.time_us + 86_400_000_000 + 60_000_000, day_later.event),
    )  # fmt: skip
    assert engine.counters.illegal == {}
    assert engine.tallies.rollups[0].totals[0, 0] == 2
