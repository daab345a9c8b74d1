"""METRICS.md and RUNBOOK.md, from the catalogue and the alerts: what each metric means, and what to do when an alert fires.

Owns the form of both; each says everything in English and Chinese. Law: the same catalogue and policy give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dashboards.alert import Alert
from dashboards.alerting import alerts_of
from dashboards.catalogue import METRICS, metrics_in
from dashboards.rules import anchor, recordings
from engine.policy import Policy

__all__ = ["metrics_document", "runbook", "through_rules"]

_RECORDED = re.compile(r"\b\w+:floorwatch_\w+:\w+")
_METRICS = """# Metrics · 指标

Made from `dashboards/catalogue.py` by `floorwatch dashboards build`. A figure without data has no sample. Figures of the floor carry the label `rollup`:
add up within one rollup only. By-arrival figures count a contact where it arrived, by-event figures where it happened.
由 `floorwatch dashboards build` 从 `dashboards/catalogue.py` 生成。没有数据就没有样本。现场数字带有标签 `rollup`，只能在同一 rollup 内相加。
按到达的数字计在进线时刻，按事件的数字计在发生时刻。

| metric | type | unit | labels | meaning | 含义 | formula | rows | panels | alerts |
|---|---|---|---|---|---|---|---|---|---|
"""
_RUNBOOK = """# Runbook · 处置手册

Made from the policy by `floorwatch dashboards build`: a heading for every alert. 由 `floorwatch dashboards build` 从策略生成：每个告警一节。

| alert | severity | level | after | |
|---|---|---|---|---|
"""


def metrics_document(policy: Policy, panels: Iterable[tuple[str, str]]) -> str:
    """All metrics, with the panels and alerts that read them; `panels` are titles and expressions."""
    shown: dict[str, list[str]] = {}
    for title, expression in panels:
        for name in metrics_in(through_rules(expression, policy)):
            shown.setdefault(name, []).append(title)
    warned: dict[str, list[str]] = {}
    for alert in alerts_of(policy):
        for name in metrics_in(through_rules(alert.expression, policy)):
            warned.setdefault(name, []).append(f"[{alert.name}](RUNBOOK.md#{anchor(alert)})")
    lines = []
    for metric in METRICS.values():
        labels = " ".join(f"`{label}`" for label in metric.all_labels)
        cells = (
            f"`{metric.name}`", metric.kind, metric.unit, labels, metric.english, metric.chinese, metric.formula,
            " ".join(metric.rows), "; ".join(dict.fromkeys(shown.get(metric.name, ()))),
            ", ".join(dict.fromkeys(warned.get(metric.name, ()))),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n")
    return _METRICS + "".join(lines)


def through_rules(expression: str, policy: Policy) -> str:
    """An expression with the recording rules that it reads written out, so that only metrics are left."""
    recorded = recordings(policy)
    while names := [name for name in _RECORDED.findall(expression) if name in recorded]:
        for name in sorted(names, key=len, reverse=True):
            expression = re.sub(rf"{name}(?![\w:])", lambda _, name=name: recorded[name], expression)  # type: ignore[misc]
    return expression


def runbook(policy: Policy) -> str:
    """What to do for every alert, in both languages."""
    alerts = alerts_of(policy)
    table = "".join(
        f"| [{one.name}](#{anchor(one)}) | {one.severity} | {one.level} | {one.lasting} | {one.subject} |\n"
        for one in alerts
    )
    return _RUNBOOK + table + "".join(map(_section, alerts))


def _section(alert: Alert) -> str:
    english, chinese = (_plain(text) for text in (alert.english, alert.chinese))
    return f"""
## {alert.name}

{english}
{chinese}

**What to do.** {_plain(alert.todo)}
**处置。** {_plain(alert.todo_chinese)}

```promql
{alert.expression}
```
"""


def _plain(text: str) -> str:
    """Without the templates that name the group."""
    start = text.find("{{ range")
    if start >= 0:
        text = text[:start].rstrip(";； ") + text[text.rfind("}}") + 2 :]
    return text.replace("{{ $labels.", "<").replace(" }}", ">")
