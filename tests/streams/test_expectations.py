"""What the policy says of sources is expected of them in their hours, takes the place of what was learned, and is refused when it is wrong (C55)."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.source import InvalidFile
from engine.times import HOUR_US, MINUTE_US, SECOND_US
from streams.policy.difference import differences
from streams.policy.files import Bundle
from streams.policy.reading import bundled, default_policy, parse_policy, unbundled
from streams.policy.sources import SOURCES_MAX, SourcedPolicy
from streams.sources import BLIND, OVERDUE
from tests.streams.test_sources import MONDAY_US, Monitor

TWO_MINUTES = """zone: UTC
hours:
  desk: {week: {mon-fri: 09:00-18:00}}
sources:
  pbx: {every: 2m, hours: desk}
"""


class Expecting(Monitor):
    """A monitor under a policy."""

    def __init__(self, path: Path, text: str, at_us: int = MONDAY_US) -> None:
        super().__init__(path, at_us)
        self.adopt(text)

    def adopt(self, text: str) -> None:
        self.policy = parse_policy(text.encode(), "policy.yaml")

    def until(self, at_us: int, every_s: float, *sources: str) -> None:
        engine = SimpleNamespace(settings=SimpleNamespace(policy=self.policy))
        while self.at_us < at_us:
            self.at_us = min(self.at_us + int(every_s * SECOND_US), at_us)
            for source in sources:
                self.hear(source)
            self.sources.look(engine)


#  Monday   09:00      18:00       Tuesday  09:00
#  ---------[==========]---------------------[====
def test_a_source_is_expected_in_its_hours_only_and_counted_in_their_time(tmp_path: Path) -> None:
    monitor = Expecting(tmp_path, TWO_MINUTES)
    monitor.until(MONDAY_US + 9 * HOUR_US + 119 * SECOND_US, 30)
    assert monitor.raised() == [], "nobody was heard in the night, and nobody missed"
    monitor.until(MONDAY_US + 9 * HOUR_US + 125 * SECOND_US, 1)
    assert monitor.raised() == [(OVERDUE, "warned", "pbx"), (BLIND, "broken", "silent")], "though it was never heard"
    monitor.until(MONDAY_US + 18 * HOUR_US - MINUTE_US, 60, "pbx")
    assert [step for _, step, _ in monitor.raised()] == ["ended", "ended", "ended"]
    monitor.until(MONDAY_US + 33 * HOUR_US + 30 * SECOND_US, 30)
    assert monitor.raised() == [], "a minute before the evening and half of one in the morning"
    monitor.until(MONDAY_US + 33 * HOUR_US + 65 * SECOND_US, 1)
    assert monitor.raised() == [(OVERDUE, "warned", "pbx"), (BLIND, "broken", "silent")]


def test_who_is_missed_is_missed_no_longer_when_the_hours_end(tmp_path: Path) -> None:
    monitor = Expecting(tmp_path, TWO_MINUTES, MONDAY_US + 17 * HOUR_US)
    monitor.until(MONDAY_US + 18 * HOUR_US - SECOND_US, 10)
    assert (OVERDUE, "warned", "pbx") in monitor.raised()
    monitor.until(MONDAY_US + 18 * HOUR_US + SECOND_US, 1)
    assert (OVERDUE, "ended", "pbx") in monitor.raised()


def test_another_policy_holds_at_once_and_what_it_does_not_name_is_learned_again(tmp_path: Path) -> None:
    monitor = Expecting(tmp_path, "sources: {pbx: {every: 10s}, chat: {every: 1h}}")
    monitor.until(monitor.at_us + MINUTE_US, 5, "pbx", "chat")
    assert {row["source"]: row["expected_s"] for row in monitor.sources.facts()["sources"]} == {"pbx": 10, "chat": 3600}
    monitor.adopt("sources: {pbx: {every: 30s}}")
    monitor.until(monitor.at_us + SECOND_US, 1)
    assert {row["source"]: row["expected_s"] for row in monitor.sources.facts()["sources"]} == {"pbx": 30, "chat": 600}
    monitor.until(monitor.at_us + 40 * SECOND_US, 5, "chat")
    assert monitor.raised() == [(OVERDUE, "warned", "pbx")], "and as chat is heard nobody is blind"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sources:\n  pbx: {hours: desk}", "policy.yaml:2: pbx does not say how often it must be heard; write every: 2m"),
        ("sources:\n  pbx: {every: 2m, hours: dusk}", "policy.yaml:2: there are no hours 'dusk'; add them, or correct the name"),
        ("sources:\n  pbx: {every: 1s}", "policy.yaml:2: a source is heard every 10s"),
        ("sources:\n  pbx: {every: soon}", "policy.yaml:2: "),
        ("sources:\n  pbx: {evry: 2m, every: 2m}", "policy.yaml:2: 'evry' is unknown in the source pbx; did you mean every?"),
        ("sources:\n  - pbx", "policy.yaml:2: sources consist of names; write pbx:"),
        ("sources:\n" + "".join(f"  s{number}: {{every: 2m}}\n" for number in range(SOURCES_MAX + 1)), f"a policy may have {SOURCES_MAX}"),
    ],
)  # fmt: skip
def test_a_wrong_expectation_is_refused_with_its_line_and_what_to_do(text: str, says: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        parse_policy(text.encode(), "policy.yaml")
    assert says in str(refused.value)


def test_what_is_expected_is_kept_with_the_policy_and_told_where_it_changes() -> None:
    bundle, policy = bundled(TWO_MINUTES.encode(), "policy.yaml")
    kept = unbundled(Bundle.unpacked(bundle.packed()))
    assert isinstance(kept, SourcedPolicy)
    assert kept.sources == policy.sources  # type: ignore[attr-defined]
    other = parse_policy(TWO_MINUTES.replace("2m", "5m").encode(), "policy.yaml")
    assert [difference.of for difference in differences(kept, other)] == ["sources"]
    assert "sources" not in [
        difference.of for difference in differences(default_policy(), parse_policy(b"zone: UTC", "p"))
    ]
