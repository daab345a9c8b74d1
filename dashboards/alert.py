"""The form of an alert: what a rule, a route and the runbook are made from.

Owns the form. Never asks anything of anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.levels import LEVELS

__all__ = ["Alert"]


@dataclass(frozen=True)
class Alert:
    """One alerting rule. `lasting` is how long the expression must hold. An alert is `blind` when, while it fires, no figure of the floor can
    be trusted; others are then held back. `subject`: of those with one subject the graver holds back the others."""

    name: str
    expression: str
    severity: str
    english: str
    chinese: str
    todo: str
    todo_chinese: str
    lasting: str = "0s"
    blind: bool = False
    subject: str = ""

    @property
    def level(self) -> str:
        return LEVELS[self.severity]
