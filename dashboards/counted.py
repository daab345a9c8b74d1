"""Metrics that only grow: what was counted since the journal was created, and distributions since the process started.

Owns these entries of the catalogue. They are read from the engine's sums, which never forget, so they grow while panes
of the past are dropped. What counts by arrival counts a contact where it arrived; by event, where it happened.
"""

from __future__ import annotations

from dashboards.metric import Metric
from engine.policy import COMMITMENTS

__all__ = ["COUNTED", "HISTOGRAMS"]

_MICRO = 1_000_000


def _sum(
    name: str, fields: str, english: str, chinese: str, rows: str, *, unit: str = "contacts", label: str = "", per: int = 1,
    dimensions_max: int = 1, formula: str = "",
) -> Metric:  # fmt: skip
    """`fields` are fields of the sums, with `=value` for the value of the label."""
    parts = [field.partition("=") for field in fields.split()]
    return Metric(
        f"floorwatch_{name}_total", "counter", unit, english, chinese, formula or "sum since the journal was created",
        tuple(rows.split()), tuple((field, (value,) if label else ()) for field, _, value in parts), (label,) if label else (),
        per, dimensions_max=dimensions_max,
    )  # fmt: skip


_CONTACTS = (
    _sum("offered_contacts", "offered", "Contacts that arrived.", "进线数。", "C9", dimensions_max=8),
    _sum("queued_contacts", "queued", "Contacts that had to wait, by arrival.", "需要排队的会话数（按到达）。", "C9", dimensions_max=8),
    _sum("answered_contacts", "answered=arrival events_answered=event", "Contacts answered: by arrival or by event; never add the two.",
         "接起的会话数：按到达或按事件，两者不可相加。", "C9 C10", label="by", dimensions_max=8),
    _sum("abandoned_contacts", "abandoned=arrival events_abandoned=event", "Contacts abandoned: by arrival or by event; never add the two.",
         "放弃的会话数：按到达或按事件，两者不可相加。", "C9 C10", label="by", dimensions_max=8),
    _sum("left_queue_contacts", "left_queue", "Contacts that left the queue otherwise, by arrival.", "以其他方式离队的会话数（按到达）。", "C9"),
    _sum("unanswered_contacts", "unanswered", "Contacts closed without having waited to an end or been answered, by arrival.",
         "未排到也未接起即结束的会话数（按到达）。", "C9"),
    _sum("abandoned_in_target_contacts", "abandoned_in_target", "Contacts abandoned within the target, by arrival.", "在目标时间内放弃的会话数。", "C10", dimensions_max=8),
    _sum("abandoned_short_contacts", "abandoned_short", "Contacts abandoned within the short limit, by arrival.", "短放弃的会话数。", "C10", dimensions_max=8),
    _sum("handled_contacts", "handled", "Contacts closed after an answer.", "接起后结束的会话数。", "C53", dimensions_max=8),
    _sum("handle_seconds", "handle_us", "Time from answer to close of these.", "上述会话从接起到结束的时间。", "C53", unit="seconds", per=_MICRO, dimensions_max=8),
    _sum("closed_contacts", "closed", "Contacts closed.", "结束的会话数。", "C13"),
    _sum("unresolved_contacts", "unresolved", "Contacts closed although unresolved.", "未解决即关闭的会话数。", "C13"),
    _sum("transfers", "transfers", "Transfers of contacts.", "转接次数。", "C7", unit="transfers"),
    _sum("reopened_contacts", "reopened", "Contacts that began again.", "重新打开的会话数。", "C14"),
    _sum("repeat_contacts", "repeat_contacts", "Contacts of a customer who had come for the same problem within a day.", "24 小时内同一问题再次来访的会话数。", "C14"),
    _sum("announcements", "announcements", "Announcements to who waits.", "等待提示次数。", "C4", unit="announcements"),
    _sum("messages", "customer_messages=customer agent_messages=agent automatic_messages=automatic bot_messages=bot",
         "Messages by who wrote them.", "消息数，按发出者。", "C2", unit="messages", label="writer"),
    _sum("judged_messages", "judged_messages", "Customers' messages of which it is known whether they are negative.", "已判断是否负面的客户消息数。", "C42", unit="messages"),
    _sum("negative_messages", "negative_messages", "Customers' messages with negative words.", "含负面言辞的客户消息数。", "C42", unit="messages"),
    _sum("benchmarked_responses", "responses_in_benchmark", "A person's replies within the industry's benchmark.", "达到行业基准的人工回复数。", "C8", unit="replies"),
)  # fmt: skip
_BROKEN = (
    _sum("breaches", " ".join(f"{name}_breaches={name}" for name in COMMITMENTS), "Limits of the policy that were broken, by commitment.",
         "违约数，按承诺。", "C1 C2 C3 C4 C5 C6 C7 C12 C13 C14 C16 C20 C21 C22 C23 C28 C38 C39 C40 C46", unit="breaches", label="commitment"),
    _sum("warnings", "warnings", "Warnings before a limit.", "到限前的预警数。", "C57", unit="warnings"),
)  # fmt: skip
_QUALITY = (
    _sum("invitations", "invited", "Customers asked for a rating.", "邀评数。", "C40", unit="invitations", dimensions_max=0),
    _sum("ratings", "csat_count", "Ratings from 1 to 5.", "满意度评价数。", "C32", unit="ratings", dimensions_max=0),
    _sum("good_ratings", "csat_good", "Ratings of 4 and 5.", "4–5 分评价数。", "C32", unit="ratings", dimensions_max=0),
    _sum("low_ratings", "rated_low", "Ratings of 1 to 3; a call back is due.", "1–3 分评价数，应回访。", "C40", unit="ratings", dimensions_max=0),
    _sum("nps_answers", "nps_count=all nps_promoters=promoter nps_detractors=detractor", "Answers to the promoter question.",
         "净推荐值回答数。", "C33", unit="answers", dimensions_max=0, label="answer"),
    _sum("known_resolutions", "first_known=first repeat_known=repeat", "Contacts of which it is known whether they were resolved.",
         "已知是否解决的会话数。", "C34", label="contact", dimensions_max=0),
    _sum("resolutions", "first_resolved=first repeat_resolved=repeat", "Contacts resolved: a customer's first for a problem, or a later one.",
         "已解决的会话数：首次或再次来访。", "C34", label="contact", dimensions_max=0),
    _sum("quality_checks", "quality_checked=all quality_passed=passed quality_critical=critical", "Quality checks by what they found.",
         "质检数，按结果。", "C36 C37", unit="checks", dimensions_max=0, label="result"),
    _sum("coachings", "coachings", "Coachings held.", "辅导次数。", "C38 C39", unit="coachings", dimensions_max=0),
)  # fmt: skip
_OFFICE = (
    _sum("cases_opened", "cases_opened=all complaints_opened=complaint", "Cases opened; complaints among them.", "立案数；其中投诉。",
         "C16 C35", unit="cases", dimensions_max=0, label="kind"),
    _sum("cases_responded", "cases_responded", "Cases responded to.", "已响应事件单数。", "C16", unit="cases", dimensions_max=0),
    _sum("cases_resolved", "cases_resolved", "Cases resolved.", "已解决事件单数。", "C16 C29", unit="cases", dimensions_max=0),
    _sum("case_resolve_seconds", "case_resolve_us", "Time from opening to resolution of these.", "上述事件单从立案到解决的时间。", "C16", unit="seconds", dimensions_max=0, per=_MICRO),
    _sum("promises", "promises_made=made promises_kept=kept promises_kept_in_time=in_time", "Promises made, kept, kept in time.",
         "作出、兑现、按时兑现的承诺数。", "C12", unit="promises", dimensions_max=0, label="are"),
    _sum("orders", "orders", "Orders of the shops.", "订单数。", "C45", unit="orders", dimensions_max=0),
    _sum("order_amount", "order_amount_cents", "What the orders amount to, in the shop's currency.", "订单金额，按店铺货币。", "C45", unit="currency", dimensions_max=0, per=100),
)  # fmt: skip


