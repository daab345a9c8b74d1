"""Deliberate faults, each planted alone in a copy of the tree, and the test that must fail for it.

Owns the table of faults and the command `python -m tests.mutations [name …]`, which plants them one after the other and says
for each `caught` or `SURVIVED`; `--table` prints the table of tests/README.md. Never touches the tree it is started from.

Law: a fault counts as caught only when its test passes without it and fails with it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FAULTS", "ROOT", "Fault", "planted", "table"]

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("engine", "streams", "dashboards", "alerts", "benchmarks", "tests", "pyproject.toml")
#: Past this a test is taken to hang, which is no proof of anything.
TEST_S_MAX = 240
#: A failing property need not be made small here. Appended to the copy's own settings of hypothesis.
UNSHRUNK = """
from hypothesis import Phase
settings.register_profile("unshrunk", settings.get_profile("engine"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("unshrunk")
"""

ORACLE = (
    "tests/engine/test_oracle.py::test_illegal_late_and_doubled_events_from_several_sources_give_the_oracles_figures"
)
RESTORED = "tests/engine/test_properties.py::test_who_stopped_and_was_restored_goes_on_as_if_never_stopped"
CUT = "tests/engine/test_properties.py::test_no_cutting_of_a_stream_changes_any_figure"


@dataclass(frozen=True)
class Fault:
    """In `file` the text `old`, which stands there once, becomes `new`; `test` is the node id of the test that fails then."""

    name: str
    file: str
    old: str
    new: str
    test: str


def _test(file: str, name: str) -> str:
    return f"tests/{file}.py::test_{name}"


FAULTS: tuple[Fault, ...] = (
    # Time and order.
    Fault(
        "window end off by one",
        "engine/windows.py",
        "high = np.searchsorted(rollup.keys, end_panes << _GROUP_BITS)",
        "high = np.searchsorted(rollup.keys, (end_panes + 1) << _GROUP_BITS)",
        _test("engine/test_service_level", "an_offer_at_7_28_answered_at_7_32_counts_where_it_arrived_and_where_it_happened"),
    ),
    Fault(
        "last window of a short day too long",
        "engine/windows.py",
        "ends = np.minimum(ends, np.append(starts[1:], midnight))",
        "pass",
        _test("engine/test_windows", "the_last_window_before_midnight_is_shorter_where_the_day_is"),
    ),
    Fault(
        "watermark per batch",
        "engine/watermark.py",
        "return reached[:-1], reached[1:]",
        "return np.full(len(times_us), reached[0]), reached[1:]",
        CUT,
    ),
    Fault(
        "late at the bound itself",
        "engine/watermark.py",
        "late = times_us < met_us\n",
        "late = times_us <= met_us\n",
        ORACLE,
    ),
    Fault(
        "dropped at the edge of the allowed lateness",
        "engine/watermark.py",
        "times_us < met_us - self.lateness_us",
        "times_us <= met_us - self.lateness_us",
        ORACLE,
    ),
    Fault(
        "released at the watermark instead of before it",
        "engine/watermark.py",
        "ready = (rows.ranks_us < watermark_us)",
        "ready = (rows.ranks_us <= watermark_us)",
        _test("engine/test_mutants", "what_happens_at_the_watermark_itself_waits_until_the_instant_is_over"),
    ),
    Fault(
        "tie rule swapped",
        "engine/lifecycle.py",
        '"contact.queued", "contact.announced", "contact.answered", "message.agent",',
        '"contact.answered", "contact.queued", "contact.announced", "message.agent",',
        _test("engine/test_levels", "a_wait_of_no_length_is_a_wait_but_never_stood_in_the_queue"),
    ),
    # What counts once.
    Fault(
        "duplicate counted",
        "engine/pipeline.py",
        "kept = ~(repeated | dropped | refused)",
        "kept = ~(dropped | refused)",
        _test("engine/test_limits", "an_event_repeated_by_a_slower_source_is_recognised"),
    ),
    Fault(
        "late event applied twice",
        "engine/pipeline.py",
        "self.order.hold(rows)\n",
        "self.order.hold(rows)\n        self.order.hold(rows[rows.lates])\n",
        ORACLE,
    ),
    Fault(
        "deduplication horizon too short",
        "engine/pipeline.py",
        "Identities(settings.disorder_bound_us + settings.allowed_lateness_us,",
        "Identities(settings.disorder_bound_us,",
        _test("engine/test_properties", "repeated_events_change_nothing_but_their_count"),
    ),
    Fault(
        "ids of earlier generations not looked up",
        "engine/identities.py",
        "known |= keys.has(ids)",
        "known |= False",
        _test("engine/test_mutants", "an_event_repeated_in_the_next_generation_of_ids_is_recognised"),
    ),
    # Contacts.
    Fault(
        "clock due a microsecond early",
        "engine/calendars.py",
        "return start_us + budget_us",
        "return start_us + budget_us - 1",
        _test("engine/test_levels", "a_limit_that_is_met_to_the_microsecond_is_kept"),
    ),
    Fault(
        "running clock keeps its limit when the contact moves",
        "engine/lives.py",
        "if as_ != as_before and not arrives:",
        "if False:",
        _test("engine/test_clocks", "a_running_clock_moves_to_the_limit_that_holds_now"),
    ),
    Fault(
        "warned of again after a move",
        "engine/clocks.py",
        "life.warned |= np.uint8(1 << clock)",
        "life.warned |= np.uint8(0)",
        _test("engine/test_clocks", "nobody_is_warned_twice_of_one_clock_because_it_moved"),
    ),
    Fault(
        "announcement due once only",
        "engine/clocks.py",
        "if clock == ANNOUNCEMENT:",
        "if clock == -1:",
        _test("engine/test_clocks", "each_announcement_that_a_waiting_caller_misses_is_a_breach"),
    ),
    Fault(
        "least specific line of a policy holds",
        "engine/policy.py",
        "key=lambda entry: entry.rank, reverse=True)",
        "key=lambda entry: entry.rank)",
        _test("engine/test_policy", "the_line_with_more_conditions_holds"),
    ),
    Fault(
        "working time counted from the opening before",
        "engine/calendars.py",
        "return through[begun - 1] - max(0, closes[begun - 1] - instant_us)",
        "return through[begun - 1]",
        _test("engine/test_calendars", "a_deadline_is_when_the_working_clock_says"),
    ),
    Fault(
        "snapshot without alarms that nobody took",
        "engine/snapshot.py",
        "[_alarm(told) for told in alarms[\"waiting\"]]",
        "[]",
        _test("engine/test_clocks", "alarms_that_nobody_took_outlive_a_restart"),
    ),
    Fault(
        "offered not moved when the combination changes",
        "engine/lives.py",
        "elif as_ != as_before and not life.settled:",
        "elif False:",
        _test("engine/test_levels", "a_contact_counts_by_arrival_for_where_it_first_waited"),
    ),
    Fault(
        "answered counted by event instead of arrival",
        "engine/lives.py",
        "put(amounts, amount, _F_ANSWERED, cohort, arrival_us, step)",
        "put(amounts, amount, _F_ANSWERED, cohort, time_us, step)",
        _test("engine/test_service_level", "an_offer_at_7_28_answered_at_7_32_counts_where_it_arrived_and_where_it_happened"),
    ),
    Fault(
        "service-level target exclusive instead of inclusive",
        "engine/lives.py",
        "if life.waited_us <= target_us:\n                        amount = put(amounts, amount, _F_TIMELY",
        "if life.waited_us < target_us:\n                        amount = put(amounts, amount, _F_TIMELY",
        _test("engine/test_service_level", "a_wait_exactly_as_long_as_the_target_is_in_target"),
    ),
    Fault(
        "waiting after an answer counted as the wait",
        "engine/lives.py",
        "if not life.was_answered:",
        "if True:",
        _test("engine/test_levels", "a_wait_after_an_answer_in_another_life_of_the_contact_is_no_part_of_its_wait"),
    ),
    Fault(
        "canned reply taken for a person's",
        "engine/lives.py",
        "elif kind_ == _REPLY:",
        "elif kind_ == _REPLY or kind_ == len(illegal) - 1:",
        ORACLE,
    ),
    Fault(
        "memory reclaimed too early",
        "engine/contacts.py",
        'self.lives["seen_us"][:count] <= watermark_us - self.linger_us',
        'self.lives["seen_us"][:count] <= watermark_us',
        _test("engine/test_mutants", "a_contact_that_ended_is_remembered_for_the_whole_linger_time"),
    ),
    Fault(
        "agent's contacts stay behind when the agent moves",
        "engine/agents.py",
        "changed = (load_before != load_after) | (moved & (load_after != 0))",
        "changed = load_before != load_after",
        ORACLE,
    ),
    # Tallies.
    Fault(
        "area counted to the pane's start",
        "engine/tallies.py",
        "deltas * ((panes + 1) * self.pane_us - times_us)",
        "deltas * (panes * self.pane_us - times_us)",
        _test("engine/test_windows", "levels_are_carried_into_windows_in_which_nothing_happened"),
    ),
    Fault(
        "arrivals before departures in peaks",
        "engine/tallies.py",
        "settled[:-1] |= lates[:-1] & (sequences[1:] != sequences[:-1])",
        "settled[:] = True",
        _test("engine/test_levels", "at_one_instant_departures_come_before_arrivals"),
    ),
    Fault(
        "levels of forgotten panes lost",
        "engine/tallies.py",
        "np.add.at(self.base, self.keys[:cut]",
        "0 and np.add.at(self.base, self.keys[:cut]",
        _test("engine/test_limits", "panes_past_their_retention_are_forgotten_and_the_others_stay_as_they_are"),
    ),
    # What is owed beside replies.
    Fault(
        "case due under the grade it had",
        "engine/cases.py",
        "            self._rise(case, at_us)\n            self.duties.move(case, at_us)\n        elif",
        "            self._rise(case, at_us)\n        elif",
        _test("engine/test_cases", "limits_that_depend_on_the_grade_move_when_it_rises"),
    ),
    Fault(
        "resolved case still rises",
        "engine/cases.py",
        "        if not case.is_open:\n            return\n        found",
        "        if False:\n            return\n        found",
        _test("engine/test_cases", "an_outage_becomes_major_at_one_hour_with_no_event_at_all"),
    ),
    Fault(
        "progress due once only",
        "engine/cases.py",
        "        elif duty.commitment == _PROGRESS:",
        '        elif duty.commitment == "":',
        _test("engine/test_cases", "each_party_of_a_joint_order_reports_every_two_hours_on_a_clock_of_its_own"),
    ),
    Fault(
        "department that reports progress gets the case",
        "engine/cases.py",
        'told.department is not None and step.kind != "case.progressed"',
        "told.department is not None",
        _test("engine/test_cases", "a_case_is_traced_through_its_departments_with_the_time_each_one_held_it"),
    ),
    Fault(
        "case forgotten while something is owed",
        "engine/cases.py",
        "NEVER if owed else at_us + self.linger_us",
        "at_us + self.linger_us",
        _test("engine/test_cases", "a_case_is_forgotten_some_time_after_nothing_is_owed_for_it_any_more"),
    ),
    Fault(
        "steps of an instant in the order they came",
        "engine/backoffice.py",
        "precedence = np.where(rows.lates, 0, _PRECEDENCE[rows.kinds])",
        "precedence = np.where(rows.lates, 0, 0 * _PRECEDENCE[rows.kinds])",
        _test("engine/test_cases", "at_one_instant_the_steps_of_a_case_are_taken_in_the_order_of_a_life"),
    ),
    Fault(
        "events taken before what was due until then",
        "engine/backoffice.py",
        "            self._reach(rank_us)\n",
        "            rank_us = 0\n",
        _test("engine/test_cases", "an_answer_after_its_time_repairs_nothing"),
    ),
    Fault(
        "warned of a duty again after it moved",
        "engine/duties.py",
        "if duty.warned or duty.warn_us >= duty.due_us:",
        "if duty.warn_us >= duty.due_us:",
        ORACLE,
    ),
    Fault(
        "promise kept at its instant is late",
        "engine/promises.py",
        "if step.time_us <= promise.due_us:",
        "if step.time_us < promise.due_us:",
        _test("engine/test_promises", "a_promise_kept_at_its_instant_is_kept_in_time"),
    ),
    Fault(
        "failed checks counted over one that was passed",
        "engine/quality.py",
        "        if passed:\n            return\n        line",
        "        if passed:\n            self.runs[step.agent] = failed, since_us\n            return\n        line",
        _test("engine/test_quality", "a_check_that_was_passed_begins_the_count_of_failed_ones_anew_and_so_does_the_alarm"),
    ),
    Fault(
        "call back settled by what is illegal",
        "engine/backoffice.py",
        "rows, legal = lived.rows, lived.combinations >= 0",
        "rows, legal = lived.rows, lived.combinations >= -1",
        _test("engine/test_quality", "an_illegal_answer_settles_nothing"),
    ),
    Fault(
        "misses counted as they are found",
        "engine/misses.py",
        "        self.waiting.sort()\n        cut = bisect_left(self.waiting, until_us, key=lambda miss: miss[0])\n",
        "        cut = len(self.waiting)\n",
        _test("engine/test_quality", "misses_count_in_the_order_of_their_instants_however_the_stream_is_cut"),
    ),
    Fault(
        "snapshot without what is owed",
        "engine/backoffice.py",
        "        self.duties.restore(self.debtors())\n",
        "        self.duties.restore(iter(()))\n",
        RESTORED,
    ),
    Fault(
        "what stops a clock ends nothing",
        "engine/clocks.py",
        "    if life.raised >> clock & 1:\n",
        "    if False:\n",
        _test("engine/test_clocks", "what_was_warned_of_or_broken_ends_with_what_stops_its_clock_and_nothing_else_does"),
    ),
    Fault(
        "duty that was missed and began anew ends unsaid",
        "engine/duties.py",
        "if duty.warned or duty.broken or duty.missed:",
        "if duty.warned or duty.broken:",
        _test("engine/test_cases", "a_department_that_missed_its_report_ends_that_with_the_next_one"),
    ),
    # Conditions.
    Fault(
        "conditions not judged at the grid but after the batch",
        "engine/pipeline.py",
        "int(np.searchsorted(ranks_us, instant_us))",
        "len(ranks_us)",
        _test("engine/test_conditions", "a_look_at_an_instant_sees_nothing_of_that_instant"),
    ),
    Fault(
        "deadlines raised only after the look",
        "engine/pipeline.py",
        "                self._due(instant_us)\n",
        "",
        _test("engine/test_conditions", "a_deadline_that_passes_without_an_event_counts_at_the_next_look"),
    ),
    Fault(
        "a window keeps what has fallen out of it",
        "engine/frames.py",
        "self.sums -= fallen",
        "self.sums -= 0 * fallen",
        _test("engine/test_conditions", "ten_of_ten_page_after_exactly_five_minutes_and_end_when_the_window_has_had_no_data_for_its_length"),
    ),
    Fault(
        "clears at the limit whatever is said",
        "engine/conditions.py",
        "return self.limit if self.clear is None else self.clear",
        "return self.limit",
        _test("engine/test_conditions", "it_ends_at_the_first_look_at_which_it_is_clear"),
    ),
    Fault(
        "one of one pages somebody",
        "engine/frames.py",
        "too_few = extras[row, 1] == 1 and totals[2] < extras[row, 2]",
        "too_few = extras[row, 1] > 1",
        _test("engine/test_conditions", "one_of_one_pages_nobody"),
    ),
    Fault(
        "snapshot without what is raised",
        "engine/judges.py",
        "            setattr(self, name, saved[name])\n",
        "            pass\n",
        _test("engine/test_conditions", "what_is_raised_is_shown_with_its_figure_and_a_restart_forgets_none_of_it"),
    ),
    Fault(
        "a gap costs a look at every instant",
        "engine/watch.py",
        "if end_us > self.stirred_us + self.horizons_us[key]:",
        "if frame.end_us is None:",
        _test("engine/test_conditions", "a_gap_of_a_year_costs_a_few_looks_and_hides_none"),
    ),
    Fault(
        "a period that begins wakes conditions that slept until then",
        "engine/watch.py",
        "            self.reach(self.bounds_us[passed - 1])\n",
        "            self.stirred_us = self.bounds_us[passed - 1]\n",
        _test("engine/test_conditions", "a_sale_years_away_costs_a_few_looks_whatever_the_steps"),
    ),
    # Snapshots, each without one thing.
    Fault(
        "snapshot without the contacts' deadlines",
        "engine/snapshot.py",
        "setattr(contacts, name, saved[name])",
        'setattr(contacts, name, saved[name] * 0 + 2**62 if name == "due_us" else saved[name])',
        RESTORED,
    ),
    Fault(
        "snapshot without the contacts' lives",
        "engine/snapshot.py",
        "contacts.lives[name] = values",
        "contacts.lives[name] = values[:0].sum()",
        RESTORED,
    ),
    Fault(
        "snapshot without the rows held back",
        "engine/snapshot.py",
        '[Rows(**order["held"])] if order["held"] else []',
        "[]",
        RESTORED,
    ),
    Fault(
        "snapshot without the ids",
        "engine/snapshot.py",
        'keys.note(saved["keys"], np.zeros(len(saved["keys"]), np.bool_))',
        "assert keys is not None",
        RESTORED,
    ),
    Fault(
        "snapshot without the clock's floor",
        "engine/snapshot.py",
        'engine.order.floor_us, engine.order.forced_count = order["floor_us"], order["forced_count"]',
        'engine.order.forced_count = order["forced_count"]',
        RESTORED,
    ),
    Fault(
        "snapshot without the levels of forgotten panes",
        "engine/snapshot.py",
        '_GROUP_ARRAYS = ("group_of", "totals", "base")',
        '_GROUP_ARRAYS = ("group_of", "totals")',
        _test("engine/test_mutants", "levels_of_forgotten_panes_outlive_a_restart"),
    ),
    # Compiled code.
    Fault(
        "key seen before not told",
        "engine/keys.py",
        "repeated[row] = True",
        "repeated[row] = False",
        _test("engine/test_properties", "repeated_events_change_nothing_but_their_count"),
    ),
    Fault(
        "offset of a time with its sign turned",
        "engine/scanning.py",
        "shift = (hours * 60 + minutes) * (1 if buffer[place] == 43 else -1)",
        "shift = (hours * 60 + minutes) * (-1 if buffer[place] == 43 else 1)",
        _test("engine/test_mutants", "an_offset_east_of_greenwich_is_taken_off_and_one_west_added"),
    ),
    # The journal and what stands on it.
    Fault(
        "replay without the clock of the batches",
        "streams/keeper.py",
        "if batch.clock_us:",
        "if batch.clock_us and False:",
        _test("streams/test_mutants", "what_only_the_clock_made_late_is_late_again_in_the_replay"),
    ),
    Fault(
        "snapshot said to cover a batch more than it does",
        "streams/keeper.py",
        "Snapshot(self.covered, created_us, data)",
        "Snapshot(self.covered + 1, created_us, data)",
        _test("streams/test_embedded", "a_snapshot_and_what_lies_behind_it_make_the_same_as_the_whole_journal"),
    ),
    Fault(
        "clock moves on while a body is on its way",
        "streams/embedded.py",
        "0 if self._begun or self._backlog_batches else",
        "0 if self._backlog_batches else",
        _test("streams/test_embedded", "the_tick_stands_still_while_a_body_is_on_its_way"),
    ),
    Fault(
        "journal pruned up to the newer snapshot",
        "streams/journal.py",
        "last = self._last_unwanted(kept[-1], snapshot.created_us)",
        "last = self._last_unwanted(kept[0], snapshot.created_us)",
        _test("streams/test_journal", "two_snapshots_are_kept_and_the_batches_behind_the_older_one"),
    ),
    Fault(
        "missing batch passed over",
        "streams/journal.py",
        "if not row or row[0][0] != expected:",
        "if not row:",
        _test("streams/test_journal", "two_snapshots_are_kept_and_the_batches_behind_the_older_one"),
    ),
    # The policy that comes while it runs.
    Fault(
        "policy adopted before what was due is raised",
        "engine/pipeline.py",
        "self.settle()\n        self.settings, self.limits",
        "self.settings, self.limits",
        _test("engine/test_adopting", "what_was_due_by_then_is_raised_by_the_old_limits_though_nobody_looked"),
    ),
    Fault(
        "clocks keep their limits when a policy comes",
        "engine/contacts.py",
        "move_all(slots, at_us,",
        "move_all(slots[:0], at_us,",
        _test("engine/test_adopting", "a_longer_limit_puts_off_what_was_near_and_the_warning_is_not_repeated"),
    ),
    Fault(
        "line of a less specific rank found first",
        "engine/matching.py",
        "self._most - best",
        "best - 1",
        _test("engine/test_matching", "many_are_found_as_each_one_is"),
    ),
    Fault(
        "snapshot restored under the newest policy",
        "streams/keeper.py",
        "self.journal.policy_at(sequence)",
        "self.journal.policy_at(self.journal.sequence)",
        _test("streams/test_keeper_policies", "a_replay_from_any_snapshot_has_each_batch_under_its_own_policy"),
    ),
    Fault(
        "policy that an older snapshot needs dropped",
        "streams/journal.py",
        "(SELECT max(sequence) FROM policies WHERE sequence <= ?)",
        "(SELECT max(sequence) FROM policies WHERE sequence >= ?)",
        _test("streams/test_journal_policies", "policies_that_no_kept_snapshot_can_need_are_dropped"),
    ),
    Fault(
        "sent policy gives way to an unchanged file",
        "streams/policy/standing.py",
        "if file.digest != kept.file_digest:",
        "if file.digest != in_force.digest:",
        _test("streams/test_reloading", "a_policy_that_was_sent_stands_until_the_file_changes_and_across_a_restart"),
    ),
    Fault(
        "link out of the policy's folder followed",
        "streams/policy/files.py",
        "if not path.resolve().is_relative_to(folder.resolve()):",
        "if not path.is_relative_to(folder):",
        _test("streams/test_policy_including", "a_link_may_lead_within_the_folder_and_not_out_of_it"),
    ),
    Fault(
        "repeats known for ever",
        "engine/repeats.py",
        "if ranks_us[row] - last_us[place] <= WITHIN_US else 1",
        "if ranks_us[row] - last_us[place] >= 0 else 1",
        _test("engine/test_repeats", "a_day_later_it_is_another_problem"),
    ),
    Fault(
        "repeats not told from each other by the tenant",
        "engine/repeats.py",
        'key_of(f"{said[_TENANT]}\\0{said[_CATEGORY]}", PUBLIC)',
        "key_of(said[_CATEGORY], PUBLIC)",
        _test("engine/test_repeats", "another_shop_or_another_problem_is_no_repeat_nor_is_an_unknown_customer_or_problem"),
    ),
    Fault(
        "transfers counted across lives",
        "engine/lives.py",
        "                life.transfers = life.unresolved = 0\n",
        "",
        _test("engine/test_repeats", "a_contact_handed_on_three_times_is_raised_with_who_handed_it_on"),
    ),
    Fault(
        "automatic reply due within the hours",
        "engine/clocks.py",
        "            if worked(number, since_us, since_us + 1, tables.opens, tables.closes, tables.through, tables.spans):\n                return\n",
        "",
        _test("engine/test_clocks", "who_writes_outside_of_the_hours_is_owed_an_automatic_reply_at_once"),
    ),
    Fault(
        "message text stored",
        "streams/intake.py",
        "        self._words.judged(event)\n        for name in event.keys() - _FIELDS:\n            del event[name]\n",
        "",
        _test("streams/test_gateway", "texts_are_gone_and_customers_are_pseudonyms_before_anything_is_stored"),
    ),
)  # fmt: skip


def planted(fault: Fault) -> str:
    """The faulty source. Raises ValueError unless the old text stands in the file exactly once."""
    source = (ROOT / fault.file).read_text(encoding="utf-8")
    if source.count(fault.old) != 1:
        raise ValueError(
            f"{fault.file} holds the text of {fault.name!r} {source.count(fault.old)} times; it must be once."
        )
    return source.replace(fault.old, fault.new)


def table() -> str:
    """The faults as the table of tests/README.md."""
    rows = [f"| {fault.name} | `{fault.file}` | `{fault.test.removeprefix('tests/')}` |" for fault in FAULTS]
    return "\n".join(("| fault | planted in | caught by |", "|---|---|---|", *rows))


def main(names: Sequence[str]) -> int:
    """Plants the faults of these names, all when there are none; returns 1 when one survived, 2 for an unknown name."""
    unknown = set(names) - {fault.name for fault in FAULTS}
    if unknown:
        print(f"There is no fault {min(unknown)!r}; --table lists them.", file=sys.stderr)
        return 2
    faults = [fault for fault in FAULTS if not names or fault.name in names]
    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(Path(folder))
        code, said = _run(copy, sorted({fault.test for fault in faults}), Path(folder, "compiled"))
        if code:
            print(f"Without any fault these tests do not pass:\n{said}", file=sys.stderr)
            return 1
        verdicts = [_try(fault, copy, number, len(faults)) for number, fault in enumerate(faults, 1)]
    print(f"{sum(verdicts)} of {len(faults)} caught")
    return 0 if all(verdicts) else 1


def _copied(folder: Path) -> Path:
    copy = folder / "tree"
    copy.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, copy)
    with (copy / "tests/engine/conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(UNSHRUNK)
    return copy


def _try(fault: Fault, copy: Path, number: int, count: int) -> bool:
    began = time.monotonic()
    path = copy / fault.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(planted(fault), encoding="utf-8")
    try:
        code, said = _run(copy, [fault.test], copy.parent / "compiled")
    finally:
        path.write_text(whole, encoding="utf-8")
    verdict = {0: "SURVIVED", 1: "caught"}.get(code, f"UNDECIDED (pytest ended with {code})\n{said}")
    print(f"{number:3}/{count}  {time.monotonic() - began:5.1f} s  {verdict:8}  {fault.name}", flush=True)
    return code == 1


def _run(copy: Path, tests: Sequence[str], compiled: Path) -> tuple[int, str]:
    """Pytest's exit code (124 when it did not end in time) and its last words."""
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(compiled),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(copy),
    }
    command = [sys.executable, "-m", "pytest", "-x", "--tb=line", *tests]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=TEST_S_MAX)
    except subprocess.TimeoutExpired:
        return 124, ""
    return done.returncode, (done.stdout + done.stderr)[-2_000:]


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        print(table())
    else:
        sys.exit(main(sys.argv[1:]))
