"""The dashboards: whole, explained in both languages, nothing over anything else, and everything that is exported is somewhere."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.alerting import alerts_of
from dashboards.build import Places, files_of, metrics_text
from dashboards.catalogue import METRICS, metrics_in
from dashboards.documents import runbook, through_rules
from dashboards.grafana.boards import boards
from dashboards.grafana.model import LANGUAGES, dashboard
from dashboards.grafana.panel import limits
from streams.policy.reading import default_policy

ROOT = Path(__file__).parents[2]
POLICY = default_policy()
BOARDS = boards(POLICY)
EDITIONS = [
    pytest.param(dashboard(board, language, POLICY, "http://wall"), board, id=f"{board.name}-{language}")
    for board in BOARDS
    for language in LANGUAGES
]
#: Rows of a screen of 1920 × 1080 in kiosk mode: 38 pixels each, less the variables.
SCREEN_ROWS = 26
UNITS = {"short", "none", "s", "percentunit", "bytes", "dateTimeFromNow"}


def test_the_eight_dashboards_are_there_with_names_that_stay() -> None:
    assert [board.name for board in BOARDS] == [
        "floor", "service", "agents", "cases", "quality", "capacity", "shops", "health",
    ]  # fmt: skip
    for parameters in EDITIONS:
        assert re.fullmatch("floorwatch-[a-z]+-(en|zh)", parameters.values[0]["uid"])  # type: ignore[index,arg-type,call-overload]


@pytest.mark.parametrize(("model", "board"), EDITIONS)
def test_grafanas_own_types_read_every_dashboard_and_lose_nothing(model: dict[str, Any], board: Any) -> None:
    read = json.loads(json.dumps(Dashboard.from_json(model), cls=JSONEncoder))
    # Of an annotation the data source itself reads these, which no schema of Grafana's describes.
    assert _missing(model, read) == [f".annotations.list[1].{name}" for name in ("step", "titleFormat", "textFormat")]


def _missing(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """What we say and the types do not know."""
    if isinstance(ours, dict):
        return [
            where
            for name, value in ours.items()
            if value is not None
            for where in (_missing(value, theirs[name], f"{place}.{name}") if name in theirs else [f"{place}.{name}"])
        ]
    if isinstance(ours, list):
        return [
            where
            for number, pair in enumerate(zip(ours, theirs, strict=True))
            for where in _missing(*pair, f"{place}[{number}]")
        ]
    return [] if ours == theirs else [f"{place}: {ours!r} became {theirs!r}"]


@pytest.mark.parametrize(("model", "board"), EDITIONS)
def test_every_panel_is_named_explained_and_asks_the_chosen_data_source(model: dict[str, Any], board: Any) -> None:
    assert model["schemaVersion"] >= 39
    assert model["templating"]["list"][0]["type"] == "datasource"
    assert [one["name"] for one in model["annotations"]["list"]][1:] in (
        ["Breaches", "Sale periods"],
        ["违约", "大促时段"],
    )
    assert {link["type"] for link in model["links"]} == {"dashboards", "link"}
    ids = [panel["id"] for panel in model["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in model["panels"]:
        assert panel["title"] and len(panel["description"]) > 20, panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            assert target["legendFormat"] and target["expr"]
            if len(panel["targets"]) > 1 and panel["type"] == "timeseries":
                assert target["legendFormat"] != "__auto", panel["title"]
            used = set(re.findall(r"\$(\w+)", target["expr"]))
            assert used <= {one["name"] for one in model["templating"]["list"]}


@pytest.mark.parametrize(("model", "board"), EDITIONS)
def test_no_panel_lies_over_another_and_a_wall_fits_its_screen(model: dict[str, Any], board: Any) -> None:
    places = [panel["gridPos"] for panel in model["panels"]]
    for one, other in combinations(places, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    for place in places:
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
        if board.on_wall:
            assert place["y"] + place["h"] <= SCREEN_ROWS


def test_both_editions_ask_the_same_and_say_it_in_their_own_language() -> None:
    for board in BOARDS:
        english, chinese = (dashboard(board, language, POLICY, "http://wall") for language in LANGUAGES)
        for one, other in zip(english["panels"], chinese["panels"], strict=True):
            assert one["targets"] == other["targets"] and one["gridPos"] == other["gridPos"]
            assert not re.search("[\u4e00-\u9fff]", one["title"] + one["description"])
            assert re.search("[\u4e00-\u9fff]", other["description"])
            assert re.search("[\u4e00-\u9fff]", other["title"]) or other["title"] == "Alertmanager"


def test_thresholds_are_the_policys() -> None:
    assert limits(POLICY, "waiting") == ((None, "green"), (30, "yellow"), (50, "red"))
    assert limits(POLICY, "service_level") == ((None, "red"), (0.8, "yellow"), (0.85, "green"))


def test_everything_that_is_exported_is_in_a_panel_or_an_alert() -> None:
    expressions = [query.expression for board in BOARDS for panel in board.panels for query in panel.queries]
    expressions += [alert.expression for alert in alerts_of(POLICY)]
    shown = {name for expression in expressions for name in metrics_in(through_rules(expression, POLICY))}
    assert set(METRICS) - shown == set()


def test_the_same_policy_gives_the_same_bytes_in_every_file() -> None:
    assert files_of(POLICY, Places()) == files_of(default_policy(), Places())


def test_the_documents_of_the_repository_are_those_that_are_built() -> None:
    assert (ROOT / "METRICS.md").read_text("utf-8") == metrics_text(POLICY)
    assert (ROOT / "RUNBOOK.md").read_text("utf-8") == runbook(POLICY)
