"""The desk: told of alarms, acts, results and the time, it says which alerts change, what was decided and who is to be told.

Owns the lives of alerts: opened, grouped, muted, told, climbed, acknowledged, snoozed, handed over, resolved, reopened, expired. Never
sends, never stores, never asks the time. Law: every change has a decision with its reason, and a message is made once.
"""

import heapq
from collections.abc import Iterable

from alerts.alert import (
    ACKNOWLEDGED,
    EXPIRED,
    NOTIFIED,
    OPEN,
    RESOLVED,
    SNOOZED,
    Act,
    Alert,
    Decision,
    Message,
    Outcome,
    Result,
)  # fmt: skip
from alerts.ladders import mute_of, recipients, rule_for, severity_of
from alerts.plan import NONE, SEVERITIES, Ladder, Plan, Rule, facts_of
from engine.alarms import BROKEN, ENDED, Alarm
from engine.keys import PUBLIC, key_of

__all__ = ["ALERTS_LIVE_MAX", "MATTERS_MAX", "Desk"]

ALERTS_LIVE_MAX = 5_000
"""Further causes of a rule are one alert."""
MATTERS_MAX = 20_000
"""Further matters of an alert are only counted; their ends are not known."""
GROWN_TIMES = 10
"""Who was told hears of an alert again when it has become so many times as many."""
_OVERFLOW = ("…",)


