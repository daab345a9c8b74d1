"""`floorwatch policy`: checking, explaining and trying a policy say what the engine does with it."""

import contextlib
import gzip
import io
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alarms import BROKEN, ENDED, WARNED, Alarm
from engine.errors import InvalidSetting
from engine.events import DIMENSIONS
from engine.pipeline import Engine, Settings
from engine.policy import CONDITIONS, LIMITS, Line, Period, Policy
from engine.times import SECOND_US
from streams import replay as replaying
from streams.cli import main
from streams.policy.explaining import explain, period_at
from streams.policy.reading import default_policy, default_text, read_policy
from streams.policy.trial import Comparison
from streams.reading import Recording
from tests.streams.replaying import replay

ROOT = Path(__file__).parents[2]
DAYS = ROOT / "tests/fixtures/bank_days.jsonl.gz"
FOUND = """\
periods:
  - {name: double-11, from: 2026-11-10 20:00, until: 2026-11-12}
limits:
  wait:
    - 5m
    - {limit: 30s, channel: phone}
    - {limit: 20s, channel: phone, tier: [vip, ka]}
    - {limit: none, channel: phone, queue: archive}
    - {limit: 1m, channel: phone, period: double-11}
"""


@dataclass(frozen=True)
class Said:
    """How a command ended: its exit code, what it said and what it complained of."""

    code: int
    out: str
    err: str


def floorwatch(*words: str | Path) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as stop:
        main([*map(str, words)])
    return Said(int(stop.value.code or 0), out.getvalue(), err.getvalue())


def rows(out: str, first: str) -> list[list[str]]:
    """The cells of a table whose header begins with that name."""
    lines = out.splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith(first))
    table = [re.split(r"\s{2,}", line.strip()) for line in lines[begin + 1 :]]
    return table[: next((place for place, row in enumerate(table) if len(row) < 4), len(table))]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(FOUND)
    return path


# Check.


def test_a_sound_file_is_summed_up_by_limit(policy: Path) -> None:
    got = floorwatch("policy", "check", policy)
    assert (got.code, got.err) == (0, "")
    assert got.out.startswith(
        f"{policy} is sound: service level answered_of_ended, 1 period, 10 response measures, 26 conditions\n"
    )
    table = {row[0]: row[1:] for row in rows(got.out, "limit")}
    assert table["wait"] == ["5", "5m, warned at 80%", "20s, 30s, 1m, none", str(policy)]
    assert table["target"] == ["1", "20s", "—", "default.yaml"]
    assert list(table)[: len(LIMITS)] == list(LIMITS)


def test_a_file_with_faults_fails_with_all_of_them(policy: Path) -> None:
    policy.write_text(FOUND.replace("30s", "30").replace("tier", "teir"))
    got = floorwatch("policy", "check", policy)
    assert (got.code, got.out) == (1, "")
    assert [line.removeprefix("Error: ").removeprefix(str(policy))[:3] for line in got.err.splitlines()] == [
        ":6:",
        ":7:",
    ]
    assert "did you mean tier?" in got.err


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_fails_in_one_sentence(name: str, tmp_path: Path) -> None:
    got = floorwatch("policy", "check", tmp_path / name)
    assert got.code in (1, 2)
    assert len([line for line in got.err.splitlines() if line.startswith("Error: ")]) == 1


def test_the_default_is_printed_as_it_ships_and_is_sound(tmp_path: Path) -> None:
    got = floorwatch("policy", "default")
    assert got.out == default_text()
    (tmp_path / "policy.yaml").write_text(got.out, encoding="utf-8")
    assert floorwatch("policy", "check", tmp_path / "policy.yaml").code == 0


@pytest.mark.parametrize("command", ["check", "explain", "try", "default"])
def test_every_command_explains_itself(command: str) -> None:
    got = floorwatch("policy", command, "--help")
    assert got.code == 0
    assert "Usage: floorwatch policy" in got.out
    assert "Examples:" in floorwatch("policy", "--help").out


# Explain.


def explained(policy: Path, *words: str) -> dict[str, Any]:
    got = floorwatch("policy", "explain", "--policy", policy, "--json", *words)
    assert (got.code, got.err) == (0, "")
    whole = json.loads(got.out)
    return whole | {told["limit"]: told for told in whole["limits"]}


