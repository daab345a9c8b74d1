"""Real calls through the real command: the figures equal those that somebody else computed, however the files come.

Four days of the calls are always here. Where the whole month lies beside the checkout, it is one more case of the same tests.
"""

import csv
import gzip
import json
import os
import pty
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.bank import FIXTURES, REFERENCE_COLUMNS, misdated, moved, repaired
from tests.streams.replaying import FLOORWATCH, Outcome, Row, replay, replay_command

DAYS = FIXTURES / "bank_days.jsonl.gz"
MONTH = Path(__file__).parents[3] / "shared/data/bank_january_1999.jsonl.gz"
HOUR = timedelta(hours=1)

Key = tuple[datetime, str]


@dataclass(frozen=True)
class Calls:
    """Recorded calls, the reference tables by window and dimensions, and how many waits only the reference knows of."""

    name: str
    events: Path
    tables: dict[tuple[str, str], Path]
    waits_missing: int = 0


CALLS = [
    Calls(
        "four days",
        DAYS,
        {("30m", ""): FIXTURES / "bank_days_30min.csv", ("60m", "queue"): FIXTURES / "bank_days_60min_by_queue.csv"},
    )
]
if MONTH.exists():
    windows = str(MONTH).replace(".jsonl.gz", "_windows_{}.csv.gz")
    tables = {("30m", ""): Path(windows.format("30min")), ("60m", "queue"): Path(windows.format("60min_by_queue"))}
    CALLS.append(Calls("the month", MONTH, tables, waits_missing=21))
MONTHS = [calls for calls in CALLS if calls.events == MONTH]
TABLES = [(calls, *key) for calls in CALLS for key in calls.tables]


def events_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The calls as they should be dated, by name: the fixture was repaired when it was made, the month is here."""
    paths = {"four days": DAYS}
    for calls in MONTHS:
        paths[calls.name] = tmp_path_factory.mktemp("month") / "repaired.jsonl"
        paths[calls.name].write_text("".join(json.dumps(event) + "\n" for event in repaired(events_of(calls.events))))
    return paths


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The four days, from one file, as the command's own settings have it."""
    return replay_command(tmp_path_factory.mktemp("whole"), DAYS)


def instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def expected(path: Path) -> dict[Key, Row]:
    """The reference's windows with arrivals, under the report's names."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        rows = [
            {ours: row[ours] if ours in row else row[theirs] for ours, theirs in REFERENCE_COLUMNS.items()}
            | {"window_start": row["window_start"], "queue": row.get("queue", row.get("type", ""))}
            for row in csv.DictReader(file)
        ]
    return {(instant(row["window_start"]), row["queue"]): row for row in rows if int(row["offered"])}


def differing(rows: list[Row], table: Path) -> Iterator[tuple[Key, str, float, float]]:
    """Window, column, ours and theirs, wherever the two are not equal; a window of one alone differs in all of its cells."""
    ours = {(instant(row["window_start"]), row.get("queue", "")): row for row in rows if row["offered"] != "0"}
    theirs = expected(table)
    for key in ours.keys() | theirs.keys():
        for column in REFERENCE_COLUMNS:
            a, b = (float(known.get(key, {}).get(column) or 0) for known in (ours, theirs))
            if abs(a - b) > 1e-6:
                yield key, column, a, b


def untimed(summary: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in summary.items() if name not in ("wall_clock_seconds", "events_per_second")}


@pytest.mark.parametrize(("calls", "window", "by"), TABLES, ids=lambda value: getattr(value, "name", value))
def test_every_cell_of_every_window_equals_the_reference(
    calls: Calls, window: str, by: str, dated: dict[str, Path], tmp_path: Path
) -> None:
    got = replay_command(tmp_path, dated[calls.name], "--window", window, "--by", by, "--zone", "UTC")
    assert (got.code, got.summary["rejected"], got.summary["illegal"]) == (0, {}, {})
    assert got.summary["duplicates"] == got.summary["late"] == got.summary["dropped"] == 0
    differences = list(differing(got.rows, calls.tables[window, by]))
    # What remains is callers who hung up as they were queued: the events do not tell that they were.
    assert {column for _, column, _, _ in differences} <= {"queued"}
    assert all(theirs > ours for _, _, ours, theirs in differences)
    assert sum(theirs - ours for _, _, ours, theirs in differences) == calls.waits_missing
    assert len(got.rows) >= len(expected(calls.tables[window, by]))


@pytest.mark.parametrize("by", ["", "queue"])
def test_the_summary_is_the_sum_of_the_windows(by: str, tmp_path: Path) -> None:
    got = replay(tmp_path, DAYS, "--by", by)
    for column in ("offered", "queued", "answered", "abandoned", "left_queue", "open", "wait_sum_s", "handled"):
        assert sum(float(row[column]) for row in got.rows) == got.summary[column], column
    assert max(float(row["wait_max_s"] or 0) for row in got.rows) == got.summary["wait_max_s"]


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: calls.name)
def test_the_totals_are_those_of_the_reference(calls: Calls, tmp_path: Path) -> None:
    got = replay(tmp_path, calls.events, "--zone", "UTC").summary
    total = (got["offered"], got["answered"], got["abandoned"], got["queued"], got["open"], got["left_queue"])
    waits = (got["wait_answered_sum_s"], got["wait_max_s"], got["queue_depth_max"])
    percentiles = [got[f"wait_answered_{name}_s"] for name in ("p50", "p90", "p95")]
    if calls.events == MONTH:
        assert total == (31_359, 27_060, 4_299, 16_686 - calls.waits_missing, 0, 0)
        assert waits == (947_857, 1_500, 18)
        assert abs(got["queue_depth_mean"] - 0.424194) <= 5e-7
        assert near(percentiles, [3, 111, 157])
    else:
        rows = list(expected(calls.tables["30m", ""]).values())
        names = ("offered", "answered", "abandoned", "queued")
        assert total == (*(sum(int(row[name]) for row in rows) for name in names), 0, 0)
        longest, deepest = (max(float(row[name]) for row in rows) for name in ("wait_max_s", "queue_depth_max"))
        assert waits == (sum(float(row["wait_answered_sum_s"]) for row in rows), longest, deepest)
        assert near(percentiles, exact_percentiles(events_of(calls.events)))


def near(found: list[float], wanted: list[float]) -> bool:
    """Within the error that the report allows itself: 2 % or half a second, whichever is larger."""
    return all(abs(a - b) <= max(0.5, 0.02 * b) for a, b in zip(found, wanted, strict=True))


def exact_percentiles(events: list[dict[str, Any]]) -> list[float]:
    """Of the waits of the answered, by rank, from all of them sorted."""
    queued = {event["contact"]: instant(event["time"]) for event in events if event["type"] == "contact.queued"}
    answered = {event["contact"]: instant(event["time"]) for event in events if event["type"] == "contact.answered"}
    waits = sorted((end - queued.get(contact, end)).total_seconds() for contact, end in answered.items())
    return [waits[-(-len(waits) * share // 100) - 1] for share in (50, 90, 95)]


@pytest.mark.parametrize(
    ("calls", "window", "by"),
    [case for case in TABLES if case[0] in MONTHS] or [TABLES[0]],
    ids=lambda value: getattr(value, "name", value),
)
def test_as_delivered_only_windows_that_a_misdated_call_touches_differ(
    calls: Calls, window: str, by: str, tmp_path: Path
) -> None:
    got = replay(tmp_path, calls.events, "--window", window, "--by", by, "--zone", "UTC")
    differences = list(differing(got.rows, calls.tables[window, by]))
    events = events_of(calls.events)
    wrong = misdated(events)
    assert len(wrong) == (32 if calls in MONTHS else 0)
    size = timedelta(minutes=int(window.removesuffix("m")))
    touched = set(windows_touched([event for event in events if event["contact"] in wrong], size, bool(by)))
    elsewhere = [(column, theirs - ours) for key, column, ours, theirs in differences if key not in touched]
    assert all(column == "queued" and short >= 1 for column, short in elsewhere)
    assert sum(short for _, short in elsewhere) <= calls.waits_missing
    assert bool(differences) == bool(wrong)


def windows_touched(events: list[dict[str, Any]], size: timedelta, by_queue: bool) -> Iterator[Key]:
    """The windows in which these calls waited or arrived, where they stand and a day before."""
    spans: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
    for event in [*events, *map(moved, events)]:
        if event["type"] != "contact.closed":
            at = instant(event["time"])
            spans[event["contact"], at.date().isoformat()].append(at)
    queues = {event["contact"]: event["queue"] for event in events}
    for (contact, _), times in spans.items():
        start = min(times) - (min(times) - datetime.min.replace(tzinfo=UTC)) % size
        while start <= max(times):
            yield start, queues[contact] if by_queue else ""
            start += size


def cut(data: bytes, size: int) -> list[bytes]:
    """In pieces of that size, wherever in a line that is."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def parted(folder: Path, number_of: dict[str, int]) -> list[Path]:
    """The four days as several files, each contact in the one that its number says; every second one gzipped."""
    parts: defaultdict[int, list[bytes]] = defaultdict(list)
    with gzip.open(DAYS) as file:
        for line in file:
            parts[number_of[json.loads(line)["contact"]]].append(line)
    paths = []
    for number, lines in sorted(parts.items()):
        path = folder / (f"part{number}.jsonl.gz" if number % 2 else f"part{number}.jsonl")
        path.write_bytes(gzip.compress(b"".join(lines)) if number % 2 else b"".join(lines))
        paths.append(path)
    return paths


