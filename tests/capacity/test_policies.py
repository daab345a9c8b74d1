"""Plans by a policy: its targets by queue and sale, its sales and holidays as days that are not like others, and what a gap costs."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine.capacity.staffing import Target
from engine.errors import InvalidSetting
from engine.events import Vocabulary, decode
from engine.times import DAY_US, HOUR_US
from streams.capacity.events import HOLIDAY, OTHER_HOURS, named_days
from streams.capacity.plan import Scenario, planned
from streams.capacity.targets import share_of, within_of
from streams.cli import main
from streams.history.importing import keep
from streams.history.store import Store
from streams.policy.reading import default_policy, parse_policy
from tests.history.recorded import engine_of_service

SHANGHAI = ZoneInfo("Asia/Shanghai")
POLICY = b"""
zone: Asia/Shanghai
periods:
  - {name: sale, from: 2026-11-10 20:00, until: 2026-11-12}
hours:
  desk: {week: {mon-fri: 09:00-18:00}, holidays: CN, closed: [2026-12-24]}
  abroad: {week: {mon-fri: 09:00-18:00}, zone: Europe/Berlin, closed: [2026-12-23]}
limits:
  target:
    - 20s
    - {limit: 5s, queue: hotline}
    - {limit: 2m, period: sale}
"""


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def test_each_queue_is_planned_for_its_own_target_and_a_sale_for_that_of_the_sale() -> None:
    policy = parse_policy(POLICY, "p.yaml")
    starts_us = [us("2026-11-10T11:59"), us("2026-11-10T12:00"), us("2026-11-11T15:59"), us("2026-11-11T16:00")]
    assert within_of(policy, ["desk", "hotline"], starts_us).tolist() == [[20, 120, 120, 20], [5, 5, 5, 5]]
    assert share_of(policy) == share_of(default_policy()) == 0.8
    came = np.full((2, 4), 1_000.0)
    made = planned(came, 180.0, 1_800.0, Scenario(Target(0.8, 1.0)), within_of(policy, ["desk", "hotline"], starts_us))
    alone = [
        int(planned([[1_000.0]], 180.0, 1_800.0, Scenario(Target(0.8, within_s))).needed[0, 0])
        for within_s in (20, 120, 5)
    ]
    assert alone[1] < alone[0] < alone[2]
    assert made.needed[0].tolist() == [alone[0], alone[1], alone[1], alone[0]]
    assert set(made.needed[1].tolist()) == {alone[2]}
    assert (made.service_level >= 0.8).all()


def test_a_policy_without_a_target_is_not_guessed_at() -> None:
    with pytest.raises(InvalidSetting, match="no target for everybody; give --target"):
        within_of(parse_policy(b"limits: {target: none}", "p.yaml"), [""], [0])


def test_the_target_is_the_policys_unless_another_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("limits: {target: 2m}\n")
    asked = ("capacity", "plan", "--arrivals", "100", "--handle", "3m")
    said = []
    for more in ((), ("--policy", str(path)), ("--target", "80%/2m"), ("--policy", str(path), "--target", "80%/20s")):
        assert command(*asked, *more) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[3] != said[1] == said[2]


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026-11-09", ""), ("2026-11-10", "sale"), ("2026-11-11", "sale"), ("2026-11-12", ""),
        ("2026-10-01", HOLIDAY),  # The National Day.
        ("2026-10-10", OTHER_HOURS),  # A Saturday that is worked for it.
        ("2026-12-24", HOLIDAY),
        ("2026-12-23", ""),  # Closed abroad only.
        ("2026-06-18", "mid-year"), ("2026-06-20", "mid-year"), ("2026-06-21", ""),
    ],
)  # fmt: skip
def test_sales_and_holidays_name_the_days_that_are_not_like_others(day: str, name: str) -> None:
    policy = parse_policy(POLICY, "p.yaml")
    said = [("mid-year", frozenset(datetime(2026, 6, day).date() for day in (18, 19, 20)))]
    assert named_days([us(day) - 8 * HOUR_US], SHANGHAI, said, policy) == [name]


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sixteen days with a contact every two hours, and five times as many on the fifth and tenth."""
    path = str(tmp_path_factory.mktemp("weeks") / "weeks.sqlite")
    engine = engine_of_service(None)
    lines = []
    for day in range(16):
        for at in range(60 if day in (4, 9) else 12):
            ms = (us("2026-03-02") + day * DAY_US) // 1_000 + at * (86_400_000 // (60 if day in (4, 9) else 12))
            for kind, then_ms in (("queued", 0), ("answered", 1_000), ("closed", 61_000)):
                lines.append(
                    (
                        ms + then_ms,
                        f'{{"type":"contact.{kind}","time":{ms + then_ms},"contact":"{day}/{at}","queue":"q","agent":"a"}}\n',
                    )
                )
    engine.absorb(
        decode("".join(line for _, line in sorted(lines)).encode(), source="s", vocabulary=Vocabulary(engine.secret))
    )
    engine.finish()
    store = Store(f"sqlite:///{path}")
    keep(engine, store)
    store.close()
    return path


def test_a_sale_is_planned_like_the_sales_before_and_other_days_are_not(
    weeks: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("capacity", "plan", "--history", weeks, "--zone", "UTC", "--days", "2", "--handle", "1m")
    sums = []
    for more in (
        ("--event", "sale=2026-03-06", "--event", "sale=2026-03-11", "--event", "sale=2026-03-18"),
        ("--event", "sale=2026-03-06", "--event", "sale=2026-03-11", "--event", "moon=2026-03-18"),
        (),
    ):
        assert command(*asked, *more, "--out", str(tmp_path / "p.csv")) == 0
        sums.append([0.0, 0.0])
        for row in csv.DictReader((tmp_path / "p.csv").open(encoding="utf-8")):
            sums[-1][row["interval_start"] >= "2026-03-19"] += float(row["arrivals"])
    said = capsys.readouterr().err
    assert "2026-03-18 sale: as on 2 days of the history" in said
    assert "2026-03-18 moon: none is in the history" in said
    assert sums[0] == pytest.approx([60, 12], rel=0.02)
    assert sums[1] == pytest.approx([12, 12], rel=0.02)
    assert sums[2][0] > 15, "without its name a sale teaches that all days are busier"
    assert (
        command(
            "capacity",
            "check",
            "--history",
            weeks,
            "--zone",
            "UTC",
            "--event",
            "sale=2026-03-06",
            "--event",
            "sale=2026-03-11",
        )
        == 0
    )
    assert "better" in capsys.readouterr().out


@pytest.mark.parametrize(
    "event", ["sale", "=2026-01-01", "sale=2026-13-01", "sale=2026-01-02..2026-01-01", "sale=1000-01-01..2026-01-01"]
)
def test_what_is_no_event_is_refused(event: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("capacity", "plan", "--event", event) == 2
    assert "is no event; write it like sale=2026-11-11" in capsys.readouterr().err


def test_what_a_gap_and_breaches_cost_is_told_only_where_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("capacity", "plan", "--arrivals", "100", "--handle", "3m", "--occupancy", "85%", "--shrinkage", "30%")
    assert command(*asked) == 0
    assert "cost" not in capsys.readouterr().out
    assert command(*asked, "--present", "11", "--cost", "60", "--breach-cost", "2") == 0
    # 16 on the roster instead of 20, half an hour each; 61.039 of 100 contacts miss the target.
    assert capsys.readouterr().out.endswith("cost 480.00, cost of breaches 122.08, cost of the gap -120.00\n")