@pytest.mark.parametrize(
    ("words", "line", "why"),
    [
        ((), 5, "the only line that describes it"),
        (("--channel", "phone"), 6, "1 condition, more than line 5's 0"),
        (("--channel", "phone", "--tier", "vip"), 7, "2 conditions, more than line 6's 1"),
        (("--channel", "phone", "--tier", "vip", "--queue", "archive"), 8,
         "as many conditions as line 7, and queue tells more than tier"),
        (("--channel", "phone", "--at", "2026-11-11T20:00:00+08:00"), 9, "2 conditions, more than line 6's 1"),
        (("--channel", "phone", "--at", "2026-11-12"), 6, "1 condition, more than line 5's 0"),
        (("--channel", "phone", "--at", "2026-11-10 20:00"), 9, "2 conditions, more than line 6's 1"),
    ],
)  # fmt: skip
def test_the_line_that_holds_is_told_with_the_reason(words: tuple[str, ...], line: int, why: str, policy: Path) -> None:
    if "--at" not in words:
        words = (*words, "--at", "2026-01-01")
    told = explained(policy, *words)["wait"]
    assert (told["line"]["where"], told["why"]) == (f"{policy}:{line}", why)
    places = [other["where"] for other in told["others"]]
    assert f"{policy}:{line}" not in places
    assert places[-1:] == ([f"{policy}:5"] if line > 5 else [])


def test_people_read_the_same_in_a_table(policy: Path) -> None:
    got = floorwatch("policy", "explain", "--policy", policy, "--channel", "phone", "--at", "2026-11-11T20:00:00+08:00")
    assert got.out.splitlines()[0] == "at 2026-11-11T20:00:00+08:00, period double-11"
    (wait,) = (row for row in rows(got.out, "limit") if row[0] == "wait")
    assert wait[1:4] == ["1m, warned at 80%", f"{policy}:9", "2 conditions, more than line 6's 1"]
    assert wait[4] == "line 6: 30s (channel phone); line 5: 5m (everybody)"


def test_who_is_meant_by_no_line_is_told_so() -> None:
    got = json.loads(floorwatch("policy", "explain", "--channel", "phone", "--json").out)
    (told,) = (told for told in got["limits"] if told["limit"] == "first_reply")
    assert (told["line"], told["why"], told["others"]) == (None, "no line describes this contact", [])


def test_an_instant_that_is_none_is_wrong_usage() -> None:
    got = floorwatch("policy", "explain", "--at", "yesterday")
    assert got.code == 2
    assert "'yesterday' is no date; write it like 2026-11-12" in got.err


VALUES = st.sampled_from(["a", "b", ""])
WHENS = st.dictionaries(st.sampled_from(CONDITIONS), st.frozensets(VALUES, min_size=1), max_size=4)
LINES = st.lists(st.tuples(st.sampled_from(LIMITS[:2]), WHENS), max_size=12)
SALES = (Period("a", 0, 10), Period("b", 10, 20))


def drawn(entries: list[tuple[str, dict[str, frozenset[str]]]]) -> Policy:
    """A policy of these lines, without those that it would refuse."""
    policy = Policy((), SALES)
    for place, (limit, when) in enumerate(entries, start=1):
        with contextlib.suppress(InvalidSetting):
            line = Line(limit, place * SECOND_US, when, where=f"p.yaml:{place}")
            policy = Policy((*policy.lines, line), SALES)
    return policy


@settings(max_examples=200)
@given(LINES, st.dictionaries(st.sampled_from(DIMENSIONS), VALUES), st.integers(-5, 25))
def test_what_is_explained_is_what_the_engine_finds(
    entries: list[tuple[str, dict[str, frozenset[str]]]], facts: dict[str, str], at_us: int
) -> None:
    policy = drawn(entries)
    facts["period"] = period_at(policy, at_us)
    assert facts["period"] == ("a" if 0 <= at_us < 10 else "b" if 10 <= at_us < 20 else "")
    for told in explain(policy, facts):
        assert told.held == policy.find(told.limit, facts)
        holding = {line.where for line in policy.lines if line.limit == told.limit and line.holds(facts)}
        ranked = [line for line in (told.held, *told.others) if line]
        assert {line.where for line in ranked} == holding
        assert [line.rank for line in ranked] == sorted({line.rank for line in ranked}, reverse=True)
        if told.others:
            # Without the winner the first of the others would hold.
            rest = Policy(tuple(line for line in policy.lines if line is not told.held), SALES)
            assert rest.find(told.limit, facts) == told.others[0]
            assert told.others[0].where.removeprefix("p.yaml:") in told.why


