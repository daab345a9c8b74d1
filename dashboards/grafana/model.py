"""Boards as the JSON that Grafana 11 and later import: schema version 39.

Owns the JSON and the placing of panels. Plain mappings rather than Grafana's foundation SDK, whose types check what comes out in the tests: see the
README for why. Law: the same board gives the same bytes, and no panel lies over another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dashboards.catalogue import METRICS, metrics_in
from dashboards.documents import through_rules
from dashboards.grafana.panel import Board, Panel, Steps
from engine.policy import Policy

__all__ = ["LANGUAGES", "board_json", "dashboard", "uid_of"]

LANGUAGES = ("en", "zh")
SCHEMA_VERSION = 39
TAG = "floorwatch"
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_GRAFANA = {"type": "grafana", "uid": "-- Grafana --"}
_COLUMNS = 24
#: Variables: what is asked for their values, and what they are called.
_VARIABLES = {
    "queue": ('label_values(floorwatch_offered_contacts_total{rollup="queue"}, queue)', ("Queue", "队列")),
    "tenant": ('label_values(floorwatch_offered_contacts_total{rollup="tenant,channel"}, tenant)', ("Shop", "店铺")),
    "channel": ('label_values(floorwatch_offered_contacts_total{rollup="tenant,channel"}, channel)', ("Channel", "渠道")),
    "region": ('label_values(floorwatch_offered_contacts_total{rollup="category,region", region!=""}, region)', ("Region", "地区")),
}  # fmt: skip
_BREACHES = 'ALERTS{alertstate="firing", alertname=~"CommitmentBroken|.*ServiceLevel.*"}'


def uid_of(board: Board, language: str) -> str:
    """The name by which Grafana and links know it, for ever."""
    return f"floorwatch-{board.name}-{language}"


def board_json(board: Board, language: str, policy: Policy, wall: str) -> str:
    """The file's text."""
    return json.dumps(dashboard(board, language, policy, wall), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def dashboard(board: Board, language: str, policy: Policy, wall: str) -> dict[str, Any]:
    """One edition of a board."""
    chosen = LANGUAGES.index(language)
    return {
        "id": None, "uid": uid_of(board, language), "title": f"Floorwatch · {board.title[chosen]}",
        "description": board.purpose[chosen], "tags": [TAG, f"{TAG}-{language}"], "timezone": "browser", "editable": False,
        "graphTooltip": 1, "schemaVersion": SCHEMA_VERSION, "version": 0, "fiscalYearStartMonth": 0, "liveNow": False,
        "weekStart": "", "refresh": board.refresh, "time": {"from": f"now-{board.span}", "to": "now"}, "timepicker": {},
        "templating": {"list": list(_variables(board, chosen))},
        "annotations": {"list": list(_annotations(chosen))},
        "links": _links(language, wall, chosen),
        "panels": [
            _panel(panel, number, place, chosen, policy)
            for number, (panel, place) in enumerate(zip(board.panels, _placed(board.panels), strict=True), 1)
        ],
    }  # fmt: skip


def _placed(panels: tuple[Panel, ...]) -> Iterator[dict[str, int]]:
    """From left to right; a row is as high as its highest panel."""
    x = y = height = 0
    for panel in panels:
        if x + panel.width > _COLUMNS:
            x, y, height = 0, y + height, 0
        yield {"x": x, "y": y, "w": panel.width, "h": panel.height}
        x, height = x + panel.width, max(height, panel.height)


def _variables(board: Board, chosen: int) -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "type": "datasource", "label": ("Data source", "数据源")[chosen], "query": "prometheus",
           "hide": 0, "includeAll": False, "multi": False, "refresh": 1, "regex": "", "skipUrlSync": False,
           "options": [], "current": {}}  # fmt: skip
    for name in board.variables:
        query, labels = _VARIABLES[name]
        yield {"name": name, "type": "query", "label": labels[chosen], "datasource": _SOURCE,
               "query": {"query": query, "refId": "variable"}, "hide": 0, "includeAll": True, "allValue": ".*",
               "multi": True, "refresh": 2, "regex": "", "skipUrlSync": False, "sort": 1, "options": [],
               "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}  # fmt: skip


def _annotations(chosen: int) -> Iterator[dict[str, Any]]:
    yield {"builtIn": 1, "datasource": _GRAFANA, "enable": True, "hide": True, "iconColor": "rgba(0, 211, 255, 1)",
           "name": "Annotations & Alerts", "type": "dashboard"}  # fmt: skip
    yield {"datasource": _SOURCE, "enable": True, "expr": _BREACHES, "iconColor": "red", "name": ("Breaches", "违约")[chosen],
           "step": "60s", "titleFormat": "{{alertname}}", "textFormat": "{{commitment}} {{queue}}"}  # fmt: skip
    yield {"datasource": _GRAFANA, "enable": True, "iconColor": "purple", "name": ("Sale periods", "大促时段")[chosen],
           "target": {"limit": 100, "matchAny": False, "tags": [TAG, "period"], "type": "tags"}}  # fmt: skip


def _links(language: str, wall: str, chosen: int) -> list[dict[str, Any]]:
    common = {"icon": "external link", "includeVars": False, "keepTime": False, "targetBlank": True, "tooltip": ""}
    return [
        {**common, "type": "dashboards", "title": ("Dashboards", "仪表盘")[chosen], "tags": [f"{TAG}-{language}"],
         "asDropdown": True, "includeVars": True, "keepTime": True, "targetBlank": False, "url": ""},
        {**common, "type": "link", "title": ("The wall", "看板")[chosen], "tags": [], "asDropdown": False, "url": wall},
    ]  # fmt: skip


def _panel(panel: Panel, number: int, place: dict[str, int], chosen: int, policy: Policy) -> dict[str, Any]:
    instant = panel.kind != "timeseries"
    targets = [
        {"refId": chr(ord("A") + index), "datasource": _SOURCE, "editorMode": "code", "expr": query.expression,
         "legendFormat": query.legend or "__auto", "instant": instant, "range": not instant,
         "format": "table" if panel.kind == "table" else "time_series"}
        for index, query in enumerate(panel.queries)
    ]  # fmt: skip
    return {
        "id": number, "type": panel.kind, "title": panel.title[chosen], "description": _described(panel, chosen, policy),
        "datasource": _SOURCE, "gridPos": place, "targets": targets, "transparent": False,
        "fieldConfig": {"defaults": _defaults(panel, chosen), "overrides": []}, "options": _options(panel.kind),
        **({"transformations": _TABLE} if panel.kind == "table" else {}),
    }  # fmt: skip


#: Times and technical labels say nothing in a table.
_TABLE = [{"id": "organize", "options": {
    "excludeByName": dict.fromkeys(("Time", "__name__", "instance", "job", "rollup"), True), "indexByName": {}, "renameByName": {},
}}]  # fmt: skip


def _described(panel: Panel, chosen: int, policy: Policy) -> str:
    parts = [panel.note[chosen]] if panel.note[chosen] else []
    names = dict.fromkeys(
        name for query in panel.queries for name in metrics_in(through_rules(query.expression, policy))
    )
    for name in list(names)[:4]:
        metric = METRICS[name]
        parts.append(f"`{name}`: {(metric.english, metric.chinese)[chosen]} ({metric.formula})")
    return "\n\n".join(parts)


def _defaults(panel: Panel, chosen: int) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "unit": panel.unit, "noValue": ("no data", "无数据")[chosen], "mappings": [],
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": _steps(panel.steps)},
    }  # fmt: skip
    if panel.unit == "percentunit":
        defaults |= {"min": 0, "max": 1}
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line", "lineWidth": 2, "fillOpacity": 20 if panel.stacked else 0, "showPoints": "never",
            "spanNulls": False, "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if len(panel.steps) > 1 else "off"},
        }  # fmt: skip
    return defaults


def _steps(steps: Steps) -> list[dict[str, Any]]:
    return [{"color": colour, "value": value} for value, colour in steps]


def _options(kind: str) -> dict[str, Any]:
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    return {
        "stat": {"colorMode": "background", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
                 "reduceOptions": reduced, "textMode": "auto", "wideLayout": True},
        "bargauge": {"displayMode": "basic", "orientation": "horizontal", "reduceOptions": reduced, "showUnfilled": True,
                     "valueMode": "color"},
        "timeseries": {"legend": {"calcs": ["lastNotNull"], "displayMode": "table", "placement": "right", "showLegend": True},
                       "tooltip": {"mode": "multi", "sort": "desc"}},
        "table": {"cellHeight": "sm", "showHeader": True, "footer": {"show": False, "reducer": ["sum"], "fields": "", "countRows": False}},
    }[kind]  # fmt: skip
