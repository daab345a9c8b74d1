"""The configuration of Alertmanager: who is told of what, what is told together, and what holds back what.

Owns the routing tree, by tenant, severity and level. Where people are reached is told by addresses of webhooks; a level without one has a
receiver that tells nobody, so that the tree is whole before it is connected. Law: the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from engine.levels import LEVELS
from engine.policy import Policy

__all__ = ["CASES_PATH", "alertmanager_file", "tenants_of"]

CASES_PATH = "/api/v1/alertmanager"
#: How soon after the first alert of a group, how often while it grows, and again when nobody has mended it.
_PACE = {
    "critical": ("5s", "30s", "15m"),
    "warning": ("15s", "2m", "1h"),
    "info": ("1m", "15m", "12h"),
}
_NOBODY = "nobody"


def tenants_of(policy: Policy) -> tuple[str, ...]:
    """Shops that the policy names: they have lines, or conditions, of their own, and so a branch."""
    named = [entry.when.get("tenant", frozenset()) for entry in policy.lines]
    named += [condition.where.get("tenant", frozenset()) for condition in policy.conditions]
    return tuple(sorted({tenant for tenants in named for tenant in tenants}))


def alertmanager_file(
    policy: Policy, webhooks: Mapping[str, str], *, floorwatch: str = "", token_file: str = ""
) -> str:
    """The configuration as YAML.

    `webhooks`: addresses by level (`team_leader`, `supervisor`, `manager`), by `watchdog`, and by `tenant/level`. `floorwatch`: its
    address, to which grave alerts of other systems go, and become cases there; `token_file` has its token.
    """
    receivers: dict[str, list[dict[str, Any]]] = {_NOBODY: []}

    def receiver(name: str) -> str:
        url = webhooks.get(name, "")
        receivers[name] = [{"url": url, "send_resolved": True}] if url else []
        return name

    routes: list[dict[str, Any]] = [
        {"receiver": receiver("watchdog"), "matchers": ['alertname="Watchdog"'], "group_wait": "0s",
         "group_interval": "30s", "repeat_interval": "1m"},
    ]  # fmt: skip
    if floorwatch:
        hook: dict[str, Any] = {"url": floorwatch.rstrip("/") + CASES_PATH, "send_resolved": True}
        if token_file:
            hook["http_config"] = {"authorization": {"credentials_file": token_file}}
        receivers["cases"] = [hook]
        matchers = ['origin!="floorwatch"', 'severity="critical"']
        routes.append(
            {"receiver": "cases", "matchers": matchers, "group_wait": "5s", "group_interval": "30s", "continue": True}
        )
    for tenant in tenants_of(policy):
        branch = list(_levels(lambda level, tenant=tenant: receiver(f"{tenant}/{level}")))
        routes.append(
            {"receiver": _NOBODY, "matchers": [f"tenant={_quoted(tenant)}"], "continue": True, "routes": branch}
        )
    routes += _levels(receiver)
    root = {"receiver": _NOBODY, "group_by": ["alertname", "tenant", "commitment"], "routes": routes}
    whole = {
        "route": root,
        "inhibit_rules": _inhibitions(),
        "receivers": [
            {"name": name, **({"webhook_configs": hooks} if hooks else {})} for name, hooks in receivers.items()
        ],
    }
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=10_000)


def _levels(receiver: Any) -> Iterator[dict[str, Any]]:
    for severity, level in LEVELS.items():
        wait, interval, repeat = _PACE[severity]
        yield {"receiver": receiver(level), "matchers": [f'severity="{severity}"', f'level=~"{level}|"'],
               "group_wait": wait, "group_interval": interval, "repeat_interval": repeat}  # fmt: skip


def _inhibitions() -> list[dict[str, Any]]:
    """While we are blind no figure is to be trusted; and of one matter the graver alert is enough."""
    return [
        {"source_matchers": ['blind="yes"'], "target_matchers": ['origin="floorwatch"', 'subject=~".+"']},
        *(
            {"source_matchers": [f'severity="{graver}"', 'subject=~".+"'], "target_matchers": [f'severity=~"{lighter}"'],
             "equal": ["subject", "tenant", "queue", "channel"]}
            for graver, lighter in (("critical", "warning|info"), ("warning", "info"))
        ),
    ]  # fmt: skip


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
