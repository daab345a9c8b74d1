"""The history of intervals: what was kept is what the engine had, whoever wrote it and however often it was corrected."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from sqlalchemy import create_engine

from engine.errors import InvalidSetting
from engine.events import Vocabulary, decode
from engine.history import history
from engine.measures import measures
from engine.pipeline import Engine
from engine.times import DAY_US, HOUR_US, MINUTE_US
from engine.windows import Spec, bounds_between, collect
from streams.cli import main
from streams.history.importing import keep
from streams.history.lately import remembered
from streams.history.reading import summed
from streams.history.recorder import Recorder
from streams.history.store import BASE_US, FINE_US, Store
from tests.alerts.conftest import postgresql, postgresql_server  # noqa: F401 - fixtures.
from tests.history.recorded import BANK_DAYS, engine_of_service, pieces


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'history.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def whole() -> Engine:
    """Two of the bank's days, all of them held."""
    engine = engine_of_service(None)
    for piece in pieces(engine, "1999-01-2", lines=20_000):
        engine.absorb(piece)
    engine.finish()
    return engine


def told(figures: Any, spans_us: Any, names: Any) -> dict[Any, dict[str, Any]]:
    """Every figure of the report by window and group."""
    columns = measures(figures, spans_us[figures.windows], "answered_of_ended")
    return {
        (window, names[group]): {name: column[row] for name, column in columns.items()}
        for row, (window, group) in enumerate(zip(figures.windows.tolist(), figures.groups.tolist(), strict=True))
    }


@pytest.mark.parametrize(("zone", "step"), [("UTC", "30m"), ("Asia/Kolkata", "1h"), ("America/New_York", "1d")])
def test_kept_windows_of_any_size_and_zone_are_the_engines_own_figure_by_figure(
    whole: Engine, store: Store, zone: str, step: str
) -> None:
    keep(whole, store)
    size_us = {"30m": 30 * MINUTE_US, "1h": HOUR_US, "1d": DAY_US}[step]
    starts, ends = bounds_between(
        Spec(size_us, size_us), ZoneInfo(zone), whole.counters.first_us, whole.counters.last_us
    )  # type: ignore[arg-type]
    for rollup in whole.tallies.rollups[:2]:
        further = tuple(name for name in rollup.fields if name.startswith("responses."))
        wanted: dict[Any, Any] = {}
        for figures in collect(rollup, whole.pane_us, starts, ends):
            wanted |= told(figures, ends - starts, list(rollup.groups))
        found: dict[Any, Any] = {}
        for one in summed(store, rollup.name, starts, ends, further=further):
            found |= told(one.figures, ends - starts, store.names(rollup.name))
        assert found.keys() == wanted.keys()
        for at, row in wanted.items():
            for name, value in row.items():
                assert np.array_equal(found[at][name], value, equal_nan=value.dtype.kind == "f"), (
                    rollup.name,
                    at,
                    name,
                )


def test_the_same_again_changes_nothing_and_what_differs_is_the_next_revision(whole: Engine, store: Store) -> None:
    assert keep(whole, store) > 0
    assert keep(whole, store) == 0
    total = whole.tallies.rollups[0]
    start = whole.counters.first_us // BASE_US * BASE_US  # type: ignore[operator]
    (figures,) = collect(total, whole.pane_us, np.array([start]), np.array([start + BASE_US]))
    figures.sums[0, figures.fields["offered"]] += 1
    assert store.put("total", BASE_US, [start], figures, [()]) == 1
    first = next(store.read("total", BASE_US, start, start + 1))
    assert first.revision == 2
    (one,) = summed(store, "total", np.array([start]), np.array([start + BASE_US]))
    assert one.corrections.tolist() == [1]


def handed_over(recorder: Recorder, engine: Engine, times: int) -> None:
    """Looks so many times, each when there is room."""
    for _ in range(times):
        while recorder._jobs.full():
            time.sleep(0.001)
        recorder.look(engine, now=True)