def _distribution(name: str, english: str, chinese: str, rows: str, formula: str) -> Metric:
    return Metric(
        f"floorwatch_{name}", "histogram", "seconds", english, chinese, formula, tuple(rows.split()), dimensions_max=1
    )


#: Histograms in seconds: name, place among the engine's distributions, fields of the count and the sum.
HISTOGRAMS = (
    ("floorwatch_answered_wait_seconds", 0, "answered", "wait_answered_us"),
    ("floorwatch_first_response_seconds", 1, "first_response_count", "first_response_us"),
    ("floorwatch_response_seconds", 2, "response_count", "response_us"),
)
_SINCE_START = "counts since the process started; edges are the engine's own, so that every bucket is exact"
COUNTED = (
    *_CONTACTS, *_BROKEN, *_QUALITY, *_OFFICE,
    Metric("floorwatch_answered_wait_target_ratio", "histogram", "ratio",
           "Waits of the answered as a share of each contact's own target, by arrival: the edge 1 is the policy's target, whatever it is for whom.",
           "已接起会话的等待时间与各自目标之比（按到达）：边界 1 即策略的目标。", "wait / target; the service level is bucket le=1 over what the formula divides by",
           ("C10",), (("answered_in_target", ()), ("answered", ()))),
    _distribution("answered_wait_seconds", "Waits of the answered, by arrival.", "已接起会话的等待时间分布（按到达）。", "C3", _SINCE_START),
    _distribution("first_response_seconds", "Times to a person's first reply.", "首次人工响应时间分布。", "C1", _SINCE_START),
    _distribution("response_seconds", "Times of a person's reply to a customer's turn.", "人工对每一轮客户消息的响应时间分布。", "C2", _SINCE_START),
    Metric("floorwatch_measured_waits_total", "counter", "waits", "Waits that a response measure of the policy has counted, and those in target.",
           "策略中各响应指标计入的等待数及其中达标数。", "sum since the journal was created", ("C1", "C11"), (), ("measure", "are"), dimensions_max=1),
)  # fmt: skip
