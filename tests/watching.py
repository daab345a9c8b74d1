"""Conditions for the histories that hypothesis draws: some of every form, on windows of minutes, so that a small day has their say."""

from dataclasses import replace

from engine.conditions import Bound, Condition
from tests.histories import POLICY, SETTINGS

__all__ = ["CONDITIONS", "WATCHED"]

S = 1_000_000
_SALE = {"period": frozenset(("sale",))}
CONDITIONS = (
    Condition("busy", (Bound("offered", 1, True, 0),), ("queue",), window_us=60 * S, step_us=20 * S),
    Condition("queue_long", (Bound("waiting", 0, True),), ("queue",), window_us=20 * S, step_us=20 * S, for_us=20 * S),
    Condition("slow", (Bound("longest_wait_s", 25, True),), window_us=10 * S, step_us=10 * S, severity="critical"),
    Condition("service", (Bound("service_level", 0.8, False, 0.9),), (), window_us=60 * S, step_us=20 * S, for_us=40 * S,
              sample=(("answered", "abandoned"), 1)),
    Condition("lost", (Bound("abandonment_rate", 0.3, True),), ("tenant",), {"channel": frozenset(("phone", ""))}, 40 * S, 20 * S,
              sample=(("offered",), 2)),
    Condition("sale_depth", (Bound("queue_depth_mean", 0.25, True),), ("tenant", "channel"), _SALE, 60 * S, 20 * S),
    Condition("ratings", (Bound("csat_share", 0.9, False), Bound("response_mean_s", 3, True)), (), window_us=60 * S, step_us=60 * S,
              sample=((), 0)),
    Condition("occupied_high", (Bound("occupancy", 0.5, True, 0.4),), ("queue",), window_us=60 * S, step_us=20 * S, for_us=20 * S),
    Condition("thin", (Bound("present", 1, False),), (), window_us=20 * S, step_us=20 * S),
    Condition("asking", (Bound("unreplied", 0, True),), ("channel",), window_us=20 * S, step_us=20 * S, for_us=20 * S),
    Condition("breaking", (Bound("breaches", 1, True),), (), window_us=60 * S, step_us=20 * S),
    Condition("shaken", (Bound("customer_messages", 1, True, form="control", intervals=4),
                         Bound("customer_messages", 2, True, form="run", intervals=4)), window_us=20 * S, step_us=20 * S),
    Condition("wavering", (Bound("offered", 0.9, True, form="variation", intervals=4),), ("queue",), window_us=20 * S, step_us=20 * S),
    Condition("surge", (Bound("offered", 1.2, True, form="times_usual", usual_least=0.01),), window_us=60 * S, step_us=20 * S),
    Condition("grumbling", (Bound("negative_share", 0.2, True),), (), window_us=60 * S, step_us=20 * S, sample=(("customer_messages",), 1)),
)  # fmt: skip
WATCHED = replace(SETTINGS, policy=replace(POLICY, conditions=CONDITIONS))
