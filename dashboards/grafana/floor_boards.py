"""Dashboards of the floor as it is: now, its people, its shops, and Floorwatch itself.

Owns what they show. Figures are the wall's own, from the same published facts.
"""

from __future__ import annotations

from dashboards.grafana.cluster_row import CLUSTER_PANELS
from dashboards.grafana.panel import Board, Panel, asked, by_region, limits
from dashboards.grafana.panel import Query as Q
from engine.policy import Policy

__all__ = ["agents", "floor_now", "health", "shops"]

TOTAL = '{rollup="total"}'
QUEUE = '{rollup="queue", queue=~"$queue"}'
SHOP = '{rollup="tenant,channel", tenant=~"$tenant", channel=~"$channel"}'
_NO_CALLS = "nobody waits now"
_NONE_RAISED = "no condition is raised in a healthy centre"
_NO_FAULTS = "nothing is refused, dropped or limited in a healthy centre"
_TOLD = "only with --alerts, and once there was something to tell"
_ONLY_ASKED = "only with --agent-series"


def _stat(title: tuple[str, str], expression: str, unit: str, steps: object, quiet: str = "") -> Panel:
    return Panel("stat", title, asked(expression, quiet=quiet), unit, steps, 4, 4)  # type: ignore[arg-type]


def floor_now(policy: Policy) -> Board:
    plain = ((None, "blue"),)
    return Board(
        "floor", ("Floor now", "现场实况"),
        ("Who waits, for how long, and which limits are near: for a screen on the floor.", "谁在等、等了多久、哪些限度将到：供现场大屏。"),
        ("queue", "region"),
        (
            _stat(("Waiting", "等待中"), f"floorwatch_waiting_contacts{TOTAL}", "short", limits(policy, "waiting")),
            _stat(("Longest wait", "最长等待"), f"floorwatch_longest_wait_seconds{TOTAL}", "s", limits(policy, "longest_wait_s"), _NO_CALLS),
            _stat(("Service level", "服务水平"), f"floorwatch_service_level_ratio{TOTAL}", "percentunit", limits(policy, "service_level")),
            _stat(("Abandoned", "放弃率"), f"floorwatch_abandonment_ratio{TOTAL}", "percentunit", limits(policy, "abandonment_rate")),
            _stat(("In service", "服务中"), f"floorwatch_in_service_contacts{TOTAL}", "short", plain),
            _stat(("Broken in the window", "窗口内违约"), f"floorwatch_window_breaches{TOTAL}", "short", ((None, "green"), (1, "red"))),
            Panel("timeseries", ("Waiting by queue", "各队列等待数"), asked(f"floorwatch_waiting_contacts{QUEUE}", "{{queue}}"), "short", limits(policy, "waiting")),
            Panel("timeseries", ("Longest wait by queue", "各队列最长等待"), asked(f"floorwatch_longest_wait_seconds{QUEUE}", "{{queue}}", _NO_CALLS), "s",
                  limits(policy, "longest_wait_s")),
            Panel("bargauge", ("Service level by queue, worst first", "各队列服务水平，最差在前"),
                  asked(f"sort(floorwatch_service_level_ratio{QUEUE})", "{{queue}}"), "percentunit", limits(policy, "service_level")),
            Panel("table", ("Conditions that are raised", "当前成立的条件"),
                  asked('floorwatch_condition_raised{region=~"$region"}', quiet=_NONE_RAISED), height=8),
            Panel("timeseries", ("Waiting by region", "各地区等待数"), by_region("sum", "floorwatch_waiting_contacts"), stacked=True, height=6),
            Panel("timeseries", ("Longest wait by region", "各地区最长等待"), by_region("max", "floorwatch_longest_wait_seconds"), "s", limits(policy, "longest_wait_s"), height=6),
        ),
        on_wall=True, span="1h", refresh="5s",
    )  # fmt: skip


def agents(policy: Policy) -> Board:
    return Board(
        "agents", ("Agents and occupancy", "坐席与利用率"), ("Who is there, how busy, and who has too much.", "谁在岗、有多忙、谁超载。"), ("queue",),
        (
            Panel("stat", ("Present", "在岗"), asked('floorwatch_people{are="present"}'), width=6, height=4),
            Panel("stat", ("Overloaded", "超载"), asked('floorwatch_people{are="overloaded"}'), steps=((None, "green"), (1, "red")), width=6, height=4),
            Panel("stat", ("Occupancy", "利用率"), asked(f"floorwatch_occupancy_ratio{TOTAL}"), "percentunit", limits(policy, "occupancy"), 6, 4),
            Panel("stat", ("Contacts held", "持有会话"), asked(f"floorwatch_load_contacts{TOTAL}"), width=6, height=4),
            Panel("timeseries", ("People by state", "各状态人数"), asked(f"floorwatch_agents{TOTAL}", "{{state}}"), stacked=True),
            Panel("timeseries", ("Occupancy by queue", "各队列利用率"), asked(f"floorwatch_occupancy_ratio{QUEUE}", "{{queue}}"), "percentunit", limits(policy, "occupancy")),
            Panel("timeseries", ("Handle time by queue", "各队列处理时长"), asked(f"floorwatch_handle_average_seconds{QUEUE}", "{{queue}}"), "s"),
            Panel("timeseries", ("Contacts held and unanswered", "持有与未回复会话"),
                  (Q(f"floorwatch_load_contacts{TOTAL}", "held"), Q(f"floorwatch_unreplied_contacts{TOTAL}", "unanswered")), steps=limits(policy, "unreplied")),
            Panel("bargauge", ("People with most contacts", "会话最多的坐席"), asked("topk(15, floorwatch_agent_load_contacts)", "{{agent}}", _ONLY_ASKED)),
            Panel("table", ("People over their slots", "超过并发上限的坐席"),
                  asked("floorwatch_agent_load_contacts > floorwatch_agent_slots", quiet=_ONLY_ASKED),
                  note=("Only with --agent-series.", "仅在 --agent-series 时。")),
            Panel("table", ("Who is in which state", "坐席状态"), asked("floorwatch_agent_state", quiet=_ONLY_ASKED), width=24,
                  note=("Only with --agent-series.", "仅在 --agent-series 时。")),
        ),
    )  # fmt: skip


