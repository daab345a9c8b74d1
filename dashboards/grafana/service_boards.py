"""Dashboards of what is promised: service levels and commitments, cases and work orders, quality and outcome.

Owns what they show. Shares over a range come from recording rules, which divide counters as the engine divides sums.
"""

from __future__ import annotations

from dashboards.grafana.panel import REGION, UNSAID, Board, Panel, asked, by_region, limits
from dashboards.grafana.panel import Query as Q
from dashboards.queries import KEPT, service_level
from engine.policy import Policy

__all__ = ["cases", "quality", "service"]

TOTAL = '{rollup="total"}'
QUEUE = '{rollup="queue", queue=~"$queue"}'
_FEW = "needs so many events of the kind in the range"


def _level_of_regions(policy: Policy) -> str:
    """The service level of regions, whose parts by category are added up before they are divided."""
    of_parts = service_level(policy.service_level, "30m").replace("{", REGION[:-1] + ", ")
    return of_parts.replace("sum without (" + ", ".join(KEPT) + ")", "sum by (region)")


def service(policy: Policy) -> Board:
    level = limits(policy, "service_level")
    return Board(
        "service", ("Service levels and commitments", "服务水平与承诺"), ("How well commitments are kept, by the policy's definitions.", "按策略定义看承诺履行情况。"), ("queue", "region"),
        (
            Panel("timeseries", ("Service level", "服务水平"),
                  (Q(f"floorwatch_service_level_ratio{TOTAL}", "the wall's window"), Q(f"rollup:floorwatch_service_level:ratio30m{TOTAL}", "30 min, counted"),
                   Q(f"rollup:floorwatch_service_level:ratio1d{TOTAL}", "a day, counted")), "percentunit", level),
            Panel("timeseries", ("Service level by queue", "各队列服务水平"), asked(f"rollup:floorwatch_service_level:ratio30m{QUEUE}", "{{queue}}"), "percentunit", level),
            Panel("timeseries", ("Answer, 95th percentile", "接起时间 95 百分位"),
                  (Q(f"floorwatch_speed_of_answer_p95_seconds{TOTAL}", "the wall's window"), Q(f"rollup:floorwatch_answered_wait_seconds:p95_30m{TOTAL}", "from buckets"),
                   Q(f"floorwatch_speed_of_answer_seconds{TOTAL}", "average")), "s"),
            Panel("timeseries", ("First human reply", "首次人工响应"),
                  (Q(f"floorwatch_first_response_average_seconds{TOTAL}", "average"), Q(f"floorwatch_first_response_p95_seconds{TOTAL}", "95th percentile"),
                   Q(f"rollup:floorwatch_first_response_seconds:p95_30m{TOTAL}", "95th percentile, from buckets")), "s"),
            Panel("timeseries", ("Every human reply", "每轮人工响应"),
                  (Q(f"floorwatch_response_average_seconds{TOTAL}", "average"), Q(f"rollup:floorwatch_response_seconds:p95_30m{TOTAL}", "95th percentile, from buckets")), "s",
                  limits(policy, "response_mean_s")),
            Panel("timeseries", ("Broken commitments, 30 min", "30 分钟内违约"), asked("commitment:floorwatch_breaches:increase30m", "{{commitment}}"), stacked=True),
            Panel("timeseries", ("Arrivals and what became of them", "进线及其结局"),
                  (Q(f"floorwatch_window_offered_contacts{TOTAL}", "offered"), Q(f"floorwatch_window_queued_contacts{TOTAL}", "queued"),
                   Q(f"floorwatch_window_answered_contacts{TOTAL}", "answered"), Q(f"floorwatch_window_abandoned_contacts{TOTAL}", "abandoned"),
                   Q(f"floorwatch_window_left_queue_contacts{TOTAL}", "left"), Q(f"floorwatch_window_handled_contacts{TOTAL}", "handled"))),
            Panel("timeseries", ("Response measures in target", "响应指标达标率"), asked(f"floorwatch_measure_ratio{TOTAL}", "{{measure}}"), "percentunit"),
            Panel("timeseries", ("Response measures, average", "响应指标平均值"), asked(f"floorwatch_measure_average_seconds{TOTAL}", "{{measure}}"), "s"),
            Panel("table", ("Waits counted by response measures", "响应指标计数"), asked(f"floorwatch_measured_waits_total{TOTAL}")),
            Panel("timeseries", ("Contacts an hour", "每小时会话"),
                  (Q(f"rate(floorwatch_queued_contacts_total{TOTAL}[30m]) * 3600", "queued"), Q(f"rate(floorwatch_left_queue_contacts_total{TOTAL}[30m]) * 3600", "left"),
                   Q(f"rate(floorwatch_unanswered_contacts_total{TOTAL}[30m]) * 3600", "unanswered"), Q(f"rate(floorwatch_transfers_total{TOTAL}[30m]) * 3600", "transfers"),
                   Q(f"rate(floorwatch_unresolved_contacts_total{TOTAL}[30m]) * 3600", "unresolved"), Q(f"rate(floorwatch_reopened_contacts_total{TOTAL}[30m]) * 3600", "reopened"),
                   Q(f"rate(floorwatch_repeat_contacts_total{TOTAL}[30m]) * 3600", "repeated"), Q(f"rate(floorwatch_announcements_total{TOTAL}[30m]) * 3600", "announcements"),
                   Q(f"rate(floorwatch_warnings_total{TOTAL}[30m]) * 3600", "warnings"))),
            Panel("timeseries", ("Messages a minute", "每分钟消息"), asked(f"rate(floorwatch_messages_total{TOTAL}[5m]) * 60", "{{writer}}"), stacked=True),
            Panel("timeseries", ("Abandoned in 30 min, and how soon", "30 分钟内放弃，及其早晚"),
                  (Q('increase(floorwatch_abandoned_contacts_total{rollup="total", by="arrival"}[30m])', "all"), Q(f"increase(floorwatch_abandoned_in_target_contacts_total{TOTAL}[30m])", "within the target"),
                   Q(f"increase(floorwatch_abandoned_short_contacts_total{TOTAL}[30m])", "short")), width=24),
            Panel("timeseries", ("Service level by region, 30 min", "各地区服务水平（30 分钟）"), asked(_level_of_regions(policy), "{{region}}", UNSAID), "percentunit", level, 8),
            Panel("timeseries", ("Answered in the window by region", "窗口内各地区接起"), by_region("sum", "floorwatch_window_answered_contacts"), stacked=True, width=8),
            Panel("timeseries", ("Abandoned in the window by region", "窗口内各地区放弃"), by_region("sum", "floorwatch_window_abandoned_contacts"), stacked=True, width=8),
        ),
    )  # fmt: skip


