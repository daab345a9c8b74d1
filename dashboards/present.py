"""Metrics of the present: levels that hold now, and figures of the sliding window that the wall shows.

Owns these entries of the catalogue. The figures are those of `/api/v1/now`, to the last digit.
"""

from __future__ import annotations

from dashboards.metric import Metric

__all__ = ["PRESENT"]


def _now(key: str, name: str, unit: str, english: str, chinese: str, formula: str, rows: str) -> Metric:
    return Metric(f"floorwatch_{name}", "gauge", unit, english, chinese, formula, tuple(rows.split()), ((key, ()),))


_LEVELS = (
    _now("waiting", "waiting_contacts", "contacts", "Contacts waiting for a person now.", "正在排队等待人工的会话数。",
         "contacts queued and neither answered nor gone", "C9"),
    _now("longest_wait_s", "longest_wait_seconds", "seconds", "Age of the oldest contact that waits now.", "当前等待最久的会话已等待的时间。",
         "now - the start of the oldest wait", "C6 C9"),
    _now("in_service", "in_service_contacts", "contacts", "Contacts answered and not yet closed.", "已接起、尚未结束的会话数。",
         "answered and not closed", "C15"),
    _now("unreplied", "unreplied_contacts", "contacts", "Conversations in which a customer's message has no person's reply.",
         "客户消息尚无人工回复的会话数。", "conversations with an unanswered message that wait for a person or have one", "C15"),
    _now("load", "load_contacts", "contacts", "Contacts that people hold now.", "坐席当前持有的会话数。", "sum of contacts held by people", "C15"),
)  # fmt: skip
_WINDOW = (
    _now("offered", "window_offered_contacts", "contacts", "Contacts that arrived in the window.", "窗口内进线数。", "by arrival", "C9"),
    _now("queued", "window_queued_contacts", "contacts", "Contacts of the window that had to wait.", "窗口内需要排队的会话数。", "by arrival", "C9"),
    _now("answered", "window_answered_contacts", "contacts", "Contacts of the window that were answered.", "窗口内进线中已接起的会话数。", "by arrival", "C9"),
    _now("abandoned", "window_abandoned_contacts", "contacts", "Contacts of the window that were abandoned.", "窗口内进线中放弃的会话数。", "by arrival", "C9"),
    _now("left_queue", "window_left_queue_contacts", "contacts", "Contacts of the window that left the queue otherwise.",
         "窗口内进线中以其他方式离队的会话数。", "by arrival", "C9"),
    _now("handled", "window_handled_contacts", "contacts", "Contacts closed after an answer in the window.", "窗口内接起后结束的会话数。", "by event", "C9"),
    _now("breaches", "window_breaches", "breaches", "Commitments broken in the window.", "窗口内的违约数。", "by event", "C57"),
    _now("service_level", "service_level_ratio", "ratio", "Service level in the window, by the policy's formula.",
         "窗口内的服务水平，按策略指定的公式。", "the policy's formula, floorwatch_service_level_formula_info", "C10"),
    _now("abandonment_rate", "abandonment_ratio", "ratio", "Abandoned over offered in the window.", "窗口内的放弃率。", "abandoned / offered", "C9"),
    _now("asa_s", "speed_of_answer_seconds", "seconds", "Average wait of the contacts of the window that were answered.",
         "窗口内已接起会话的平均等待时间。", "wait of the answered / answered", "C3"),
    _now("wait_answered_p95_s", "speed_of_answer_p95_seconds", "seconds", "95th percentile of the waits of the answered, within 2 % or half a second.",
         "已接起会话等待时间的 95 百分位，误差不超过 2% 或 0.5 秒。", "by rank", "C3"),
    _now("first_response_avg_s", "first_response_average_seconds", "seconds", "Average time to a person's first reply in the window.",
         "窗口内首次人工响应的平均时间。", "time to first human reply / first human replies", "C1"),
    _now("first_response_p95_s", "first_response_p95_seconds", "seconds", "95th percentile of the time to a person's first reply.",
         "首次人工响应时间的 95 百分位。", "by rank", "C1"),
    _now("response_avg_s", "response_average_seconds", "seconds", "Average time of a person's reply to a customer's turn in the window.",
         "窗口内人工对每一轮客户消息的平均响应时间。", "time from turn to reply / replies", "C2"),
    _now("aht_s", "handle_average_seconds", "seconds", "Average handle time of the contacts closed in the window, wrap-up included.",
         "窗口内平均处理时长，含话后处理。", "(answer to close + wrap-up) / handled", "C53"),
    _now("occupancy", "occupancy_ratio", "ratio", "Time with work over time with work and available, in the window.", "窗口内利用率。",
         "occupied / (occupied + idle)", "C54"),
    _now("csat_share", "csat_ratio", "ratio", "Share of ratings of 4 and 5 in the window.", "窗口内 4–5 分评价占比。", "ratings of 4 and 5 / ratings", "C32"),
    _now("nps", "nps_points", "points", "Net promoter score of the window, from -100 to 100.", "窗口内净推荐值，-100 到 100。",
         "100 * (promoters - detractors) / answers", "C33"),
)  # fmt: skip
PRESENT = (
    *_LEVELS,
    *_WINDOW,
    Metric("floorwatch_agents", "gauge", "people", "People by state now.", "各状态的坐席人数。", "people by the state that they reported last",
           ("C15", "C54"), (("agents", ()),), ("state",)),
    Metric("floorwatch_measure_ratio", "gauge", "ratio", "Share in target of a response measure of the policy in the window, marketplaces' rates among them.",
           "策略中各响应指标（含平台考核指标）在窗口内的达标率。", "in target / counted, by the measure's definition", ("C1", "C11"), (("rate", ()),), ("measure",)),
    Metric("floorwatch_measure_average_seconds", "gauge", "seconds", "Average of a response measure of the policy in the window.",
           "策略中各响应指标在窗口内的平均时间。", "time / counted, by the measure's definition", ("C2", "C11"), (("avg_s", ()),), ("measure",)),
    Metric("floorwatch_people", "gauge", "people", "People present, known, and with more contacts than slots.", "在岗、已知和超载的坐席人数。",
           "by what they reported last", ("C15",), (), ("are",), floor=False),
    Metric("floorwatch_open_cases", "gauge", "cases", "Cases that are open or owed something, by where they stand.", "未结或仍有承诺的事件单，按进度。",
           "state is one of open, in_progress, near_limit, overdue", ("C16", "C29"), (), ("state",), floor=False),
    Metric("floorwatch_open_cases_by_kind", "gauge", "cases", "The same by kind.", "同上，按类型。", "as floorwatch_open_cases",
           ("C16", "C17", "C18", "C19", "C26", "C27"), (), ("kind", "state"), floor=False),
    Metric("floorwatch_open_cases_by_department", "gauge", "cases", "The same by the department responsible; a joint order counts for each.",
           "同上，按责任部门；联合工单对每个部门各计一次。", "as floorwatch_open_cases", ("C25", "C28"), (), ("department", "state"), floor=False),
    Metric("floorwatch_open_promises", "gauge", "promises", "Promises not kept yet, by where they stand.", "尚未兑现的承诺，按进度。",
           "state is one of open, near_limit, overdue", ("C12",), (), ("state",), floor=False),
    Metric("floorwatch_condition_raised", "gauge", "", "1 while a condition of the policy is broken for a group; the engine judges it, as on the wall.",
           "策略条件对某组成立期间为 1；由引擎判断，与看板一致。", "see the policy's conditions",
           ("C9", "C10", "C32", "C35", "C41", "C42", "C43", "C52", "C54", "C55"), (),
           ("condition", "severity", "queue", "tenant", "channel", "region", "category", "tier", "partner", "party", "source"), floor=False),
    Metric("floorwatch_capacity_agents", "gauge", "people", "People of a queue by the capacity model: needed in the next quarter of an hour, present, planned, and missing now and by the plan; of 500 queues at most.",
           "按容量模型，某队列的人数：下一刻钟所需、在岗、计划，以及当前缺口和按计划的缺口；最多 500 个队列。", "are is one of needed, present, missing, planned_next, missing_next; below 0 there are more than needed",
           ("C53",), (), ("queue", "are"), floor=False),
    Metric("floorwatch_capacity_service_level_ratio", "gauge", "ratio", "Service level expected of this quarter of an hour and the next if nothing changes.",
           "若不调整，本刻钟和下一刻钟预计的服务水平。", "quarter is now or next", ("C10", "C53"), (), ("queue", "quarter"), floor=False),
    Metric("floorwatch_capacity_break_ratio", "gauge", "ratio", "How likely this quarter of an hour and the next close below the target.",
           "本刻钟和下一刻钟以低于目标收尾的可能性。", "quarter is now or next", ("C10", "C53"), (), ("queue", "quarter"), floor=False),
    Metric("floorwatch_capacity_arrivals_contacts", "gauge", "contacts", "Contacts expected in the next quarter of an hour.", "下一刻钟预计进线量。",
           "forecast from the last hour, and from the history where a week of it is kept", ("C52", "C53"), (), ("queue",), floor=False),
    Metric("floorwatch_capacity_cost", "gauge", "currency", "What the next quarter of an hour costs if nothing changes: people beyond those needed, and contacts expected to miss the target; only with --hourly-cost, --breach-cost.",
           "若不调整，下一刻钟的费用：多余的人手，以及预计未达标的会话；仅在 --hourly-cost、--breach-cost 时。", "of is surplus: -missing * hourly cost / 4; or breach: arrivals * (1 - service level) * breach cost",
           ("C53",), (), ("queue", "of"), floor=False),
    Metric("floorwatch_agent_load_contacts", "gauge", "contacts", "Contacts that a person holds now; only with --agent-series.",
           "某坐席当前持有的会话数；仅在 --agent-series 时。", "contacts held", ("C15",), (), ("agent",), floor=False),
    Metric("floorwatch_agent_slots", "gauge", "contacts", "How many contacts a person takes at once; only with --agent-series.",
           "某坐席可同时接待的会话数；仅在 --agent-series 时。", "as reported", ("C15",), (), ("agent",), floor=False),
    Metric("floorwatch_agent_state", "gauge", "", "1 for the state that a person is in; only with --agent-series.", "某坐席当前所处状态为 1；仅在 --agent-series 时。",
           "as reported", ("C15", "C54"), (), ("agent", "state"), floor=False),
)  # fmt: skip