def shops(policy: Policy) -> Board:
    by_shop = 'sum by (tenant) ({}{{rollup="tenant,channel", tenant=~"$tenant", channel=~"$channel"}})'.format
    return Board(
        "shops", ("Shops and key accounts", "店铺与大客户"), ("Every shop by itself, worst first.", "逐店查看，最差在前。"), ("tenant", "channel"),
        (
            Panel("timeseries", ("Waiting by shop", "各店铺等待数"), asked(f"topk(15, {by_shop('floorwatch_waiting_contacts')})", "{{tenant}}")),
            Panel("timeseries", ("Arrivals in the window by shop", "各店铺窗口内进线"), asked(f"topk(15, {by_shop('floorwatch_window_offered_contacts')})", "{{tenant}}")),
            Panel("bargauge", ("Service level, worst first", "服务水平，最差在前"), asked(f"bottomk(15, floorwatch_service_level_ratio{SHOP})", "{{tenant}} {{channel}}"),
                  "percentunit", limits(policy, "service_level")),
            Panel("bargauge", ("Broken in the window", "窗口内违约"), asked(f"topk(15, {by_shop('floorwatch_window_breaches')})", "{{tenant}}"), steps=((None, "green"), (1, "red"))),
            Panel("timeseries", ("Abandoned by shop", "各店铺放弃率"), asked(f"topk(15, floorwatch_abandonment_ratio{SHOP})", "{{tenant}} {{channel}}"), "percentunit", limits(policy, "abandonment_rate")),
            Panel("timeseries", ("Satisfaction by shop", "各店铺满意度"), asked(f"bottomk(15, floorwatch_csat_ratio{SHOP})", "{{tenant}} {{channel}}"), "percentunit", limits(policy, "csat_share")),
            Panel("table", ("Marketplaces' rates in target", "平台考核达标率"), asked(f"floorwatch_measure_ratio{SHOP}"), "percentunit", width=24,
                  note=("Definitions are in the README, by name.", "各指标定义见 README。")),
        ),
    )  # fmt: skip


