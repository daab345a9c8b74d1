"""The alarms of a replay: one line each, by their instants, the same as a running service tells, and the same every time."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import streams.replay
from engine.alarms import Alarm
from streams.telling import told
from tests.streams.replaying import replay

DAYS = Path(__file__).parents[1] / "fixtures" / "bank_days.jsonl.gz"


def alarms(folder: Path, *arguments: str | Path) -> list[dict[str, Any]]:
    done = replay(folder, "--alarms", "alarms.jsonl", *arguments)
    assert done.code == 0, done.complained
    found = [json.loads(line) for line in (folder / "alarms.jsonl").read_text("utf-8").splitlines()]
    assert f"{len(found):,} alarms written to alarms.jsonl" in done.complained
    return found


def test_each_alarm_is_a_line_with_its_instant_in_the_zone(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(
        '{"type":"contact.queued","contact":"a","time":"2026-11-11T08:00:00+08:00","channel":"phone","tenant":"shop"}\n'
        '{"type":"contact.queued","contact":"b","time":"2026-11-11T08:00:05+08:00","channel":"phone"}\n'
        '{"type":"contact.answered","contact":"a","agent":"ann","time":"2026-11-11T08:00:40+08:00"}\n'
        '{"type":"contact.answered","contact":"b","agent":"ann","time":"2026-11-11T08:00:25+08:00"}\n'
    )
    (tmp_path / "policy.yaml").write_text("limits: {wait: {limit: 30s, channel: phone}, announcement: none}")
    found = alarms(tmp_path, "events.jsonl", "--policy", "policy.yaml", "--disorder", "30s")
    start_us = 1_794_355_200_000_000
    assert [{name: value for name, value in line.items() if name != "id"} for line in found] == [
        {"at": "2026-11-11T08:00:24+08:00", "at_us": start_us + 24_000_000, "commitment": "wait", "step": "warned", "contact": "a",
         "since_us": start_us, "channel": "phone", "tenant": "shop"},
        {"at": "2026-11-11T08:00:30+08:00", "at_us": start_us + 30_000_000, "commitment": "wait", "step": "broken", "contact": "a",
         "since_us": start_us, "channel": "phone", "tenant": "shop"},
        {"at": "2026-11-11T08:00:40+08:00", "at_us": start_us + 40_000_000, "commitment": "wait", "step": "ended", "contact": "a",
         "since_us": start_us, "channel": "phone", "tenant": "shop"},
    ]  # fmt: skip
    assert len({line["id"] for line in found}) == 3


def test_they_come_by_their_instants_and_are_the_same_however_the_events_lie_in_files(tmp_path: Path) -> None:
    whole = alarms(tmp_path, DAYS, "--zone", "UTC")
    assert len(whole) > 100
    assert [line["at_us"] for line in whole] == sorted(line["at_us"] for line in whole)
    lines = gzip.decompress(DAYS.read_bytes()).splitlines(keepends=True)
    parts: tuple[list[bytes], list[bytes]] = [], []
    for line in lines:
        parts[json.loads(line).get("contact", "0")[-1] in "02468"].append(line)
    for number, part in enumerate(parts):
        (tmp_path / f"{number}.jsonl").write_bytes(b"".join(part))
    assert alarms(tmp_path, "0.jsonl", "1.jsonl", "--zone", "UTC") == whole


def test_the_summary_counts_as_many_breaches_as_there_are_lines(tmp_path: Path) -> None:
    done = replay(tmp_path, "--alarms", "alarms.jsonl", DAYS)
    found = [json.loads(line) for line in (tmp_path / "alarms.jsonl").read_text().splitlines()]
    assert done.summary["breaches"] == sum(line["step"] == "broken" for line in found if "contact" in line) > 0


def test_conditions_are_judged_at_their_instants_but_not_the_silence_of_a_file(tmp_path: Path) -> None:
    found = alarms(tmp_path, DAYS, "--zone", "UTC")
    broken = {line["commitment"] for line in found if line["step"] == "broken" and "contact" not in line}
    assert {"service_level_low", "abandonment_high", "longest_wait_high"} <= broken
    assert "source_silent" not in broken


def test_a_folder_that_is_not_there_is_said_before_the_replay(tmp_path: Path) -> None:
    done = replay(tmp_path, "--alarms", "nowhere/alarms.jsonl", DAYS)
    assert (done.code, "there is no such folder" in done.complained) == (1, True)


def test_more_alarms_than_can_be_sorted_end_the_replay_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams.replay, "ALARMS_MAX", 10)
    done = replay(tmp_path, "--alarms", "alarms.jsonl", DAYS)
    assert (done.code, "more than 10 alarms would have to be sorted" in done.complained) == (1, True)
    assert not (tmp_path / "alarms.jsonl").exists()


def test_of_what_is_not_known_there_is_no_entry() -> None:
    alarm = Alarm(5, "failed_checks", "broken", "agent", "ann", 1, (), (("figure", "3"),))
    assert told(alarm) == {
        "id": alarm.id, "at_us": 5, "commitment": "failed_checks", "step": "broken", "agent": "ann", "since_us": 1, "figure": "3",
    }  # fmt: skip
