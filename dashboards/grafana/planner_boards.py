"""The dashboard for who plans people: what arrived by interval, what to expect, how many are needed and how many are there.

Owns what it shows. The need is traffic by the occupancy that the policy allows; how many a service level wants is told by the capacity model beside it.
"""

from __future__ import annotations

from dashboards.grafana.panel import Board, Panel, asked, by_region, limits
from dashboards.grafana.panel import Query as Q
from engine.policy import Policy

__all__ = ["capacity"]

TOTAL = '{rollup="total"}'
QUEUE = '{rollup="queue", queue=~"$queue"}'
_WEEK = "needs a week of history in Prometheus"
_QUIET = "needs a queue of which enough was handled in the last hour"


def capacity(policy: Policy) -> Board:
    def in30m(name: str, ago: str = "") -> str:
        return f"sum(rollup:floorwatch_{name}_contacts:increase30m{QUEUE}{ago})"

    needed, present = (f"rollup:floorwatch_people_{name}:people{QUEUE}" for name in ("needed", "present"))
    return Board(
        "capacity", ("Capacity", "排班与容量"), ("Interval figures, forecast, needed against present: for planners.", "区间数据、预测、所需与在岗：供排班人员。"), ("queue", "region"),
        (
            Panel("timeseries", ("Contacts in 30 min", "30 分钟会话数"),
                  tuple(Q(in30m(name), name) for name in ("offered", "answered", "abandoned", "handled")),
                  note=("Of the chosen queues, by event; increases are extrapolated by Prometheus to the edges of the range. The exact interval report is floorwatch replay --report.",
                        "所选队列，按事件计；Prometheus 的 increase 会外推到区间边界。精确的区间报表用 floorwatch replay --report。")),
            Panel("timeseries", ("Arrivals against a week ago", "进线与上周同期"),
                  (Q(in30m("offered"), "now"), Q(in30m("offered", " offset 1w"), "a week ago", _WEEK), Q(in30m("offered", " offset 167h30m"), "a week ago, the next 30 min", _WEEK)),
                  note=("Of the chosen queues. What is expected of the next quarter is told by the model below.", "所选队列。下一刻钟的预测由下方模型给出。")),
            Panel("timeseries", ("Handle time, 30 min", "30 分钟平均处理时长"), asked(f"rollup:floorwatch_handle_seconds:ratio30m{QUEUE}", "{{queue}}"), "s"),
            Panel("timeseries", ("Traffic in Erlangs", "话务量（爱尔兰）"), asked(f"rollup:floorwatch_offered_load:erlangs30m{QUEUE}", "{{queue}}"), "none",
                  note=("How many people would be busy all the time with what arrives; chats held at once count as one each.", "按进线量需要多少人一直忙碌；并行会话各计一份。")),
            Panel("timeseries", ("Needed and present", "所需与在岗"), (Q(f"sum({needed})", "needed"), Q(f"sum({present})", "present")), "none",
                  note=("Traffic by the highest occupancy that the policy allows.", "话务量 ÷ 策略允许的最高利用率。")),
            Panel("timeseries", ("Needed, present and planned by the model", "模型：所需、在岗与计划"),
                  tuple(Q(f'sum(floorwatch_capacity_agents{{are="{are}", queue=~"$queue"}})', legend, _QUIET) for are, legend in (("needed", "needed"), ("present", "present"), ("planned_next", "planned"))),
                  "none", note=("Erlang A with several contacts at once, for the next quarter of an hour.", "下一刻钟，Erlang A，支持一人多会话。")),
            Panel("bargauge", ("Missing people by the model", "模型：各队列缺口"), (Q('sort_desc(floorwatch_capacity_agents{are="missing", queue=~"$queue"})', "{{queue}}", _QUIET),), "none", ((None, "green"), (1, "red"))),
            Panel("timeseries", ("Service level expected of the next quarter", "下一刻钟预计服务水平"), (Q('floorwatch_capacity_service_level_ratio{quarter="next", queue=~"$queue"}', "{{queue}}", _QUIET),), "percentunit", limits(policy, "service_level")),
            Panel("timeseries", ("Likely to break", "跌破目标的可能性"), (Q('max by (queue) (floorwatch_capacity_break_ratio{queue=~"$queue"})', "{{queue}}", _QUIET),), "percentunit"),
            Panel("timeseries", ("Contacts expected in the next quarter", "下一刻钟预计进线"), (Q('floorwatch_capacity_arrivals_contacts{queue=~"$queue"}', "{{queue}}", _QUIET),)),
            Panel("bargauge", ("What the next quarter costs, most first", "下一刻钟费用，最多在前"),
                  asked('topk(15, floorwatch_capacity_cost{queue=~"$queue"})', "{{queue}}, {{of}}", "only with --hourly-cost or --breach-cost"), "none"),
            Panel("bargauge", ("Missing people by queue", "各队列缺口"), asked(f"sort_desc({needed} - {present})", "{{queue}}"), "none", ((None, "green"), (1, "red"))),
            Panel("timeseries", ("Occupancy", "利用率"), asked(f"floorwatch_occupancy_ratio{TOTAL}", "occupancy"), "percentunit", limits(policy, "occupancy")),
            Panel("timeseries", ("Abandoned, 30 min", "30 分钟放弃率"), asked(f"rollup:floorwatch_abandonment:ratio30m{QUEUE}", "{{queue}}"), "percentunit", limits(policy, "abandonment_rate")),
            Panel("timeseries", ("Orders and what they amount to, an hour", "每小时订单与金额"),
                  (Q(f"rate(floorwatch_orders_total{TOTAL}[30m]) * 3600", "orders"), Q(f"rate(floorwatch_order_amount_total{TOTAL}[30m]) * 3600", "amount"))),
            Panel("timeseries", ("Arrivals by region, 30 min", "各地区进线（30 分钟）"), by_region("sum", "rollup:floorwatch_offered_contacts:increase30m"), stacked=True),
            Panel("timeseries", ("Contacts closed an hour", "每小时结束会话"), asked(f"rate(floorwatch_closed_contacts_total{TOTAL}[30m]) * 3600", "closed")),
        ),
        span="12h", refresh="1m",
    )  # fmt: skip