def test_a_service_that_forgets_after_a_day_has_kept_the_same_as_one_that_holds_everything(
    store: Store, tmp_path: Path
) -> None:
    engine, everything = engine_of_service(), engine_of_service(None)
    recorder = Recorder(store, print)
    recorder.start()
    rounds = 7  # Five rollups, and two of them finer besides.
    for piece in pieces(engine, "1999-01-2", lines=900):
        engine.absorb(piece)
        engine.settle()
        handed_over(recorder, engine, rounds)
    assert engine.counters.last_us is not None
    engine.advance(engine.counters.last_us + HOUR_US)
    handed_over(recorder, engine, 2 * rounds)
    recorder.stop()
    assert recorder.failed == 0
    for piece in pieces(everything, "1999-01-2", lines=20_000):
        everything.absorb(piece)
    everything.finish()
    lively, other = Store(f"sqlite:///{tmp_path / 'history.sqlite'}"), Store(f"sqlite:///{tmp_path / 'other.sqlite'}")
    keep(everything, other)
    revisions = 0
    until = everything.counters.last_us // BASE_US * BASE_US  # type: ignore[operator]
    for rollup in ("total", "queue"):
        (ours,), (theirs,) = (list(summed(one, rollup, np.array([0]), np.array([until]))) for one in (lively, other))
        rows = [
            {
                names[group]: row.tolist()
                for group, row in zip(one.figures.groups.tolist(), one.figures.sums, strict=True)
            }
            for one, names in ((ours, lively.names(rollup)), (theirs, other.names(rollup)))
        ]
        assert rows[0] == rows[1]
        assert len(rows[0]) > (rollup == "queue")
        revisions += int(ours.corrections.sum())
    assert revisions > 0, "contacts that ended later should have corrected something"
    lively.close()
    other.close()


def daily(days: int) -> bytes:
    """A contact every minute of a day's eight hours, answered after ten seconds."""
    lines = []
    for day in range(days):
        for minute in range(8 * 60):
            at_ms = day * 86_400_000 + minute * 60_000
            name = f"{day}/{minute}"
            for after_ms, kind in ((0, "contact.queued"), (10_000, "contact.answered"), (60_000, "contact.closed")):
                lines.append((at_ms + after_ms, kind, name))
    return b"".join(
        msgspec.json.encode({"type": kind, "time": at_ms, "contact": name, "queue": "q", "tenant": "t", "agent": "a"})
        + b"\n"
        for at_ms, kind, name in sorted(lines)
    )


def test_the_walls_trends_know_last_week_from_the_history(store: Store) -> None:
    engine = engine_of_service()
    everything = engine_of_service(None)
    for one in (engine, everything):
        one.absorb(decode(daily(8), source="s", vocabulary=Vocabulary(one.secret)))
        one.finish()
    keep(everything, store)
    for rollup, step_us in (("total", FINE_US), ("tenant", FINE_US), ("queue", BASE_US)):
        asked = rollup, step_us, 48, 7 * DAY_US
        forgotten, wanted = history(engine, *asked), history(everything, *asked)
        assert forgotten is not None
        assert set(forgotten["groups"][0]["offered"]) == {None}
        found = msgspec.json.decode(remembered(store, msgspec.json.encode(forgotten), "answered_of_ended"))
        # The running one was running a week ago too.
        assert wanted is not None
        for name, values in wanted["groups"][0].items():
            if isinstance(values, list):
                assert found["groups"][0][name][:-1] == values[:-1], name


def test_postgresql_keeps_the_same_bytes(store: Store, postgresql: str) -> None:  # noqa: F811
    whole, served = engine_of_service(None), Store(postgresql)
    whole.absorb(decode(daily(1), source="s", vocabulary=Vocabulary(whole.secret)))
    whole.finish()
    assert keep(whole, served) == keep(whole, store)
    assert keep(whole, served) == 0
    for rollup in store.rollups():
        span = store.span(rollup)
        assert served.span(rollup) == span is not None
        ours, theirs = (list(one.read(rollup, BASE_US, *span)) for one in (store, served))  # type: ignore[misc]
        assert ours == theirs
    served.close()


def test_a_history_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'h.sqlite'}"
    Store(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE interval_schema SET version = 99")
    engine.dispose()
    with pytest.raises(RuntimeError, match="version 99, this program knows 2"):
        Store(url)


def test_what_cannot_be_a_history_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidSetting, match="cannot be used"):
        Store("nonsense://")
    with pytest.raises(SystemExit) as stopped:
        main(["history", "show", "--history", str(tmp_path / "none.sqlite")])
    assert stopped.value.code == 1
    assert "There is no interval history" in capsys.readouterr().err


def test_recorded_events_come_into_a_history_by_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = str(tmp_path / "bank.sqlite")
    for arguments in (["import", str(BANK_DAYS), "--history", kept], ["show", "--history", kept, "--zone", "UTC"]):
        with pytest.raises(SystemExit) as stopped:
            main(["history", *arguments])
        assert stopped.value.code == 0
    said = capsys.readouterr()
    assert "of 15,424 events, 0 rejected" in said.err
    assert "queue  1999-01-02T00:30:00Z to 1999-01-26T00:00:00Z, 7 groups" in said.out
