"""Every commitment of the catalogue is computed, told, raised and shown by a test, and CATALOGUE.md says where."""

import re
from pathlib import Path

import pytest

from engine.conditions import MEASURES
from engine.definitions import SHIPPED
from engine.facts import FIELDS, LEVELS
from engine.measures import measures
from engine.policy import LIMITS
from streams.capacity.naming import BREAKING
from streams.policy.reading import default_policy
from streams.sources import BLIND, OVERDUE, TURNED_AWAY
from tests.catalogue import NOTHING, ROWS, Row, table
from tests.engine.events import at, clock_us, engine_of
from tests.engine.running import figures_of

ROOT = Path(__file__).parents[1]
#: What conditions and policies are called that are no limits, and what the other outputs call figures.
BESIDES = {"grades", "measures", "policy-try", BREAKING, OVERDUE, TURNED_AWAY, BLIND, NOTHING}
LIVE = {"due", "cases", "promises", "conditions", "waiting", "longest_wait_s", "overloaded", "load", "present"}
#: Keys of `/api/v1/now` beside those of the engine.
LIVE |= {"alarms", "blind", "capacity", "sources"}
TRIAL = {"old", "new", "same", "comes", "goes", "moves"}


def _columns() -> set[str]:
    """Every column of a report."""
    engine = engine_of(at("8:00", "contact.opened", "a"))
    figures = figures_of(engine, engine.tallies.rollups[0], clock_us("8:00"), clock_us("8:30"))
    return set(measures(figures, figures.windows * 0 + 1, "answered_of_ended"))


def test_no_row_of_the_catalogue_is_missing():
    assert [row.id for row in ROWS] == [f"C{number}" for number in range(1, 61)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_cell_names_what_is_there(row: Row):
    assert row.english and re.search("[\u4e00-\u9fff]", row.chinese)
    assert row.where and row.figures and row.raised and row.tests
    assert all((ROOT / place).is_file() for place in row.where)
    rates = {f"{name}_rate" for name in SHIPPED} | {f"{name}_avg_s" for name in SHIPPED}
    known = {*FIELDS, *LEVELS, *MEASURES, *LIVE, *TRIAL, *rates, *_columns()}
    assert set(row.figures) <= known, set(row.figures) - known
    conditions = {condition.name for condition in default_policy().conditions}
    watched = {entry.limit for entry in default_policy().lines} & set(LIMITS)
    assert set(row.raised) <= watched | conditions | BESIDES
    for test in row.tests:
        file, name = test.split("::")
        assert f"def test_{name}(" in (ROOT / "tests" / f"{file}.py").read_text("utf-8"), test


def test_the_catalogue_in_the_documentation_is_this_one():
    assert table() in (ROOT / "CATALOGUE.md").read_text("utf-8")
