"""The monitor's watch over itself: silences are judged by the hour of the week, clocks by arrivals, and blindness is said and ends (C55)."""

import json
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.alarms import Alarm
from engine.events import decode
from engine.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from streams.silences import FORGOTTEN_US, Silences
from streams.sources import BLIND, OVERDUE, REFUSED_LEAST, Sources
from tests.streams.test_run import launch

#: A Monday, 00:00 UTC.
MONDAY_US = 1_767_571_200_000_000


class Monitor:
    """Sources under a clock of our own, which is moved by `until`."""

    def __init__(self, path: Path, at_us: int = MONDAY_US, *, sources_max: int = 10) -> None:
        self.at_us = at_us
        self.said: list[str] = []
        self.alarms: list[Alarm] = []
        silences = Silences(least_s=60, unknown_s=600, sources_max=sources_max)
        self.sources = Sources(silences, path / "sources.state", self.said.append, clock=lambda: self.at_us)
        self.sources.raise_alarms = self.alarms.extend

    def hear(self, source: str = "pbx", *, late_s: float = 0, refused: int = 0) -> None:
        stamped = (self.at_us - int(late_s * SECOND_US)) // 1000
        line = f'{{"type":"source.heartbeat","source":"x","time":{stamped}}}'.encode()
        self.sources.took(source, self.at_us, [decode(line)], refused)

    def until(self, at_us: int, every_s: float, *sources: str) -> None:
        """Up to that instant the sources speak every so often, and somebody looks."""
        while self.at_us < at_us:
            self.at_us = min(self.at_us + int(every_s * SECOND_US), at_us)
            for source in sources:
                self.hear(source)
            self.sources.look(None)

    def facts(self) -> dict[str, Any]:
        self.at_us += SECOND_US
        self.sources.look(None)
        return self.sources.facts()

    def of(self, source: str) -> dict[str, Any]:
        return next(row for row in self.facts()["sources"] if row["source"] == source)

    def raised(self) -> list[tuple[str, str, str]]:
        told = [(alarm.commitment, alarm.step, alarm.name) for alarm in self.alarms]
        self.alarms.clear()
        return told


def a_week(monitor: Monitor, days: int) -> None:
    """From eight to nine the source speaks every 20 s, from nine to ten every five minutes, and then not until the next morning."""
    for day in range(days):
        begins_us = MONDAY_US + day * DAY_US
        monitor.until(begins_us + 8 * HOUR_US, 600)
        monitor.until(begins_us + 9 * HOUR_US, 20, "pbx")
        monitor.until(begins_us + 10 * HOUR_US, 300, "pbx")
    monitor.until(MONDAY_US + days * DAY_US, 600)


