"""The planner's commands: what if, and was the model right, on the bank's days and on figures from the trade."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from engine.capacity.staffing import Target
from engine.errors import InvalidSetting
from streams.capacity.plan import Scenario, planned
from streams.cli import main
from tests.history.recorded import BANK_DAYS


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("bank") / "bank.sqlite")
    assert command("history", "import", str(BANK_DAYS), "--history", path) == 0
    return path


def test_the_trades_example_is_planned_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--arrivals", "100", "--handle", "3m", "--target", "80%/20s", "--occupancy", "85%", "--shrinkage", "30%")
    assert command("capacity", "plan", *asked) == 0
    said = capsys.readouterr().out
    assert said.startswith("14 on contacts, 20 on the roster; service level 0.88835, occupancy 0.714286")
    assert command("capacity", "plan", *asked, "--present", "14", "--add", "-3") == 0
    assert "14 on contacts, 16 on the roster, 11 there; service level 0.38961" in capsys.readouterr().out


def test_the_bank_is_checked_with_its_errors_told(
    bank: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "check.csv"
    assert command("capacity", "check", str(BANK_DAYS), "--history", bank, "--zone", "UTC", "--out", str(out)) == 0
    said = capsys.readouterr().out
    print(said)
    assert "patience" in said
    assert "from 424 who left" in said
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert len(rows) > 80
    error = [float(row["service_level_model"]) - float(row["service_level"]) for row in rows]
    # Four days, half hours of twenty calls and more. The model knows neither priorities nor which of seven kinds of call somebody takes.
    assert abs(np.mean(error)) < 0.15
    assert np.mean(np.abs(error)) < 0.25
    assert (
        np.corrcoef(*([float(row[name]) for row in rows] for name in ("service_level_model", "service_level")))[0, 1]
        > 0.3
    )
    assert "fewer than eight whole days" in said


def test_a_plan_from_the_history_is_a_table_a_file_and_a_chart(
    bank: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ending in (".csv", ".svg"):
        asked = ("--history", bank, "--zone", "UTC", "--by", "queue", "--volume", "5", "--cost", "30", "--days", "2")
        assert command("capacity", "plan", *asked, "--out", str(tmp_path / f"plan{ending}")) == 0
    assert "7 queues" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "plan.csv").open(encoding="utf-8")))
    assert len(rows) == 7 * 48 * 2
    busy = [row for row in rows if float(row["arrivals"]) > 5]
    assert all(float(row["service_level"]) >= 0.8 for row in busy)
    assert all(float(row["cost"]) == pytest.approx(15 * int(row["rostered"])) for row in rows)
    assert (tmp_path / "plan.svg").read_text("utf-8").startswith("<svg xmlns=")


def test_part_time_people_lower_those_who_stay_all_day_and_the_target_is_still_met() -> None:
    day = np.concatenate((np.full(20, 20.0), np.full(8, 100.0), np.full(20, 20.0)))
    scenario = {"target": Target(0.8, 20)}
    alone, helped = (
        planned([day], 180, 1800, Scenario(**scenario, part_time=people, hourly_cost=10)) for people in (0, 4)
    )  # type: ignore[arg-type]
    assert helped.full_time.tolist() == [int(alone.needed.max()) - 4]
    assert (helped.there >= helped.needed).all()
    assert (helped.service_level >= 0.8).all()
    stays = int(alone.needed.max()) * 48 * 5
    assert helped.cost.sum() < stays


def test_a_sale_five_times_as_large_needs_fewer_than_five_times_as_many() -> None:
    one, five = (planned([[40.0]], 240, 1800, Scenario(Target(0.8, 20), volume=volume)) for volume in (1, 5))
    assert one.needed[0, 0] * 3 < five.needed[0, 0] < one.needed[0, 0] * 5


def test_the_early_warning_is_held_against_simulated_days(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--hours", "3", "--agents", "20", "--troubles", "3")
    assert command("capacity", "check", "--simulate", "1,2", *asked) == 0
    first, second, together, early = capsys.readouterr().out.splitlines()
    assert first.startswith("seed 1: ")
    assert second.startswith("seed 2: ")
    # What is said of both is the sum of the two.
    counts = [list(map(int, re.findall(r"(\d+) of (\d+) quarters", line)[0])) for line in (first, second, together)]
    assert [one + other for one, other in zip(*counts[:2], strict=True)] == counts[2]
    assert counts[2][1] > 0
    assert "ten minutes before it was lost" in early
    assert command("capacity", "check", "--simulate", "soon") == 2


def test_what_cannot_be_planned_is_said(bank: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (("--arrivals", "100"), "needs --handle"), (("--target", "soon"), "is no target"), (("--history", str(tmp_path / "no")), "no interval history"),
        (("--arrivals", "9", "--handle", "3m", "--concurrency", "0"), "concurrency is 0; it must lie"), (("--out", "x.doc"), "take .csv or .svg"),
    ):  # fmt: skip
        assert command("capacity", "plan", *arguments) in (1, 2)
        assert said in capsys.readouterr().err
    with pytest.raises(InvalidSetting):
        Scenario(Target(), shrinkage=0.99)
