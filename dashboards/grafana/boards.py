"""The eight dashboards, and in which order they are shown.

Owns the list. What is on each is in `floor_boards`, `service_boards` and `planner_boards`.
"""

from __future__ import annotations

from dashboards.grafana.floor_boards import agents, floor_now, health, shops
from dashboards.grafana.panel import Board
from dashboards.grafana.planner_boards import capacity
from dashboards.grafana.service_boards import cases, quality, service
from engine.policy import Policy

__all__ = ["boards"]


def boards(policy: Policy) -> tuple[Board, ...]:
    """Every dashboard, with thresholds from the policy."""
    return tuple(make(policy) for make in (floor_now, service, agents, cases, quality, capacity, shops, health))
