"""What cannot be is refused at once, in one sentence: settings, policies, and snapshots that were made for others."""

from dataclasses import replace
from typing import Any

import pytest

from engine.errors import BrokenInvariant, InvalidSetting
from engine.facts import FIELD
from engine.pipeline import Engine, Settings
from engine.policy import Policy
from engine.windows import Spec
from tests.engine.events import HOUR_US, MINUTE_US, at, engine_of


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"rollups": ((), ("queue",), ())}, "listed twice"),
        ({"disorder_bound_us": -1}, "must not be negative"),
        ({"allowed_lateness_us": -1}, "must not be negative"),
        ({"linger_us": 0}, "at least 1"),
        ({"linger_us": MINUTE_US, "allowed_lateness_us": HOUR_US}, "at least the allowed lateness"),
        ({"batch_rows": 0}, "at least 1"),
        ({"contacts_max": 0}, "at least 1"),
        ({"agents_max": 0}, "at least 1"),
        ({"names_max": 0}, "at least 1"),
        ({"groups_max": 0}, "at least 1"),
        ({"retention_us": HOUR_US}, "an hour together"),
        ({"policy": Policy(service_level="best")}, "choose from"),
    ],
)
def test_settings_that_cannot_be_are_refused(fault: dict[str, Any], why: str):
    with pytest.raises(InvalidSetting, match=why):
        Settings(**fault)


def test_a_rollup_of_an_unknown_dimension_is_refused_with_the_known_ones():
    with pytest.raises(InvalidSetting, match="'mood' is not a dimension; choose from queue"):
        Engine(Settings(rollups=(("mood",),)))


_OTHERS: list[dict[str, Any]] = [
    {"rollups": ((), ("tenant",))}, {"windows": (Spec(5 * MINUTE_US, 5 * MINUTE_US),)}, {"disorder_bound_us": 1},
    {"allowed_lateness_us": MINUTE_US}, {"linger_us": HOUR_US},
]  # fmt: skip


@pytest.mark.parametrize("change", _OTHERS, ids=[next(iter(change)) for change in _OTHERS])
def test_a_snapshot_made_with_other_settings_is_refused(change: dict[str, Any]):
    engine = engine_of(at("8:00", "contact.opened", "a"))
    data = engine.snapshot()
    Engine.restore(data, engine.settings)
    with pytest.raises(InvalidSetting, match="other rollups, windows or bounds"):
        Engine.restore(data, replace(engine.settings, **change))


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_snapshot_that_is_not_whole_is_refused(keep: int):
    data = engine_of(at("8:00", "contact.opened", "a")).snapshot()
    with pytest.raises(ValueError):
        Engine.restore(data[:keep], engine_of().settings)


def test_figures_that_contradict_themselves_are_never_kept():
    engine = engine_of(at("8:00", "contact.queued", "a"), at("8:01", "contact.answered", "a"))
    engine.tallies.rollups[0].totals[0, FIELD["left_answered"]] -= 1
    with pytest.raises(BrokenInvariant, match="do not add up"):
        engine.snapshot()


def test_a_snapshot_holds_no_customers_words():
    engine = engine_of(at("8:00", "message.customer", "a", text="my canary", customer="Ms Canary"))
    assert b"anary" not in engine.snapshot()