class Desk:
    """`alerts` are those that live, or ended a short while ago; `last_us` is the instant of the last step."""

    def __init__(self, plan: Plan, alerts: Iterable[Alert] = (), last_us: int = 0) -> None:
        self.plan = plan
        self.last_us = last_us
        self.alerts: dict[str, Alert] = {}
        self.unwatched_count = 0
        self._groups: dict[tuple[str, tuple[str, ...]], str] = {}
        self._matters: dict[str, set[str]] = {}
        self._due: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}
        self._out = Outcome()
        for alert in alerts:
            self.alerts[alert.id] = alert
            self._groups[alert.rule, alert.group] = alert.id
            for matter in alert.matters:
                self._matters.setdefault(matter, set()).add(alert.id)
            self._schedule(alert)

    @property
    def due_us(self) -> int:
        """When a step has something to do by the clock, 0 for never."""
        while self._due:
            at_us, identity = self._due[0]
            alert = self.alerts.get(identity)
            if alert is not None and self._scheduled.get(identity) == at_us == alert.due_us:
                return at_us
            heapq.heappop(self._due)
            if self._scheduled.get(identity) == at_us:
                del self._scheduled[identity]
                if alert is not None:
                    self._schedule(alert)
        return 0

    def step(
        self,
        now_us: int,
        alarms: Iterable[Alarm] = (),
        acts: Iterable[Act] = (),
        results: Iterable[Result] = (),
    ) -> Outcome:
        """Takes what happened, in this order, and then does what is due. A clock that was set back moves all that is due with it."""
        self._out = Outcome()
        if now_us < self.last_us:
            self._shift(now_us - self.last_us)
        self.now_us = self.last_us = now_us
        for alarm in alarms:
            if alarm.step == ENDED:
                self._end(alarm)
            else:
                self._raise(alarm)
        for act in acts:
            self._out.answers[act.id] = self._act(act)
        for result in results:
            self._result(result)
        while (due_us := self.due_us) and due_us <= now_us:
            identity = heapq.heappop(self._due)[1]
            del self._scheduled[identity]
            self._turn(self.alerts[identity])
        return self._out

    def knows(self, commitment: str, source: str) -> bool:
        """Whether something is raised about a source."""
        return chr(31).join((commitment, "source", source)) in self._matters

    def unwanted(self, message: Message) -> str:
        """Why a message need not be sent any more, "" when it must be: asked just before it goes."""
        alert = self.alerts.get(message.alert)
        if alert is None:
            return "the alert is over"
        if message.kind == "ended":
            return "it was raised again" if alert.is_live else ""
        if not alert.is_live:
            return f"the alert is {alert.status}"
        if message.kind == "handed":
            return "" if alert.owner == message.person else "it was handed on"
        if alert.status in (ACKNOWLEDGED, SNOOZED):
            return f"the alert is {alert.status}"
        if muted := mute_of(self.plan, alert.facts, self.now_us):
            return f"muted by {muted[0].name}"
        return ""

    # What is raised, and what ends.

    def _raise(self, alarm: Alarm) -> None:
        facts = facts_of(alarm)
        rule = rule_for(self.plan, facts, self.now_us)
        matter = _matter(alarm)
        if alarm.step == BROKEN:
            self._left(matter, "it is broken now", but=rule)
        if rule is None or rule.ladder == NONE:
            self.unwatched_count += 1
            return
        alert = self._alert(rule, tuple(facts.get(word, "") for word in rule.by), alarm, facts)
        self._out.taken[alarm.id] = alert.id
        if matter not in alert.matters and not (alert.calm_us and matter == alert.last):
            alert.count += 1
        if matter in alert.matters or len(alert.matters) < MATTERS_MAX:
            alert.matters[matter] = alarm.step
            self._matters.setdefault(matter, set()).add(alert.id)
        if alert.calm_us:
            self._goes_on(alert)
        alert.expire_us = self.now_us + rule.expires
        severity = severity_of(rule, alarm)
        if SEVERITIES.index(severity) > SEVERITIES.index(alert.severity):
            self._worsen(alert, severity)
        elif alert.status == NOTIFIED and alert.told_count and alert.count >= GROWN_TIMES * alert.told_count:
            self._tell_again(alert, "grown")
        self._changed(alert)

    def _alert(self, rule: Rule, group: tuple[str, ...], alarm: Alarm, facts: dict[str, str]) -> Alert:
        found = self.alerts.get(self._groups.get((rule.name, group), ""))
        if found is None and len(self.alerts) >= ALERTS_LIVE_MAX:
            group = _OVERFLOW
            found = self.alerts.get(self._groups.get((rule.name, group), ""))
        if found is None:
            told = chr(0).join((rule.name, *group, alarm.id))
            found = Alert(id=f"{key_of(told, PUBLIC):016x}", rule=rule.name, group=group, facts=facts,
                          severity=severity_of(rule, alarm), opened_us=self.now_us, raised_us=self.now_us,
                          climb_us=self.now_us + rule.wait)  # fmt: skip
            self.alerts[found.id] = found
            self._groups[rule.name, group] = found.id
            why = f"by the rule {rule.name}" + ("; all further causes in one" if group == _OVERFLOW else "")
            self._say(
                found, "opened", why + (f"; waits {rule.wait // 1_000_000} s before telling" if rule.wait else "")
            )
        elif not found.is_live:
            self._reopen(found, rule)
        return found

    def _reopen(self, alert: Alert, rule: Rule) -> None:
        plan = self.plan
        alert.returns = [at for at in alert.returns if at > self.now_us - plan.flapping_within] + [self.now_us]
        flaps = len(alert.returns) >= plan.flapping
        alert.status, alert.level, alert.round, alert.told, alert.owner = OPEN, -1, 0, {}, ""
        alert.ended_us, alert.raised_us, alert.lapse_us = 0, self.now_us, 0
        alert.count, alert.told_count, alert.acknowledged_us = 0, 0, 0
        alert.climb_us = self.now_us + max(rule.wait, plan.flapping_wait if flaps else 0)
        if alert.reached:
            alert.cause = "reopened"
        told = f"; it flaps, so it is told when it has lasted {plan.flapping_wait // 1_000_000} s" if flaps else ""
        self._say(alert, "reopened", f"raised again soon after its end{told}")

    def _worsen(self, alert: Alert, severity: str) -> None:
        alert.severity = severity
        if alert.status == OPEN:
            return
        alert.status, alert.level, alert.round, alert.told, alert.cause = NOTIFIED, -1, 0, {}, "worse"
        alert.owner, alert.lapse_us, alert.climb_us = "", 0, self.now_us
        self._say(alert, "worse", f"it is {severity} now")

    def _end(self, alarm: Alarm) -> None:
        self._left(_matter(alarm), "the events say so", by=alarm.id)

    def _left(self, matter: str, why: str, but: Rule | None = None, by: str = "") -> None:
        """Takes a matter out of the alerts that have it, other than that of a rule."""
        for identity in sorted(self._matters.get(matter, ())):
            alert = self.alerts[identity]
            if but is not None and alert.rule == but.name:
                continue
            del alert.matters[matter]
            alert.last = matter
            if by:
                self._out.taken[by] = identity
            self._forget(matter, identity)
            if not alert.matters and alert.is_live:
                rule = self.plan.rule(alert.rule)
                alert.calm_us = self.now_us + (rule.resolve_after if rule else 0)
                self._say(alert, "in order", why)
            self._changed(alert)

    def _forget(self, matter: str, identity: str) -> None:
        having = self._matters[matter]
        having.discard(identity)
        if not having:
            del self._matters[matter]

    # What people do.

    def _act(self, act: Act) -> str:
        alert = self.alerts.get(act.alert)
        if alert is None or not alert.is_live:
            return "the alert is over"
        via = f" by {act.via}" if act.via else ""
        if act.what == "acknowledge":
            ladder = self._ladder(alert)
            alert.status, alert.owner = ACKNOWLEDGED, act.by
            alert.acknowledged_us = alert.acknowledged_us or self.now_us
            alert.climb_us, alert.lapse_us = 0, self.now_us + ladder.acknowledged_for if ladder else 0
            self._say(alert, "acknowledged", f"{act.by}{via}")
        elif act.what == "snooze":
            until_us = min(act.until_us, self.now_us + self.plan.snooze_max)
            if until_us <= self.now_us:
                return "the time is over already"
            alert.status, alert.owner, alert.climb_us, alert.lapse_us = SNOOZED, act.by, 0, until_us
            self._say(alert, "snoozed", f"{act.by}{via}, for {(until_us - self.now_us) // 1_000_000} s")
        elif act.what == "hand_over":
            if act.to not in self.plan.people:
                return "there is nobody of that name"
            ladder = self._ladder(alert)
            alert.status, alert.owner, alert.lapse_us = NOTIFIED, act.to, 0
            # The ladder may have become shorter.
            wait = ladder.levels[min(max(alert.level, 0), len(ladder.levels) - 1)].wait if ladder else 0
            alert.climb_us = self.now_us + wait if wait else 0
            self._say(alert, "handed over", f"{act.by} to {act.to}{via}")
            self._message(alert, act.to, "handed")
        elif act.what == "resolve":
            for matter in alert.matters:
                self._forget(matter, alert.id)
            alert.matters = {}
            self._close(alert, RESOLVED, f"{act.by}{via}")
        else:
            return "there is no such act"
        self._changed(alert)
        return "done"

    def _result(self, result: Result) -> None:
        alert = self.alerts.get(result.alert)
        if alert is None:
            return
        if result.outcome == "sent":
            is_late = not alert.is_live and result.kind != "ended" and result.person not in alert.reached
            alert.reached[result.person] = self.now_us
            alert.told.setdefault(result.person, max(alert.level, 0))
            if is_late and self._tells_end(alert):
                self._message(alert, result.person, "ended")
        else:
            level = alert.told.pop(result.person, None)
            self._say(alert, "not delivered", f"no channel of {result.person} took it; it is tried again")
            if alert.status == NOTIFIED and level == alert.level and level not in alert.told.values():
                alert.climb_us = self.now_us
                self._say(alert, "climbs at once", "nobody of the level could be reached")
        self._changed(alert)

    # What the clock does.

    def _turn(self, alert: Alert) -> None:
        """Does the one thing that is due."""
        now_us = self.now_us
        if not alert.is_live:
            self._drop(alert)
            return
        if alert.calm_us and alert.calm_us <= now_us:
            self._close(alert, RESOLVED, "nothing of it is raised any more")
        elif alert.expire_us and alert.expire_us <= now_us:
            self._close(alert, EXPIRED, "nothing was heard of it for too long")
        elif alert.calm_us:
            self._rest(alert)
        elif alert.lapse_us and alert.lapse_us <= now_us:
            self._lapse(alert)
        elif alert.climb_us and alert.climb_us <= now_us:
            self._climb(alert)
        self._changed(alert)

    def _rest(self, alert: Alert) -> None:
        """While nothing is out of order nobody more is told: what is due waits for the end, see `_goes_on`."""
        after_us = alert.calm_us + 1
        alert.climb_us = after_us if 0 < alert.climb_us <= self.now_us else alert.climb_us
        alert.lapse_us = after_us if 0 < alert.lapse_us <= self.now_us else alert.lapse_us

    def _goes_on(self, alert: Alert) -> None:
        """Raised again before it was resolved: whoever was told last has the level's wait once more."""
        after_us, alert.calm_us = alert.calm_us + 1, 0
        if alert.climb_us == after_us:
            ladder = self._ladder(alert)
            wait = ladder.levels[alert.level].wait if ladder and 0 <= alert.level < len(ladder.levels) else 0
            alert.climb_us = self.now_us + wait
        if alert.lapse_us == after_us:
            alert.lapse_us = self.now_us
        self._say(alert, "goes on", "raised again before it was resolved")

    def _lapse(self, alert: Alert) -> None:
        """An acknowledgement that has run out goes on with the next level, a snooze with the same one."""
        ladder = self._ladder(alert)
        last = len(ladder.levels) - 1 if ladder else 0
        was = alert.status
        alert.level = min(alert.level, last - 1) if was == ACKNOWLEDGED else max(alert.level - 1, -1)
        alert.status, alert.owner, alert.told, alert.lapse_us, alert.climb_us = NOTIFIED, "", {}, 0, self.now_us
        alert.cause = "lapsed"
        self._say(alert, "lapsed", f"it was {was} and is not in order")

    def _climb(self, alert: Alert) -> None:
        """Tells the next level at which somebody can be told now."""
        ladder = self._ladder(alert)
        if ladder is None:
            alert.climb_us = 0
            self._say(alert, "told nobody", "its rule is no longer in the plan")
            return
        if muted := mute_of(self.plan, alert.facts, self.now_us):
            mute, alert.climb_us = muted
            self._held(alert, "muted", f"{mute.name}: {mute.reason}" if mute.reason else mute.name)
            return
        alert.status = NOTIFIED
        while True:
            if alert.level + 1 >= len(ladder.levels) and not self._again(alert, ladder):
                return
            alert.level += 1
            level = ladder.levels[alert.level]
            if level.hours and not level.hours.covers(self.now_us, self.plan.zone_of()):
                self._say(alert, "passed over", f"level {alert.level + 1} is not told at this time")
            elif self._tell_level(alert, ladder):
                alert.climb_us, alert.held = self.now_us + level.wait, ""
                return

    def _again(self, alert: Alert, ladder: Ladder) -> bool:
        """At the top: whether to begin from below."""
        if not alert.told:
            alert.level, alert.climb_us = -1, self.now_us + ladder.levels[-1].wait
            self._held(alert, "told nobody", "nobody of the ladder can be told; it is tried again")
        elif alert.round < ladder.repeat:
            alert.level, alert.told = -1, {}
            alert.round += 1
            alert.cause = "repeated"
            return True
        else:
            alert.climb_us = 0
            self._say(alert, "at the top", "the ladder has no further level")
        return False

    def _tell_level(self, alert: Alert, ladder: Ladder) -> bool:
        """Whether somebody of the alert's level is told now."""
        is_told = False
        level = ladder.levels[alert.level]
        kind = "climbed" if alert.told else alert.cause
        for found in recipients(self.plan, level, alert.facts, alert.severity, self.now_us):
            if not found.person:
                self._say(alert, "passed over", found.why)
            elif found.person in alert.told:
                self._say(alert, "passed over", f"{found.person} has been told")
            else:
                alert.told[found.person] = alert.level
                self._message(alert, found.person, kind, found.not_before_us)
                self._say(alert, "held" if found.not_before_us else "tells", f"{found.person}: {found.why}")
                is_told = is_told or not found.not_before_us
        alert.told_count = max(alert.count, 1)
        return is_told

    def _tell_again(self, alert: Alert, kind: str) -> None:
        alert.told_count = alert.count
        for person in sorted(alert.told):
            if person in alert.reached:
                self._message(alert, person, kind)
        self._say(alert, kind, f"{alert.count} now")

    def _close(self, alert: Alert, status: str, why: str) -> None:
        alert.status, alert.ended_us = status, self.now_us
        alert.climb_us = alert.lapse_us = alert.calm_us = 0
        alert.expire_us = self.now_us + self.plan.reopen_within
        self._say(alert, status, why)
        if self._tells_end(alert):
            for person in sorted(person for person, at_us in alert.reached.items() if at_us >= alert.raised_us):
                self._message(alert, person, "ended")

    def _drop(self, alert: Alert) -> None:
        """Forgets an alert that can come back no longer; the store keeps its story."""
        for matter in alert.matters:
            self._forget(matter, alert.id)
        del self.alerts[alert.id]
        if self._groups.get((alert.rule, alert.group)) == alert.id:
            del self._groups[alert.rule, alert.group]

    # Small things.

    def _tells_end(self, alert: Alert) -> bool:
        rule = self.plan.rule(alert.rule)
        return rule is not None and rule.tell_end == "yes"

    def _ladder(self, alert: Alert) -> Ladder | None:
        rule = self.plan.rule(alert.rule)
        return self.plan.ladders.get(rule.ladder) if rule else None

    def _message(self, alert: Alert, person: str, kind: str, not_before_us: int = 0) -> None:
        alert.serial += 1
        self._out.messages.append(Message(
            id=f"{alert.id}-{alert.serial}", alert=alert.id, person=person, kind=kind, level=alert.level,
            severity=alert.severity, made_us=self.now_us, not_before_us=not_before_us,
        ))  # fmt: skip

    def _held(self, alert: Alert, what: str, why: str) -> None:
        """Says once that nobody is told, and why."""
        if alert.held != what + why:
            alert.held = what + why
            self._say(alert, what, why)

    def _say(self, alert: Alert, what: str, why: str) -> None:
        self._out.decisions.append(Decision(alert.id, self.now_us, what, why))

    def _changed(self, alert: Alert) -> None:
        self._out.changed[alert.id] = alert
        self._schedule(alert)

    def _schedule(self, alert: Alert) -> None:
        """One entry an alert, for the earliest that was known; when it comes up the next one is looked for."""
        due_us = alert.due_us
        if due_us and due_us < self._scheduled.get(alert.id, due_us + 1):
            self._scheduled[alert.id] = due_us
            heapq.heappush(self._due, (due_us, alert.id))

    def _shift(self, by_us: int) -> None:
        self._due, self._scheduled = [], {}
        for alert in self.alerts.values():
            alert.shift(by_us)
            self._changed(alert)


def _matter(alarm: Alarm) -> str:
    return chr(31).join((alarm.commitment, alarm.about, alarm.name))