# Try.


def alarms(policy: Policy, *paths: Path) -> list[Alarm]:
    """The alarms of a replay by itself."""
    engine = Engine(Settings(policy=policy))
    for decoded in replaying.merged([Recording(path, str(path)) for path in paths], engine):
        engine.absorb(decoded)
    engine.finish()
    return engine.take_alarms()


def key(alarm: Alarm) -> tuple[object, ...]:
    return alarm.commitment, alarm.step, alarm.about, alarm.name, alarm.since_us


@pytest.fixture(scope="module")
def chats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chats") / "evening.jsonl"
    got = floorwatch("simulate", "--preset", "small", "--seed", 7, "--start", "2026-11-11T20:00:00+08:00",
                     "--duration", "1h", "-o", path)  # fmt: skip
    assert got.code == 0
    return path


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """How the bank's days begin: conditions are looked at all through them, which takes its time."""
    path = tmp_path_factory.mktemp("calls") / "morning.jsonl"
    with gzip.open(DAYS) as days:
        path.write_bytes(b"".join(islice(days, 1_500)))
    return path


STEPS = {WARNED: "warning", BROKEN: "breach", ENDED: "end"}
STRICT = """\
limits:
  wait:
    - 4m
    - {limit: 10s, channel: phone}
    - {limit: none, queue: NW}
  next_reply: {limit: 45s, channel: [app, web]}
  announcement: none
"""


@pytest.mark.parametrize("recording", ["a morning of calls", "an evening of chats"])
def test_the_counts_are_those_of_two_replays(recording: str, chats: Path, morning: Path, tmp_path: Path) -> None:
    events = morning if recording == "a morning of calls" else chats
    path = tmp_path / "strict.yaml"
    path.write_text(STRICT)
    got = floorwatch("policy", "try", path, "--on", events, "--json")
    assert (got.code, got.err) == (0, "")
    old, new = alarms(default_policy(), events), alarms(read_policy(path), events)
    assert old
    assert len(set(old)) == len(old)
    told = json.loads(got.out)
    for side, found in (("old", old), ("new", new)):
        counts = Counter((alarm.commitment, STEPS[alarm.step]) for alarm in found)
        assert {(row["limit"], row["alarm"]): row[side] for row in told["counts"] if row[side]} == counts
    old_keys, new_keys = ({key(alarm): alarm.at_us for alarm in found} for found in (old, new))
    both = old_keys.keys() & new_keys.keys()
    expected = {
        "comes": len(new_keys.keys() - both),
        "goes": len(old_keys.keys() - both),
        "moves": sum(old_keys[one] != new_keys[one] for one in both),
    }
    assert Counter(change["change"] for change in told["changes"]) == Counter(expected)
    assert all(expected.values())
    assert {change["new"]["id"] for change in told["changes"] if change["new"]} <= {alarm.id for alarm in new}
    for change in told["changes"]:
        if change["change"] == "moves":
            assert change["old"]["since"] == change["new"]["since"]
            assert change["old"]["at"] != change["new"]["at"]


def test_people_read_counts_and_the_first_changes_of_each_kind(morning: Path, tmp_path: Path) -> None:
    path = tmp_path / "strict.yaml"
    path.write_text(STRICT)
    got = floorwatch("policy", "try", path, "--on", morning, "--show", 2, "--zone", "UTC")
    assert (got.code, got.err) == (0, "")
    counts = {(row[0], row[1]): [int(cell.replace(",", "")) for cell in row[2:]] for row in rows(got.out, "limit")}
    assert counts["announcement", "breach"][1:3] == [0, 0]
    for old, new, same, comes, goes, moves in counts.values():
        assert (old, new) == (same + goes + moves, same + comes + moves)
    assert re.search(r"^[\d,]+ alarms differ$", got.out, re.MULTILINE)
    shown = rows(got.out, "change")
    assert Counter(row[0] for row in shown) == {"comes": 2, "goes": 2, "moves": 2}
    assert all("1999-01-0" in row[4] + row[5] and "channel phone" in row[-1] for row in shown)


