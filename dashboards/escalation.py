"""Metrics of escalation: alerts, messages, and how long people take to acknowledge and to resolve.

Owns these entries of the catalogue. Never counts: `alerts.measures` does, with these names, kinds and labels, and a test holds the two together.
They begin with the process, and are there only where somebody is told.
"""

from __future__ import annotations

from functools import partial

from dashboards.metric import of_process

__all__ = ["ESCALATION"]


_of = partial(of_process, rows=("C57",))

ESCALATION = (
    _of("alerts", "alerts", "Alerts that have not ended.", "未结束的告警数。", "status", "severity", formula="as they stand"),
    _of("alerts_leading", "", "1 on the hub that decides and sends.", "负责决定和发送的 hub 为 1。", formula="as it is"),
    _of("alert_alarms_total", "alarms", "Alarms taken.", "已接收的警报数。"),
    _of("alert_alarms_lost_total", "alarms", "Alarms lost because the store took none.", "因存储不可用而丢失的警报数。"),
    _of("alert_messages_total", "messages", "Messages by what became of them.", "消息数，按结果。", "result"),
    _of("alert_decisions_total", "decisions", "Decisions by kind.", "决定数，按类别。", "what"),
    _of("alert_refusals_total", "requests", "Links and calls that were refused.", "被拒绝的链接与请求数，按原因。", "why"),
    _of("alert_store_failures_total", "turns", "Turns that the store did not keep.", "存储未能保存的轮次数。"),
    _of("alert_plan_reloads_total", "files", "Alerts files read while running, by what came of it.", "运行中读取告警文件的次数，按结果。", "outcome"),
    _of("alert_acknowledge_seconds", "seconds", "From an alert's opening to its acknowledgement.", "从告警产生到被确认的时间。", "severity", kind="histogram", formula="acknowledged - raised"),
    _of("alert_resolve_seconds", "seconds", "From an alert's opening to its end.", "从告警产生到结束的时间。", "severity", kind="histogram", formula="resolved - raised"),
    _of("alert_message_delay_seconds", "seconds", "From the decision to tell to the channel having taken it.", "从决定通知到渠道收下的时间。", kind="histogram", formula="taken - decided"),
)  # fmt: skip