def cases(policy: Policy) -> Board:
    states = ((None, "green"), (1, "red"))
    return Board(
        "cases", ("Cases and work orders", "事件单与工单"), ("What is open, near its limit, overdue, and with whom.", "未结、临期、超期各有多少，在谁手里。"), (),
        (
            Panel("stat", ("Open", "未结"), asked("sum(floorwatch_open_cases)"), width=6, height=4),
            Panel("stat", ("Near their limit", "临期"), asked('floorwatch_open_cases{state="near_limit"}'), steps=((None, "green"), (1, "yellow")), width=6, height=4),
            Panel("stat", ("Overdue", "超期"), asked('floorwatch_open_cases{state="overdue"}'), steps=states, width=6, height=4),
            Panel("stat", ("Promises overdue", "承诺超期"), asked('floorwatch_open_promises{state="overdue"}'), steps=states, width=6, height=4),
            Panel("timeseries", ("By where they stand", "按进度"), asked("floorwatch_open_cases", "{{state}}"), stacked=True),
            Panel("timeseries", ("Promises", "承诺"), asked("floorwatch_open_promises", "{{state}}"), stacked=True),
            Panel("timeseries", ("By kind", "按类型"), asked("sum by (kind) (floorwatch_open_cases_by_kind)", "{{kind}}", "no case is open"), stacked=True),
            Panel("timeseries", ("By department", "按部门"), asked("sum by (department) (floorwatch_open_cases_by_department)", "{{department}}", "no case is open"), stacked=True),
            Panel("timeseries", ("Opened, responded, resolved in 30 min", "30 分钟内立案、响应、解决"),
                  (Q('increase(floorwatch_cases_opened_total{rollup="total", kind="all"}[30m])', "opened"), Q(f"increase(floorwatch_cases_responded_total{TOTAL}[30m])", "responded"),
                   Q(f"increase(floorwatch_cases_resolved_total{TOTAL}[30m])", "resolved"))),
            Panel("timeseries", ("Time to resolution, average of a day", "平均解决时长（一天）"),
                  asked(f"increase(floorwatch_case_resolve_seconds_total{TOTAL}[1d]) / (increase(floorwatch_cases_resolved_total{TOTAL}[1d]) > 0)", "resolution", _FEW), "s"),
            Panel("timeseries", ("Promises kept in time, a day", "按时兑现率（一天）"), asked(f"rollup:floorwatch_promises_in_time:ratio1d{TOTAL}", "in time", _FEW), "percentunit"),
            Panel("timeseries", ("Commitments of cases broken in 30 min", "30 分钟内事件单违约"),
                  asked('commitment:floorwatch_breaches:increase30m{commitment=~"case_.+|promise|call_back|coaching"}', "{{commitment}}"), stacked=True),
        ),
        span="12h", refresh="30s",
    )  # fmt: skip


