"""Metrics of escalation: alerts, messages, and how long people take to acknowledge and to resolve.

Owns these entries of the catalogue. Never counts: `alerts.measures` does, with these names, kinds and labels, and a test holds the two together.
They begin with the process, and are there only where somebody is told.
"""

from __future__ import annotations

from dashboards.metric import Metric

__all__ = ["ESCALATION"]


def _of(
    name: str, kind: str, unit: str, english: str, chinese: str, formula: str = "as counted", *labels: str
) -> Metric:
    return Metric(f"floorwatch_{name}", kind, unit, english, chinese, formula, ("C57",), (), labels, floor=False)


ESCALATION = (
    _of("alerts", "gauge", "alerts", "Alerts that have not ended.", "未结束的告警数。", "as they stand", "status", "severity"),
    _of("alerts_leading", "gauge", "", "1 on the hub that decides and sends.", "负责决定和发送的 hub 为 1。", "as it is"),
    _of("alert_alarms_total", "counter", "alarms", "Alarms taken.", "已接收的警报数。"),
    _of("alert_alarms_lost_total", "counter", "alarms", "Alarms lost because the store took none.", "因存储不可用而丢失的警报数。"),
    _of("alert_messages_total", "counter", "messages", "Messages by what became of them.", "消息数，按结果。", "as counted", "result"),
    _of("alert_decisions_total", "counter", "decisions", "Decisions by kind.", "决定数，按类别。", "as counted", "what"),
    _of("alert_refusals_total", "counter", "requests", "Links and calls that were refused.", "被拒绝的链接与请求数，按原因。", "as counted", "why"),
    _of("alert_store_failures_total", "counter", "turns", "Turns that the store did not keep.", "存储未能保存的轮次数。"),
    _of("alert_plan_reloads_total", "counter", "files", "Alerts files read while running, by what came of it.", "运行中读取告警文件的次数，按结果。", "as counted", "outcome"),
    _of("alert_acknowledge_seconds", "histogram", "seconds", "From an alert's opening to its acknowledgement.", "从告警产生到被确认的时间。", "acknowledged - raised", "severity"),
    _of("alert_resolve_seconds", "histogram", "seconds", "From an alert's opening to its end.", "从告警产生到结束的时间。", "resolved - raised", "severity"),
    _of("alert_message_delay_seconds", "histogram", "seconds", "From the decision to tell to the channel having taken it.", "从决定通知到渠道收下的时间。", "taken - decided"),
)  # fmt: skip