def test_plain_gzipped_and_several_files_give_the_same_bytes(tmp_path: Path) -> None:
    whole = replay(tmp_path, DAYS, "--by", "queue")
    report = (tmp_path / "report.csv").read_bytes()
    contacts = dict.fromkeys(event["contact"] for event in events_of(DAYS))
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(gzip.decompress(DAYS.read_bytes()))
    members = tmp_path / "members.jsonl.gz"
    members.write_bytes(b"".join(map(gzip.compress, cut(plain.read_bytes(), 300_000))))
    mixed = parted(tmp_path, {contact: index % 4 for index, contact in enumerate(contacts)})
    for files in ([plain], [members], mixed, mixed[::-1]):
        other = replay(tmp_path, *files, "--by", "queue")
        assert untimed(other.summary) == untimed(whole.summary)
        assert (tmp_path / "report.csv").read_bytes() == report


def test_files_that_follow_one_another_may_be_named_in_any_order(whole: Outcome, tmp_path: Path) -> None:
    days = {
        event["contact"]: int(event["time"][8:10]) for event in events_of(DAYS) if event["type"] == "contact.opened"
    }
    files = parted(tmp_path, days)
    assert len(files) == 4
    for order in (files, files[::-1]):
        other = replay(tmp_path, *order)
        assert (untimed(other.summary), other.rows) == (untimed(whole.summary), whole.rows)


def test_the_same_file_twice_and_every_line_twice_change_nothing(whole: Outcome, tmp_path: Path) -> None:
    assert replay(tmp_path, DAYS, DAYS).rows == whole.rows
    lines = gzip.decompress(DAYS.read_bytes()).splitlines(keepends=True)
    doubled = tmp_path / "doubled.jsonl"
    doubled.write_bytes(b"".join(line * 2 for line in lines))
    twice = replay(tmp_path, doubled)
    assert twice.rows == whole.rows
    assert twice.summary["duplicates"] == len(lines)


def test_groups_add_up_to_the_windows_they_divide(whole: Outcome, tmp_path: Path) -> None:
    total = {row["window_start"]: row for row in whole.rows}
    rows = replay(tmp_path, DAYS, "--by", "queue,channel").rows
    assert list(rows[0])[:5] == ["window_start", "window_end", "queue", "channel", "offered"]
    assert {row["channel"] for row in rows} == {"phone"}
    assert len({row["queue"] for row in rows}) > 3
    for column in ("offered", "answered", "abandoned", "queued", "handled", "queue_depth_mean", "wait_answered_sum_s"):
        sums: defaultdict[str, float] = defaultdict(float)
        for row in rows:
            sums[row["window_start"]] += float(row[column])
        assert sums == pytest.approx({start: float(row[column]) for start, row in total.items()}, abs=1e-5), column


def test_windows_lie_in_the_zone_asked_for_and_say_so(tmp_path: Path) -> None:
    shanghai = replay(tmp_path, DAYS, "--window", "1d").rows
    assert [row["window_start"] for row in shanghai][:2] == ["1999-01-02T00:00:00+08:00", "1999-01-03T00:00:00+08:00"]
    kathmandu = replay(tmp_path, DAYS, "--window", "1d", "--zone", "Asia/Kathmandu").rows
    assert kathmandu[0]["window_start"] == "1999-01-02T00:00:00+05:45"
    assert sum(int(row["offered"]) for row in kathmandu) == sum(int(row["offered"]) for row in shanghai)


def test_all_windows_are_reported_on_request_and_nothing_in_them_is_no_data(tmp_path: Path) -> None:
    some = replay(tmp_path, DAYS, "--zone", "UTC").rows
    every = replay(tmp_path, DAYS, "--zone", "UTC", "--all-windows").rows
    starts = [instant(row["window_start"]) for row in every]
    assert all(later - earlier == HOUR / 2 for earlier, later in pairwise(starts))
    assert [row for row in every if row in some] == some
    empty = next(row for row in every if row["window_start"] == "1999-01-15T12:00:00Z")
    assert (empty["offered"], empty["queue_depth_mean"]) == ("0", "0.0")
    assert (empty["service_level"], empty["wait_answered_p50_s"], empty["wait_max_s"]) == ("", "", "")