def quality(policy: Policy) -> Board:
    def of(title: tuple[str, str], name: str, measure: str, unit: str = "percentunit") -> Panel:
        return Panel("timeseries", title, asked(f"{name}{TOTAL}", "a day", _FEW), unit, limits(policy, measure), 8)

    day = "rollup:floorwatch_{}:ratio1d".format
    return Board(
        "quality", ("Quality and outcome", "质量与结果"), ("What customers say, what checks find, what is resolved.", "客户评价、质检结果与解决情况。"), (),
        (
            Panel("stat", ("Satisfaction in the window", "窗口内满意度"), asked(f"floorwatch_csat_ratio{TOTAL}", quiet=_FEW), "percentunit", limits(policy, "csat_share"), 12, 4),
            Panel("stat", ("Net promoter score in the window", "窗口内净推荐值"), asked(f"floorwatch_nps_points{TOTAL}", quiet=_FEW), "none", limits(policy, "nps"), 12, 4),
            of(("Satisfaction", "满意度"), day("csat"), "csat_share"),
            of(("Net promoter score", "净推荐值"), "rollup:floorwatch_nps:points1d", "nps", "none"),
            of(("First-contact resolution", "首次解决率"), day("first_contact_resolution"), "first_contact_resolution"),
            of(("Second-contact resolution", "二次解决率"), day("second_contact_resolution"), "second_contact_resolution"),
            of(("Customers invited to rate", "邀评率"), day("invited"), "invited_share"),
            of(("Invitations answered", "参评率"), day("rated"), "rated_share"),
            of(("Critical errors", "致命错误率"), day("critical_errors"), "critical_error_rate"),
            of(("Checks passed", "质检合格率"), day("quality_passed"), "pass_rate"),
            of(("Negative words", "负面言辞占比"), day("negative_messages"), "negative_share"),
            of(("Replies within the benchmark", "行业基准内回复占比"), day("benchmark"), "benchmark_share"),
            of(("Complaints per 1,000 orders", "每千单投诉"), day("complaints_per_1000_orders"), "complaints_per_1000_orders", "short"),
            Panel("timeseries", ("Ratings, checks, coachings an hour", "每小时评价、质检、辅导"),
                  (Q(f"rate(floorwatch_ratings_total{TOTAL}[1h]) * 3600", "ratings"), Q(f"rate(floorwatch_low_ratings_total{TOTAL}[1h]) * 3600", "low ratings"),
                   Q('rate(floorwatch_quality_checks_total{rollup="total", result="all"}[1h]) * 3600', "checks"), Q(f"rate(floorwatch_coachings_total{TOTAL}[1h]) * 3600", "coachings")), width=8),
        ),
        span="24h", refresh="1m",
    )  # fmt: skip
