"""Conditions for the histories that hypothesis draws: some of every form, on windows of minutes, so that a small day has their say."""

from dataclasses import replace

from engine.conditions import Condition, Test
from tests.histories import POLICY, SETTINGS

__all__ = ["CONDITIONS", "WATCHED"]

S = 1_000_000
_SALE = {"period": frozenset(("sale",))}
CONDITIONS = (
    Condition("busy", (Test("offered", 1, True, 0),), ("queue",), window_us=60 * S, step_us=20 * S),
    Condition("queue_long", (Test("waiting", 0, True),), ("queue",), window_us=20 * S, step_us=20 * S, for_us=20 * S),
    Condition("slow", (Test("longest_wait_s", 25, True),), window_us=10 * S, step_us=10 * S, severity="critical"),
    Condition("service", (Test("service_level", 0.8, False, 0.9),), (), window_us=60 * S, step_us=20 * S, for_us=40 * S,
              sample=(("answered", "abandoned"), 1)),
    Condition("lost", (Test("abandonment_rate", 0.3, True),), ("tenant",), {"channel": frozenset(("phone", ""))}, 40 * S, 20 * S,
              sample=(("offered",), 2)),
    Condition("sale_depth", (Test("queue_depth_mean", 0.25, True),), ("tenant", "channel"), _SALE, 60 * S, 20 * S),
    Condition("ratings", (Test("csat_share", 0.9, False), Test("response_mean_s", 3, True)), (), window_us=60 * S, step_us=60 * S,
              sample=((), 0)),
    Condition("occupied_high", (Test("occupancy", 0.5, True, 0.4),), ("queue",), window_us=60 * S, step_us=20 * S, for_us=20 * S),
    Condition("thin", (Test("present", 1, False),), (), window_us=20 * S, step_us=20 * S),
    Condition("asking", (Test("unreplied", 0, True),), ("channel",), window_us=20 * S, step_us=20 * S, for_us=20 * S),
    Condition("breaking", (Test("breaches", 1, True),), (), window_us=60 * S, step_us=20 * S),
    Condition("shaken", (Test("customer_messages", 1, True, form="control", intervals=4),
                         Test("customer_messages", 2, True, form="run", intervals=4)), window_us=20 * S, step_us=20 * S),
    Condition("wavering", (Test("offered", 0.9, True, form="variation", intervals=4),), ("queue",), window_us=20 * S, step_us=20 * S),
    Condition("surge", (Test("offered", 1.2, True, form="times_usual", usual_least=0.01),), window_us=60 * S, step_us=20 * S),
    Condition("grumbling", (Test("negative_share", 0.2, True),), (), window_us=60 * S, step_us=20 * S, sample=(("customer_messages",), 1)),
)  # fmt: skip
WATCHED = replace(SETTINGS, policy=replace(POLICY, conditions=CONDITIONS))