def test_the_same_policy_changes_nothing(policy: Path, morning: Path) -> None:
    got = floorwatch("policy", "try", policy, "--policy", policy, "--on", morning)
    assert "0 alarms differ" in got.out
    assert all(row[4] == row[2] == row[3] for row in rows(got.out, "limit"))


def test_several_files_follow_on_and_bad_lines_are_counted(
    chats: Path, morning: Path, policy: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(gzip.compress(b"what?\n" + chats.read_bytes()))
    both = floorwatch("policy", "try", policy, "--on", morning, broken, "--json")
    apart = floorwatch("policy", "try", policy, "--on", morning, "--on", chats, "--json")
    assert both.err == "rejected 1 × invalid_json\n"
    assert both.out == apart.out


def test_names_from_outside_neither_colour_nor_steer_the_terminal(tmp_path: Path) -> None:
    events, path = tmp_path / "events.jsonl", tmp_path / "policy.yaml"
    event = {"type": "contact.queued", "time": 1_000, "contact": "[red]\u202e", "channel": "phone", "queue": "[/]"}
    later = {"type": "source.heartbeat", "time": 600_000, "source": "s"}
    events.write_text(f"{json.dumps(event)}\n{json.dumps(later)}\n")
    path.write_text("limits: {wait: 10s}\n")
    got = floorwatch("policy", "try", path, "--on", events)
    assert "\u202e" not in got.out
    assert {row[3] for row in rows(got.out, "change")} == {r"'[red]\u202e'"}
    assert "queue [/]" in got.out


def test_an_alarm_that_comes_later_on_the_other_side_is_still_the_same() -> None:
    one, two = (Alarm(at_us, "wait", BROKEN, "contact", "c", 0) for at_us in (1, 2))
    comparison = Comparison()
    comparison.take([one], [])
    comparison.take([two], [one])
    assert comparison.same == {("wait", BROKEN): 1}
    assert [(change.kind, change.alarm) for change in comparison.changes()] == [("goes", two)]


@pytest.mark.parametrize(
    ("words", "code"),
    [(("try", "policy.yaml"), 2), (("try", "policy.yaml", "--on", "missing.jsonl"), 1), (("try", "none.yaml", "--on", "x"), 1)],
)  # fmt: skip
def test_what_cannot_be_tried_is_refused_in_one_sentence(
    words: tuple[str, ...], code: int, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(policy.parent)
    got = floorwatch("policy", *words)
    assert got.code == code
    assert len([line for line in got.err.splitlines() if line.startswith("Error: ")]) == 1


# Replay and run.


def test_a_replay_holds_its_events_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("service_level: answered_of_answered\nlimits: {target: 1m, wait: none, announcement: none}\n")
    plain, ours = replay(tmp_path, DAYS), replay(tmp_path, DAYS, "--policy", path)
    assert (ours.code, ours.summary["breaches"]) == (0, 0)
    assert ours.summary["answered_in_target"] > plain.summary["answered_in_target"]
    assert ours.summary["service_level"] == pytest.approx(
        ours.summary["answered_in_target"] / ours.summary["answered"], abs=1e-6
    )
    breaches = sum(alarm.is_breach and alarm.about == "contact" for alarm in alarms(default_policy(), DAYS))
    assert plain.summary["breaches"] == breaches > 0


@pytest.mark.parametrize("command", [["replay", DAYS], ["run", "--port", "0", "--data", "data"]], ids=["replay", "run"])
def test_a_bad_policy_is_refused_before_anything_happens(command: list[str | Path], tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("limits:\n  wait: 0s\n")
    words = [sys.executable, "-m", "streams", *map(str, command), "--policy", "policy.yaml"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
                          env={"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: policy.yaml:2: the limit of wait is 0 µs; it must be above zero")
    assert not (tmp_path / "data").exists()
