"""All alerts, made from the policy: one for each of its conditions, and those that every floor has.

Owns which alerts there are. A condition is judged by the engine, as for the wall, so that no alert says what the wall does not; the service level is
judged once more from counters, so that a fault of the one shows by the other.
"""

from __future__ import annotations

from dashboards.alert import Alert
from dashboards.clusterwatch import CLUSTER_ALERTS
from dashboards.selfwatch import SELF
from engine.conditions import Bound, Condition
from engine.levels import alert_name
from engine.policy import Policy

__all__ = ["alerts_of"]

#: Labels of a raised condition that tell which group it is of.
GROUP = ("queue", "tenant", "channel", "region", "category", "tier", "partner", "party", "source")
_WHERE = (
    '{{ range .Labels.SortedPairs }}{{ if match "^(' + "|".join(GROUP) + ')$" .Name }} {{ .Value }}{{ end }}{{ end }}'
)

_FLOOR = (
    Alert("CommitmentBroken", 'sum by (commitment) (increase(floorwatch_breaches_total{rollup="total"}[5m])) > 0', "warning",
          "Commitments were broken: {{ $labels.commitment }}.", "有承诺被打破：{{ $labels.commitment }}。",
          "The wall's page of alerts lists each one with its contact and who holds it.", "看板的告警页逐条列出会话和负责人。", subject="commitments"),
    Alert("CaseOverdue", 'floorwatch_open_cases{state="overdue"} > 0', "critical", "Cases are overdue.", "有事件单超期。",
          "The wall's page of commitments lists them, key accounts first, with owner and department.", "看板的承诺页按大客户优先列出负责人和部门。", subject="cases"),
    Alert("PromiseOverdue", 'floorwatch_open_promises{state="overdue"} > 0', "warning", "Promises to customers are overdue.", "对客户的承诺超期。",
          "Keep them now, and tell the customer.", "立即兑现并告知客户。", subject="promises"),
    Alert("QueueBreaking", f'max by ({", ".join(("severity", "instance", *GROUP))}) (floorwatch_condition_raised{{condition="queue_breaking"}}) == 1', "warning",
          "The service level of {{ $labels.queue }} is about to break.", "{{ $labels.queue }} 的服务水平即将不达标。",
          "The page of capacity shows who is missing and by when; bring people in, or shift them from a queue with some to spare.", "容量页显示缺多少人、何时跌破；请加人或从有余量的队列调人。", subject="capacity"),
    Alert("PeopleOverloaded", 'floorwatch_people{are="overloaded"} > 0', "info", "People hold more contacts than their slots.", "有坐席超载。",
          "Take contacts from them, or open a further queue.", "为其分流会话。", "10m", subject="load"),
)  # fmt: skip


def alerts_of(policy: Policy) -> tuple[Alert, ...]:
    """Every alert, conditions of the policy first; the names differ."""
    return (
        *(_of(condition) for condition in policy.conditions),
        *_second_looks(policy),
        *_FLOOR,
        *SELF,
        *CLUSTER_ALERTS,
    )


def _of(condition: Condition) -> Alert:
    name, words = condition.name, " or ".join(_told(bound) for bound in condition.any_of)
    words_zh = "或".join(_told(bound, chinese=True) for bound in condition.any_of)
    labels = ", ".join(("severity", "instance", *GROUP))
    return Alert(
        alert_name(name), f'max by ({labels}) (floorwatch_condition_raised{{condition="{name}"}}) == 1', condition.severity,
        f"{name}: {words};{_WHERE}.", f"{name}：{words_zh}；{_WHERE}。",
        f"The condition {name} of the policy is judged by {', '.join(condition.by) or 'the whole floor'} over {condition.window_us // 60_000_000} min. "
        "The wall shows its figure and limit; change the limit in the policy, not here.",
        f"策略条件 {name} 按{'、'.join(condition.by) or '全场'}、{condition.window_us // 60_000_000} 分钟窗口判断。看板显示数值与限度；要改限度请改策略。",
        subject=condition.any_of[0].measure,
    )  # fmt: skip


def _told(bound: Bound, *, chinese: bool = False) -> str:
    how = {"figure": "", "times_usual": " (× the usual)"}.get(bound.form, f" ({bound.form})")
    if chinese:
        how = {"": "", " (× the usual)": "（为常态的倍数）"}.get(how, f"（{bound.form}）")
        return f"{bound.measure}{how} {'高于' if bound.is_above else '低于'} {bound.limit:g}"
    return f"{bound.measure}{how} {'above' if bound.is_above else 'below'} {bound.limit:g}"


def _second_looks(policy: Policy) -> list[Alert]:
    """The service level from counters, where the policy watches it by plain figure."""
    found = []
    for condition in policy.conditions:
        for bound in condition.any_of:
            if (
                bound.measure == "service_level"
                and bound.form == "figure"
                and not bound.is_above
                and not condition.where
            ):
                _, least = condition.needs(bound)
                found.append(Alert(
                    f"{alert_name(condition.name)}ByCounters",
                    f'rollup:floorwatch_service_level:ratio30m{{rollup="queue"}} < {bound.limit:g} and on (queue, instance) '
                    f'sum by (queue, instance) (increase(floorwatch_answered_contacts_total{{rollup="queue", by="arrival"}}[30m])) >= {least}',
                    condition.severity, "The service level of {{ $labels.queue }} is low, counted from Prometheus.",
                    "按 Prometheus 计数，{{ $labels.queue }} 的服务水平偏低。",
                    "The same as the alert of the condition; if only one of the two fires for long, report it as a fault of Floorwatch.",
                    "与对应条件的告警相同；若长时间只有其一触发，请作为 Floorwatch 的故障上报。", "10m", subject="service_level",
                ))  # fmt: skip
    return found
