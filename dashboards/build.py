"""Every file for Prometheus, Alertmanager and Grafana, from the catalogue and a policy.

Owns which files there are and where they lie. Writes nothing: it gives names and texts. Law: the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import yaml

from dashboards.documents import metrics_document, runbook
from dashboards.grafana.boards import boards
from dashboards.grafana.model import LANGUAGES, board_json
from dashboards.routing import alertmanager_file
from dashboards.rules import rules_file
from engine.policy import Policy

__all__ = ["Places", "files_of", "metrics_text"]


@dataclass(frozen=True)
class Places:
    """Where things are, as the generated files name them. `webhooks` by level; see `dashboards.routing`. `workers` and `gateways` of a
    cluster as host:port, where DNS gives for the host the addresses of all of them."""

    floorwatch: str = "http://127.0.0.1:8080"
    prometheus: str = "http://127.0.0.1:9090"
    alertmanager: str = "http://127.0.0.1:9093"
    runbook: str = "RUNBOOK.md"
    token_file: str = ""
    folder: str = "/var/lib/grafana/dashboards"
    workers: str = ""
    gateways: str = ""
    webhooks: Mapping[str, str] = field(default_factory=dict)


def files_of(policy: Policy, places: Places) -> dict[str, str]:
    """Texts by path."""
    found = {
        "prometheus/prometheus.yml": _prometheus(places),
        "prometheus/floorwatch-rules.yml": rules_file(policy, places.runbook),
        "alertmanager/alertmanager.yml": alertmanager_file(
            policy, places.webhooks, floorwatch=places.floorwatch, token_file=places.token_file
        ),
        "grafana/provisioning/datasources/floorwatch.yml": _source(places),
        "grafana/provisioning/dashboards/floorwatch.yml": _provider(places),
        "METRICS.md": metrics_text(policy),
        "RUNBOOK.md": runbook(policy),
    }
    for board in boards(policy):
        for language in LANGUAGES:
            found[f"grafana/dashboards/{language}/{board.name}.json"] = board_json(
                board, language, policy, places.floorwatch
            )
    return dict(sorted(found.items()))


def metrics_text(policy: Policy) -> str:
    """METRICS.md."""
    panels = (
        (f"{board.title[0]}: {panel.title[0]}", query.expression)
        for board in boards(policy)
        for panel in board.panels
        for query in panel.queries
    )
    return metrics_document(policy, panels)


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)


def _prometheus(places: Places) -> str:
    job: dict[str, object] = {"job_name": "floorwatch", "scheme": urlsplit(places.floorwatch).scheme}
    job["static_configs"] = [{"targets": [urlsplit(places.floorwatch).netloc]}]
    if places.token_file:
        job["authorization"] = {"credentials_file": places.token_file}
    jobs = [job]
    if places.workers:
        jobs.append({"job_name": "floorwatch-worker", **_found(places.workers)})
    if places.gateways:
        login = {"authorization": job["authorization"]} if places.token_file else {}
        jobs.append({"job_name": "floorwatch-gateway", **_found(places.gateways), **login})
    return _yaml({
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": ["floorwatch-rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [urlsplit(places.alertmanager).netloc]}]}]},
        "scrape_configs": jobs,
    })  # fmt: skip


def _found(place: str) -> dict[str, object]:
    host, _, port = place.rpartition(":")
    return {"dns_sd_configs": [{"names": [host], "type": "A", "port": int(port), "refresh_interval": "15s"}]}


def _source(places: Places) -> str:
    return _yaml({"apiVersion": 1, "datasources": [{
        "name": "Floorwatch", "uid": "floorwatch", "type": "prometheus", "access": "proxy", "url": places.prometheus,
        "isDefault": True, "jsonData": {"timeInterval": "15s", "httpMethod": "POST"},
    }]})  # fmt: skip


def _provider(places: Places) -> str:
    return _yaml({"apiVersion": 1, "providers": [
        {"name": f"floorwatch-{language}", "folder": "Floorwatch", "folderUid": "floorwatch", "type": "file",
         "options": {"path": f"{places.folder}/{language}"}}
        for language in LANGUAGES
    ]})  # fmt: skip