def health(policy: Policy) -> Board:
    return Board(
        "health", ("Floorwatch's own health", "Floorwatch 自身健康"), ("Does the monitor see, keep up, and lose nothing?", "监控自身是否看得见、跟得上、不丢失。"), (),
        (
            Panel("stat", ("Ready", "就绪"), asked("floorwatch_ready"), steps=((None, "red"), (1, "green")), width=4, height=4),
            Panel("stat", ("Behind the present", "落后现在"), asked("floorwatch_watermark_lag_seconds"), "s", ((None, "green"), (5, "yellow"), (60, "red")), 4, 4),
            Panel("stat", ("Backlog", "积压"), asked("floorwatch_backlog_bytes"), "bytes", ((None, "green"), (67108864, "red")), 4, 4),
            Panel("stat", ("Samples of a scrape", "每次抓取样本数"), asked("floorwatch_exported_series"), steps=((None, "green"), (200000, "red")), width=4, height=4),
            Panel("stat", ("Snapshot", "快照"), asked("floorwatch_snapshot_bytes"), "bytes", width=4, height=4),
            Panel("stat", ("Walls", "看板连接"), asked("floorwatch_viewers"), width=4, height=4),
            Panel("timeseries", ("Events a second", "每秒事件数"), (Q("rate(floorwatch_events_total[1m])", "events"), Q("rate(floorwatch_batches_total[1m])", "batches"))),
            Panel("timeseries", ("Refused, late, dropped, repeated", "拒收、迟到、丢弃、重复"),
                  (Q("sum by (reason) (rate(floorwatch_rejected_events_total[5m]))", "{{reason}}", _NO_FAULTS),
                   Q("sum by (reason) (rate(floorwatch_refused_requests_total[5m]))", "{{reason}}", _NO_FAULTS), Q("rate(floorwatch_late_events_total[5m])", "late"),
                   Q("rate(floorwatch_dropped_events_total[5m])", "dropped"), Q("rate(floorwatch_duplicate_events_total[5m])", "repeated"),
                   Q("sum by (reason) (rate(floorwatch_illegal_events_total[5m]))", "{{reason}}", _NO_FAULTS))),
            Panel("timeseries", ("Journal commit, 99th percentile", "日志提交 99 百分位"), asked("histogram_quantile(0.99, rate(floorwatch_journal_commit_seconds_bucket[5m]))", "commit"), "s",
                  ((None, "green"), (0.5, "red"))),
            Panel("timeseries", ("Age of each source", "各来源事件年龄"), asked("time() - floorwatch_source_event_timestamp_seconds", "{{source}}"), "s"),
            Panel("timeseries", ("Backlog and snapshots", "积压与快照"),
                  (Q("floorwatch_backlog_batches", "batches"), Q("floorwatch_snapshot_seconds", "snapshot, s"), Q("increase(floorwatch_snapshots_total[5m])", "snapshots in 5 min"),
                   Q("rate(floorwatch_busy_answers_total[5m])", "turned away"))),
            Panel("timeseries", ("Connected systems: records, and those left out", "接入系统：记录与未采用"),
                  (Q("sum by (connection) (rate(floorwatch_connector_records_total[5m]))", "{{connection}}", "only with --connect"),
                   Q("sum by (reason) (rate(floorwatch_left_out_records_total[5m]))", "{{reason}}", "only with --connect"))),
            Panel("timeseries", ("Alertmanager and mailed reports", "Alertmanager 与邮件报告"),
                  (Q("sum by (outcome) (rate(floorwatch_alertmanager_requests_total[5m]))", "{{outcome}}", "only with --alertmanager"),
                   Q("floorwatch_alertmanager_alerts", "active", "only with --alertmanager"), Q("floorwatch_alertmanager_overflow_total", "too many", "only with --alertmanager"),
                   Q("sum by (outcome) (increase(floorwatch_mailed_reports_total[1d]))", "reports {{outcome}}", "only with --report-mail"))),
            Panel("timeseries", ("Alerts that have not ended", "未结束的告警"), asked("sum by (status) (floorwatch_alerts)", "{{status}}", _TOLD), stacked=True, width=8),
            Panel("timeseries", ("Time to acknowledge and to resolve, mean of a day", "平均确认与解决时长（一天）"),
                  (Q("sum by (severity) (increase(floorwatch_alert_acknowledge_seconds_sum[1d])) / (sum by (severity) (increase(floorwatch_alert_acknowledge_seconds_count[1d])) > 0)", "acknowledge, {{severity}}", _TOLD),
                   Q("sum by (severity) (increase(floorwatch_alert_resolve_seconds_sum[1d])) / (sum by (severity) (increase(floorwatch_alert_resolve_seconds_count[1d])) > 0)", "resolve, {{severity}}", _TOLD)), "s", width=8),
            Panel("timeseries", ("Messages and refusals an hour", "每小时消息与拒绝"),
                  (Q("sum by (result) (increase(floorwatch_alert_messages_total[1h]))", "{{result}}", _TOLD), Q("sum by (why) (increase(floorwatch_alert_refusals_total[1h]))", "refused: {{why}}", _TOLD),
                   Q("increase(floorwatch_alert_alarms_lost_total[1h]) + increase(floorwatch_alert_store_failures_total[1h])", "lost or not kept", _TOLD)), width=8),
            Panel("timeseries", ("Escalation at work", "升级通知运行情况"),
                  (Q("rate(floorwatch_alert_alarms_total[5m])", "alarms a second", _TOLD), Q("sum by (what) (rate(floorwatch_alert_decisions_total[5m]))", "{{what}}", _TOLD),
                   Q("floorwatch_alerts_leading", "this hub leads", _TOLD), Q("sum by (outcome) (increase(floorwatch_alert_plan_reloads_total[1d]))", "file {{outcome}}", _TOLD))),
            Panel("timeseries", ("Message delay, 99th percentile", "消息延迟 99 百分位"),
                  asked("histogram_quantile(0.99, rate(floorwatch_alert_message_delay_seconds_bucket[5m]))", "to the channel", _TOLD), "s", ((None, "green"), (1, "yellow"), (10, "red"))),
            Panel("table", ("Limits that were reached", "已达到的限度"),
                  (Q("floorwatch_limit_reached_total > 0", "", _NO_FAULTS), Q("floorwatch_overflow_groups", "", _NO_FAULTS), Q("floorwatch_left_out_series > 0", "", _NO_FAULTS))),
            Panel("table", ("Policy", "策略"), (Q("floorwatch_policy_loaded_timestamp_seconds * 1000", ""), Q("floorwatch_policy_reloads_total", "", "nobody has offered a policy"),
                  Q("floorwatch_service_level_formula_info", ""), Q("floorwatch_window_seconds", "")), "dateTimeFromNow"),
            *CLUSTER_PANELS,
        ),
        refresh="30s",
    )  # fmt: skip