def test_a_source_of_which_nothing_is_known_may_be_silent_for_ten_minutes(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    assert monitor.facts() == {"blind": None, "sources": []}
    monitor.hear()
    monitor.until(monitor.at_us + 599 * SECOND_US, 10)
    assert monitor.raised() == []
    monitor.until(monitor.at_us + 10 * SECOND_US, 10)
    assert monitor.raised() == [(OVERDUE, "warned", "pbx"), (BLIND, "broken", "silent")]


@pytest.mark.parametrize(("hour", "silent_s", "overdue"), [
    (8, 50, False), (8, 70, True),       # Usually 20 s at this hour: three times that, and a minute at least.
    (9, 850, False), (9, 950, True),     # Usually five minutes.
    (20, 0, False),                      # Usually silent since ten, and tonight too.
    (32, 0, True),                       # The next morning at eight it should have spoken again.
])  # fmt: skip
def test_what_silence_is_too_long_depends_on_the_hour_and_is_learned(
    tmp_path: Path, hour: int, silent_s: int, overdue: bool
) -> None:
    monitor = Monitor(tmp_path)
    a_week(monitor, 4)
    day_us = MONDAY_US + 4 * DAY_US
    spoken_us = day_us + min(hour, 10) * HOUR_US + (600 * SECOND_US if hour < 10 else 0)
    monitor.until(day_us + 8 * HOUR_US, 600)
    monitor.until(min(spoken_us, day_us + 9 * HOUR_US), 20, "pbx")
    monitor.until(spoken_us, 300, "pbx")
    monitor.hear()
    monitor.until(day_us + hour * HOUR_US + (600 + silent_s) * SECOND_US, 10)
    assert monitor.of("pbx")["overdue"] is overdue


def test_a_missed_source_is_missed_until_it_speaks_or_nobody_would_expect_it_to(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    a_week(monitor, 4)
    day_us = MONDAY_US + 4 * DAY_US
    monitor.until(day_us + 8 * HOUR_US, 600)
    monitor.until(day_us + 9 * HOUR_US - 300 * SECOND_US, 20, "pbx")
    monitor.raised()
    monitor.until(day_us + 9 * HOUR_US + 60 * SECOND_US, 10)
    assert monitor.raised() == [(OVERDUE, "warned", "pbx"), (BLIND, "broken", "silent")]
    monitor.until(day_us + 10 * HOUR_US - 10 * SECOND_US, 10)
    assert monitor.raised() == []
    monitor.until(day_us + 11 * HOUR_US + 60 * SECOND_US, 10)
    assert (OVERDUE, "ended", "pbx") in monitor.raised()


def test_what_was_learned_and_raised_outlives_the_process(tmp_path: Path) -> None:
    before = Monitor(tmp_path)
    a_week(before, 4)
    day_us = MONDAY_US + 4 * DAY_US
    before.until(day_us + 8 * HOUR_US, 600)
    before.until(day_us + 8 * HOUR_US + 600 * SECOND_US, 20, "pbx")
    before.raised()
    before.until(day_us + 8 * HOUR_US + 800 * SECOND_US, 10)
    assert before.raised() == [(OVERDUE, "warned", "pbx"), (BLIND, "broken", "silent")]
    before.sources.save()
    after = Monitor(tmp_path, before.at_us)
    assert after.of("pbx")["expected_s"] == before.of("pbx")["expected_s"] == 60
    after.hear()
    after.facts()
    ended = [(OVERDUE, "ended", "pbx"), (BLIND, "ended", "refusing"), (BLIND, "ended", "silent")]
    assert after.raised() == ended
    assert after.facts()["blind"] is None


def test_a_damaged_memory_is_told_of_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "sources.state").write_bytes(b"\x83nonsense")
    monitor = Monitor(tmp_path)
    assert "learned anew" in monitor.said[0]
    monitor.hear()
    assert monitor.of("pbx")["expected_s"] == 600


def test_one_silent_source_among_others_does_not_make_us_blind(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    monitor.hear("chat")
    monitor.until(monitor.at_us + 20 * MINUTE_US, 30, "pbx")
    assert monitor.raised() == [(OVERDUE, "warned", "chat")]
    assert monitor.facts()["blind"] is None
    monitor.until(monitor.at_us + 11 * MINUTE_US, 30)
    assert monitor.facts()["blind"]["why"] == "silent"


def test_who_refuses_everything_is_blind_until_something_is_taken(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    monitor.hear()
    for _ in range(REFUSED_LEAST):
        monitor.sources.refuse()
    monitor.until(monitor.at_us + 55 * SECOND_US, 5)
    assert monitor.facts()["blind"] is None
    monitor.until(monitor.at_us + 5 * SECOND_US, 1)
    assert monitor.facts()["blind"]["why"] == "refusing"
    assert monitor.raised() == [(BLIND, "broken", "refusing")]
    monitor.hear()
    assert monitor.facts()["blind"] is None


def test_a_quiet_centre_that_refuses_one_stray_body_is_not_blind(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    monitor.hear()
    monitor.sources.refuse()
    monitor.until(monitor.at_us + 300 * SECOND_US, 10)
    assert monitor.facts()["blind"] is None


def test_the_difference_of_clocks_is_the_middle_of_the_last_minute(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path)
    for late_s in (5, 5, 5, 900, 5):
        monitor.hear(late_s=late_s)
    monitor.hear("ahead", late_s=-3)
    assert (monitor.of("pbx")["skew_s"], monitor.of("ahead")["skew_s"]) == (5, -3)
    monitor.until(monitor.at_us + 2 * MINUTE_US, 30)
    assert monitor.of("pbx")["skew_s"] is None


def test_no_more_sources_are_kept_than_may_be_and_those_of_long_ago_are_forgotten(tmp_path: Path) -> None:
    monitor = Monitor(tmp_path, sources_max=3)
    for number in range(9):
        monitor.hear(f"s{number}")
    assert [row["source"] for row in monitor.facts()["sources"]] == ["s0", "s1", "s2"]
    monitor.until(monitor.at_us + FORGOTTEN_US + 2 * HOUR_US, 3_600, "s1")
    assert [row["source"] for row in monitor.facts()["sources"]] == ["s1"]


def test_a_running_service_says_that_it_is_blind_and_when_it_sees_again(tmp_path: Path) -> None:
    process = launch(
        "--port", "0", "--data", str(tmp_path / "data"), "--alerts", "default",
        "--limit", "silence_unknown_s=2", "--limit", "silence_least_s=1",
    )  # fmt: skip
    assert process.stdout
    try:
        found = re.search(r"(http://\S+)/", process.stdout.readline())
        assert found
        url = found[1]

        def get(path: str) -> bytes:
            with urllib.request.urlopen(url + path, timeout=60) as answer:
                return answer.read()  # type: ignore[no-any-return]

        def say() -> None:
            event = {"type": "source.heartbeat", "source": "x", "time": time.time_ns() // 1_000_000}
            urllib.request.urlopen(f"{url}/v1/events?source=pbx", json.dumps(event).encode(), timeout=60).close()

        def wait(holds: Callable[[], bool]) -> None:
            until = time.monotonic() + 120
            while not holds():
                assert time.monotonic() < until
                time.sleep(0.1)

        def blind() -> Any:
            return json.loads(get("/api/v1/now"))["blind"]

        say()
        wait(lambda: blind() is not None)
        assert blind()["why"] == "silent"
        wait(lambda: b"floorwatch_blind 1.0" in get("/metrics"))
        assert b'floorwatch_source_overdue{source="pbx"} 1.0' in get("/metrics")
        wait(lambda: b'"commitment":"blind"' in get("/api/v1/alerts?all").replace(b" ", b""))

        def sees() -> bool:
            say()
            return blind() is None

        wait(sees)
    finally:
        process.terminate()
        process.communicate(timeout=60)
