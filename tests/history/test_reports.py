"""Reports: the figures of a replay, in any form; a page that opens without a network in both languages; and in time."""

import csv
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from sqlalchemy import insert

from engine.facts import FIELD, FIELDS
from engine.histograms import BUCKET_COUNT
from engine.times import DAY_US
from engine.windows import Figures
from streams.cli import main
from streams.history import tables
from streams.history.store import BASE_US, Store
from streams.reports.words import WORDS
from tests.browser.chromium import Chromium
from tests.history.recorded import BANK_DAYS
from tests.streams.replaying import replay

PICTURES = Path(__file__).parents[2] / "build" / "reports"


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bank") / "bank.sqlite"
    command("history", "import", str(BANK_DAYS), "--history", str(path))
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


def command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def report(bank: Path, out: Path, *more: str) -> Path:
    assert command("report", "--history", str(bank), "--zone", "UTC", "--out", str(out), *more) == 0
    return out


@pytest.mark.parametrize(("step", "by"), [("30m", "queue"), ("1d", "")])
def test_a_report_has_the_rows_and_columns_of_a_replay_digit_by_digit(
    bank: Path, tmp_path: Path, step: str, by: str
) -> None:
    wanted = replay(tmp_path, BANK_DAYS, "--zone", "UTC", "--window", step, "--by", by).rows
    asked = ("--from", "1999-01-02", "--until", "1999-01-26", "--step", step, "--by", by)
    rows = list(csv.DictReader(report(bank, tmp_path / "r.csv", *asked).open(encoding="utf-8")))
    # A replay leaves out windows in which no contact was; a report has those of groups that are known of.
    found = {(row["window_start"], row.get("queue")): row for row in rows}
    for row in wanted:
        ours = found[row["window_start"], row.get("queue")]
        assert {name: ours[name] for name in row} == row
        assert float(ours["kept_ratio"]) > 0.9  # The first day is known from half past midnight on.
        assert ours["corrections"] == "0"
    assert sum(int(row["offered"]) for row in rows) == 4_599
    as_json = json.loads(report(bank, tmp_path / "r.json", *asked).read_text("utf-8"))
    assert [str(row["offered"]) for row in as_json] == [row["offered"] for row in rows]
    assert [row["service_level"] for row in as_json] == [
        float(row["service_level"]) if row["service_level"] else None for row in rows
    ]