def test_a_hopping_window_is_the_sum_of_the_steps_it_covers(tmp_path: Path) -> None:
    steps = {
        instant(row["window_start"]): row for row in replay(tmp_path, DAYS, "--window", "15m", "--all-windows").rows
    }
    hopping = replay(tmp_path, DAYS, "--window", "1h", "--step", "15m").rows
    starts = [instant(row["window_start"]) for row in hopping]
    assert HOUR / 4 in {later - earlier for earlier, later in pairwise(starts)}
    for start, row in zip(starts, hopping, strict=True):
        # [start ... start + 1h) = four steps; before the first and after the last there is nothing.
        covered = [steps[at] for at in (start + n * HOUR / 4 for n in range(4)) if at in steps]
        for column in ("offered", "answered", "wait_sum_s", "handled"):
            assert float(row[column]) == sum(float(step[column]) for step in covered), (start, column)
        assert int(row["queue_depth_max"]) == max(int(step["queue_depth_max"]) for step in covered)


def test_events_within_the_disorder_bound_give_the_same_report(whole: Outcome, tmp_path: Path) -> None:
    lines = gzip.decompress(DAYS.read_bytes()).splitlines(keepends=True)
    # Each line is put off by up to 40 s by a fixed pattern, so neighbours change places.
    late = sorted(
        (instant(json.loads(line)["time"]).timestamp() + index * 7_919 % 41, index) for index, line in enumerate(lines)
    )
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_bytes(b"".join(lines[index] for _, index in late))
    assert [index for _, index in late] != sorted(index for _, index in late)
    bounded = replay(tmp_path, shuffled, "--disorder", "41s")
    assert bounded.rows == whole.rows
    assert replay(tmp_path, shuffled, "--disorder", "5s").summary["late"] > 0


#: Arguments, the exit code, and what the one sentence must name.
REFUSALS = {
    "no such file": (["nowhere.jsonl"], 1, "nowhere.jsonl: No such file"),
    "a folder": (["."], 1, "Is a directory"),
    "no file": ([], 2, "FILE"),
    "a window that is no duration": ([DAYS, "--window", "soon"], 2, "'soon' is not a duration"),
    "a window that does not divide a day": ([DAYS, "--window", "7m"], 2, "divide a day"),
    "a window of nothing": ([DAYS, "--window", "0s"], 2, "above zero"),
    "a step longer than the window": ([DAYS, "--window", "30m", "--step", "1h"], 2, "longer than its size"),
    "a zone that does not exist": ([DAYS, "--zone", "Mars/Olympus"], 2, "'Mars/Olympus' is no IANA time zone"),
    "a dimension that does not exist": ([DAYS, "--by", "shoe"], 2, "'shoe' is not a dimension"),
    "an option that does not exist": ([DAYS, "--colour"], 2, "--colour"),
    "a report that cannot be written": ([DAYS, "--report", "nowhere/report.csv"], 1, "nowhere/report.csv"),
    "a summary that cannot be written": ([DAYS, "--summary", "nowhere/all.json"], 1, "nowhere/all.json"),
    "rejects that cannot be written": ([DAYS, "--rejects", "nowhere/bad.jsonl"], 1, "nowhere/bad.jsonl"),
}


@pytest.mark.parametrize(("arguments", "code", "named"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_done_is_refused_in_one_sentence_with_an_honest_exit_code(
    arguments: list[str | Path], code: int, named: str, tmp_path: Path
) -> None:
    got = replay_command(tmp_path, *arguments)
    assert got.code == code
    errors = [line for line in got.complained.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert named in errors[0]
    assert "Traceback" not in got.complained
    assert not got.rows, "nothing is half done"


def test_an_empty_recording_gives_a_report_of_headers_and_figures_without_data(whole: Outcome, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_bytes(b"\n")
    got = replay(tmp_path, nothing, "--all-windows")
    assert got.code == 0
    assert (tmp_path / "report.csv").read_text("utf-8").splitlines() == [",".join(whole.rows[0])]
    assert got.summary["events"] == 0
    assert (got.summary["service_level"], got.summary["first_event"]) == (None, None)


def test_a_person_at_a_terminal_sees_progress_and_a_pipe_does_not(whole: Outcome) -> None:
    ours, theirs = pty.openpty()
    command = [FLOORWATCH, "replay", str(DAYS)]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        seen = b""
        while b"replaying" not in seen and (piece := read(ours)):
            seen += piece
        while read(ours):
            pass
        assert process.wait(60) == 0
    os.close(ours)
    assert b"replaying" in seen
    assert "replaying" not in whole.complained


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # The other end is closed.
        return b""
