"""Whether what came out is true.

Owns the comparison of machines with the oracle: bit for bit by what each was given, and on seeds where nothing came too
late also with the true history, undisturbed. Never mends a difference.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tests.engine.running import alarms_told, assert_equal_to_the_oracle, assert_span_equal, counted, windows_of
from tests.reference import Adopt, Advance, Arrival, End, Oracle
from tests.simulation.machine import Machine
from tests.simulation.plan import Plan
from tests.simulation.senders import Line, arrival
from tests.simulation.shards import assert_parts_add_up

__all__ = ["assert_true"]


def assert_true(plan: Plan, machines: Sequence[Machine], history: Sequence[Line], happened: Counter[str]) -> None:
    """Raises AssertionError with the first difference."""
    truths = [_assert_machine(plan, machine) for machine in machines]
    happened["late"] += sum(truth.late for truth in truths)
    happened["dropped"] += sum(truth.dropped for truth in truths)
    happened["duplicates"] += sum(truth.duplicates for truth in truths)
    happened["illegal"] += sum(sum(truth.illegal.values()) for truth in truths)
    happened["warnings"] += sum(raised.step == "warned" for truth in truths for raised in truth.raised)
    happened["repeat contacts"] += sum(raised.commitment == "repeats" for truth in truths for raised in truth.raised)
    happened["breaches"] += sum(raised.step == "broken" for truth in truths for raised in truth.raised)
    happened["rejected"] += sum(sum(machine.ledger.refused.values()) for machine in machines)
    taken = (line for machine in machines for entry in machine.ledger.entries for line in entry.taken)
    arrived, sent = ({(line.data, line.time_us) for line in lines} for lines in (taken, history))
    adopted = [happening for truth in truths for happening in truth.adopted]
    if (
        arrived == sent
        and not any(truth.late or truth.dropped for truth in truths)
        and (len(machines) == 1 or not adopted)
    ):
        happened["calm"] += 1
        happened["calm under several policies"] += bool(adopted)
        _assert_undisturbed(plan, machines, history, adopted)


def _assert_machine(plan: Plan, machine: Machine) -> Oracle:
    engine, ledger = machine.keeper.engine, machine.ledger
    engine.verify()
    truth = Oracle(plan.rules).take(ledger.script())
    found, wanted = counted(engine), counted(truth)
    assert found == wanted, f"counted {found}, not {wanted}"
    assert_equal_to_the_oracle(engine, truth, *plan.window)
    assert not any(engine.counters.rejected.values()), f"the engine counted rejects: {engine.counters.rejected}"
    totals = machine.journal.reject_totals()
    assert totals == dict(ledger.refused), f"the journal counted rejects {totals}, not {dict(ledger.refused)}"
    return truth


def _assert_undisturbed(
    plan: Plan, machines: Sequence[Machine], history: Sequence[Line], adopted: Sequence[tuple[int, Adopt]]
) -> None:
    """As if each event had come at its instant, once, from one source, and each policy at the instant that time had reached."""
    floor_us = max(machine.ledger.floor_us for machine in machines)
    rules = replace(plan.rules, bound_us=0)
    script: list[Arrival | Advance | End | Adopt] = []
    events = [arrival("", line) for line in history]
    for at_us, policy in adopted:
        before = [event for event in events if event.time_us < at_us]
        script += [*before, Advance(at_us), policy]
        events = events[len(before) :]
    truth = Oracle(rules).take([*script, *events, Advance(floor_us)])
    wanted = alarms_told(truth)
    found = sorted(alarm for machine in machines for alarm in machine.keeper.engine.alarms.waiting)
    assert found == wanted, f"alarms: {set(found) ^ set(wanted)}"
    if len(machines) > 1:
        assert_parts_add_up([machine.keeper.engine for machine in machines], truth, *plan.window)
        return
    engine = machines[0].keeper.engine
    assert engine.counters.illegal == truth.illegal, f"illegal: {engine.counters.illegal}, not {truth.illegal}"
    for start_us, end_us in windows_of(engine, *plan.window):
        for rollup in engine.tallies.rollups:
            assert_span_equal(engine, truth, rollup, start_us, end_us)
