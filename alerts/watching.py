"""What escalation raises about itself: a channel that fails, and times for which nobody is on call.

Owns these alarms' names. Never tells anybody: they go the way of all alarms.
"""

from collections.abc import Callable

from alerts.plan import Plan
from alerts.schedule import FALLBACK, GAP, spans
from engine.alarms import ENDED, WARNED, Alarm
from engine.times import DAY_US

__all__ = ["CHANNEL_FAILING", "ON_CALL_GAP", "channel_alarm", "gap_alarms", "gone_alarms"]

CHANNEL_FAILING, ON_CALL_GAP = "channel_failing", "on_call_gap"
LOOK_AHEAD_US = 7 * DAY_US


def channel_alarm(name: str, step: str, now_us: int) -> Alarm:
    """That a channel fails, or works again."""
    return Alarm(now_us, CHANNEL_FAILING, step, "source", name, now_us)


def gap_alarms(plan: Plan, knows: Callable[[str], bool], now_us: int) -> list[Alarm]:
    """Schedules with turns that leave a gap in the days to come, and those that no longer do."""
    alarms = []
    for name, schedule in plan.schedules.items():
        if not schedule.rotations:
            continue
        turns = spans(plan, name, now_us, now_us + LOOK_AHEAD_US)
        gap_us = next((start for start, _, cover in turns if cover.why in (FALLBACK, GAP)), 0)
        if gap_us and not knows(name):
            alarms.append(Alarm(now_us, ON_CALL_GAP, WARNED, "source", name, gap_us))
        elif not gap_us and knows(name):
            alarms.append(Alarm(now_us, ON_CALL_GAP, ENDED, "source", name, now_us))
    return alarms


def gone_alarms(before: Plan, plan: Plan, knows: Callable[[str, str], bool], now_us: int) -> list[Alarm]:
    """The ends of what was raised about channels and schedules that another plan has no longer."""
    gone = [(CHANNEL_FAILING, name) for name in before.channels if name not in plan.channels]
    gone += [
        (ON_CALL_GAP, name)
        for name in before.schedules
        if name not in plan.schedules or not plan.schedules[name].rotations
    ]
    return [Alarm(now_us, what, ENDED, "source", name, now_us) for what, name in gone if knows(what, name)]