def test_a_report_as_parquet_is_its_csv_with_types(bank: Path, tmp_path: Path) -> None:
    asked = ("--from", "1999-01-24", "--until", "1999-01-26", "--step", "1h", "--by", "queue", "--zone", "UTC")
    found = parquet.read_table(report(bank, tmp_path / "r.parquet", *asked))
    rows = list(csv.DictReader(report(bank, tmp_path / "r.csv", *asked).open(encoding="utf-8")))
    assert found.column_names == list(rows[0])
    assert str(found.schema.field("window_start").type) == "timestamp[us, tz=UTC]"
    assert str(found.schema.field("offered").type) == "int64"
    for ours, told in zip(found.to_pylist(), rows, strict=True):
        assert ours.pop("window_start") == datetime.fromisoformat(told.pop("window_start"))
        assert ours.pop("window_end") == datetime.fromisoformat(told.pop("window_end"))
        assert ours.pop("queue") == told.pop("queue")
        assert {name: "" if value is None else value for name, value in ours.items()} == {
            name: value and float(value) for name, value in told.items()
        }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_opens_without_a_network_and_says_everything_in_its_language(
    bank: Path, tmp_path: Path, chromium: Chromium, language: str
) -> None:
    out = report(bank, tmp_path / "page.html", "--from", "1999-01-24", "--until", "1999-01-26", "--by", "queue", "--step", "1h",
                 "--language", language)  # fmt: skip
    with chromium.page(1280, 1000) as page:
        page.ask("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
        page.open(out.as_uri())
        page.wait("document.querySelector('footer')")
        assert page.errors == []
        words = WORDS[language]
        text = page.tell("document.body.innerText")
        for said in (
            words["title"],
            words["trend"],
            words["heat"],
            words["worst"],
            words["promises"],
            words["figures"]["service_level"],
        ):
            assert said in text
        assert page.tell("document.querySelectorAll('svg').length") == 6
        assert page.tell("document.querySelectorAll('rect:not(.void)').length") > 60
        assert (
            page.tell("[...document.querySelectorAll('.tile')].map(one => one.dataset.figure)").count("service_level")
            == 1
        )
        # Nothing wider than the sheet, and nothing cut off, on paper's width and on a phone.
        for width in (1280, 400):
            page.resize(width, 1000)
            assert page.tell("document.documentElement.scrollWidth") <= width
        page.resize(1280, page.tell("document.documentElement.scrollHeight"))
        page.picture(PICTURES / f"bank-{language}.png")
    assert "http" not in out.read_text("utf-8").replace('<meta http-equiv="Content-Security-Policy"', "")


def test_the_figures_of_the_page_are_those_of_the_table(bank: Path, tmp_path: Path) -> None:
    asked = ("--from", "1999-01-24", "--until", "1999-01-25")
    (row,) = csv.DictReader(report(bank, tmp_path / "r.csv", *asked).open(encoding="utf-8"))
    page = report(bank, tmp_path / "page.html", *asked).read_text("utf-8")
    assert f"<strong>{int(row['offered']):,}</strong>" in page
    assert f"<strong>{float(row['service_level']) * 100:.1f} %</strong>" in page
    assert f"<strong>{WORDS['en']['none']}</strong>" in page  # Nobody rated a call.


def test_both_languages_have_the_same_words() -> None:
    def keys(value: Any) -> Any:
        return (
            {name: keys(of) for name, of in sorted(value.items())}
            if isinstance(value, dict)
            else len(value) * isinstance(value, list)
        )

    assert keys(WORDS["en"]) == keys(WORDS["zh"])


def test_what_cannot_be_reported_is_said_before_anything_is_written(
    bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, said in (
        (("--by", "region"), "keeps nothing by region"), (("--from", "tomorrow"), "is no day and no instant"),
        (("--from", "1999-01-24T00:01"), "quarter of an hour"), (("--step", "20m"), "quarters of an hour"),
        (("--from", "1999-01-24", "--until", "1999-01-02"), "range is empty"),
    ):  # fmt: skip
        assert command("report", "--history", str(bank), "--out", str(tmp_path / "no.csv"), *arguments) == 2
        assert said in capsys.readouterr().err
    assert command("report", "--history", str(bank), "--out", str(tmp_path / "no.doc")) == 2
    assert list(tmp_path.iterdir()) == []


def hostile_month(path: Path, queues: int, days: int) -> None:
    """A month in which every quarter of an hour is the same, of queues with names that a page must not run."""
    store = Store(f"sqlite:///{path}")
    dice = np.random.default_rng(5)
    sums = np.zeros((queues, len(FIELDS)), np.int64)
    for name in ("offered", "queued", "answered", "answered_in_target", "events_answered", "handled", "closed", "entered", "left_answered",
                 "first_response_count", "response_count", "customer_messages", "agent_messages", "breaches", "wait_breaches"):  # fmt: skip
        sums[:, FIELD[name]] = dice.poisson(20, queues)
    for name in ("wait_us", "wait_answered_us", "handle_us", "first_response_us", "response_us", "waiting_area_us", "in_service_area_us",
                 "occupied_area_us", "idle_area_us", "available_area_us", "busy_area_us"):  # fmt: skip
        sums[:, FIELD[name]] = dice.integers(10**7, 10**9, queues)
    histograms = np.zeros((3, queues, BUCKET_COUNT), np.int32)
    histograms[:, :, 5:9] = dice.poisson(3, (3, queues, 4))
    names = [(f"<script>alert({number})</script>",) for number in range(queues)]
    figures = Figures(
        np.zeros(queues, np.int64),
        np.arange(queues),
        sums,
        np.ones((queues, 3), np.int64),
        np.full(queues, 9),
        histograms,
    )
    store.put("queue", BASE_US, [0], figures, names)
    store.put("total", BASE_US, [0], figures.only(figures.groups == 0), [()])
    with store.engine.begin() as connection:
        for rollup in ("queue", "total"):
            kept = next(store.read(rollup, BASE_US, 0, 1))
            row = {
                "rollup": rollup,
                "size_us": BASE_US,
                "revision": 1,
                "written_us": 0,
                "digest": "",
                "body": kept.packed.body(),
            }
            starts = range(BASE_US, days * DAY_US, BASE_US)
            connection.execute(insert(tables.windows), [row | {"start_us": start} for start in starts])
    store.close()


def test_thirty_days_of_five_hundred_queues_are_reported_in_five_seconds(tmp_path: Path, chromium: Chromium) -> None:
    hostile_month(tmp_path / "month.sqlite", 500, 30)
    began = time.process_time()
    out = report(
        tmp_path / "month.sqlite",
        tmp_path / "month.html",
        "--from",
        "1970-01-01",
        "--until",
        "1970-01-31",
        "--by",
        "queue",
    )
    took_s = time.process_time() - began
    print(f"\n30 days x 500 queues: {took_s:.2f} s of processor time")
    assert took_s < 5
    with chromium.page() as page:
        page.open(out.as_uri())
        page.wait("document.querySelector('footer')")
        assert page.tell("document.querySelectorAll('script').length") == 0
        assert page.tell("document.querySelector('tbody th').textContent.startsWith('<script>alert(')")
