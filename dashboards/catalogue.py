"""Every exported metric once. Exposition, rules, dashboards and METRICS.md are made from here.

Owns the list of all of them, whose parts are in `dashboards.present`, `counted`, `health`, `escalation` and `cluster`. Never computes a figure.

Law: what is not in this list is not exported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dashboards.cluster import CLUSTER
from dashboards.counted import COUNTED
from dashboards.escalation import ESCALATION
from dashboards.health import HEALTH
from dashboards.metric import Metric
from dashboards.present import PRESENT

__all__ = ["METRICS", "metrics_in"]

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*PRESENT, *COUNTED, *HEALTH, *ESCALATION, *CLUSTER)}

_NAME = re.compile(r"\bfloorwatch_[a-z0-9_]+")
_ENDING = re.compile("_(bucket|count|sum)$")


def metrics_in(expression: str) -> list[str]:
    """The metrics that a PromQL expression reads, each once. Raises KeyError for a name of ours that is none."""
    found = []
    for series in _NAME.findall(expression):
        name = series if series in METRICS else _ENDING.sub("", series)
        found.append(METRICS[name].name)
    return list(dict.fromkeys(found))
