"""Metrics of Floorwatch itself: what became of events, the clock, the journal, the way out.

Owns these entries of the catalogue. Counters of events go on from the journal; the others begin with the process.
"""

from __future__ import annotations

from dashboards.metric import of_process as _health

__all__ = ["HEALTH", "REASONED"]

#: Counters of `/api/v1/now`, plain and by reason; the key is what they are called there.
_EVENTS = (
    _health("events_total", "events", "Events absorbed, since the journal was created.", "已吸收的事件数，自日志建立起。", key="events"),
    _health("duplicate_events_total", "events", "Events delivered again and ignored.", "重复送达而忽略的事件数。", key="duplicates"),
    _health("late_events_total", "events", "Events after the watermark, still applied where their window was open.", "迟到但仍计入的事件数。", key="late"),
    _health("dropped_events_total", "events", "Events beyond the allowed lateness, not applied.", "超过允许迟到而丢弃的事件数。", key="dropped"),
)  # fmt: skip
REASONED = (
    _health("rejected_events_total", "events", "Lines refused, by reason.", "拒收的行数，按原因。", "reason", key="rejected"),
    _health("illegal_events_total", "events", "Events out of a legal sequence, counted and without effect, by reason.", "不合顺序、不生效的事件数，按原因。", "reason", key="illegal"),
    _health("policy_reloads_total", "policies", "Policies offered since the start of the process, by what came of it.", "进程启动以来提交的策略数，按结果。", "outcome", key="policy_reloads"),
    _health("limit_reached_total", "times", "Times that a limit was met, by the setting that sets it.", "达到限度的次数，按设置。", "limit", key="limits"),
)  # fmt: skip
HEALTH = (
    *_EVENTS, *REASONED,
    _health("window_seconds", "seconds", "Length of the sliding window.", "滑动窗口的长度。"),
    _health("service_level_formula_info", "", "1 for the service-level formula in force.", "当前生效的服务水平公式为 1。", "formula"),
    _health("watermark_lag_seconds", "seconds", "Present less watermark.", "当前时间与水位线之差。", formula="now - watermark"),
    _health("source_event_timestamp_seconds", "seconds", "Newest event of each source, by the source's own clock.", "各来源最新事件的时间（来源时钟）。", "source"),
    _health("source_skew_seconds", "seconds", "Instant of receipt less an event's own, the middle of the last minute, by source; below zero the source's clock is ahead.",
            "接收时刻减事件时刻，取最近一分钟的中位数，按来源；负值表示来源时钟超前。", "source", formula="median(received - stamped)"),
    _health("source_overdue", "", "1 while a source is silent for longer than expected at this hour of the week, by the policy or by its own past.",
            "来源静默超过一周中此时段的预期（由策略规定或由其自身历史学得）时为 1。", "source", formula="silence > (policy's every, else max(3 * usual of the hour, silence_least_s))"),
    _health("source_refused", "", "1 while what is sent as a source is refused for who sends it, and nothing of it was taken since.",
            "以该来源名义发送者因身份或权限被拒收、且此后未收下任何内容时为 1。", "source"),
    _health("blind", "", "1 while all sources are silent for longer than expected, or everything that comes is refused.", "所有来源静默超过预期，或来者全被拒收时为 1。"),
    _health("exported_series", "series", "Samples of this scrape.", "本次抓取的样本数。"),
    _health("left_out_series", "series", "Samples of families that were left out whole, because exported_series_max was reached.", "因达到 exported_series_max 而整族略去的样本数。"),
    _health("overflow_groups", "groups", "Groups told together as (other), because exported_groups_max was reached, by rollup.",
            "因达到 exported_groups_max 而合并为 (other) 的组数。", "rollup"),
    _health("ready", "", "1 once the journal is replayed.", "日志重放完成后为 1。"),
    _health("backlog_batches", "batches", "Batches accepted and not yet absorbed.", "已接收、未吸收的批数。"),
    _health("backlog_bytes", "bytes", "Their size.", "上述批的大小。"),
    _health("viewers", "viewers", "Walls that are being fed.", "正在推送的看板数。"),
    _health("policy_loaded_timestamp_seconds", "seconds", "When the policy in force was taken, by this machine's clock.", "生效策略的采用时间（本机时钟）。"),
    _health("snapshot_bytes", "bytes", "Size of the newest snapshot.", "最新快照的大小。"),
    _health("snapshot_seconds", "seconds", "Time that the newest snapshot took.", "最新快照耗时。"),
    _health("batches_total", "batches", "Batches absorbed.", "已吸收的批数。"),
    _health("busy_answers_total", "answers", "Requests answered 429 because the backlog was full.", "因积压已满而回答 429 的请求数。"),
    _health("refused_requests_total", "requests", "Requests and connections that were refused, by reason.", "被拒绝的请求与连接数，按原因。", "reason"),
    _health("connector_records_total", "records", "Records of connected systems, by connection.", "已接入系统的记录数，按接入。", "connection"),
    _health("left_out_records_total", "records", "Records of connected systems that became no event, by reason.", "未成为事件的接入系统记录数，按原因。", "reason"),
    _health("snapshots_total", "snapshots", "Snapshots written.", "写出的快照数。"),
    _health("journal_commit_seconds", "seconds", "Duration of a journal transaction, disk included.", "日志事务耗时（含磁盘）。", kind="histogram", formula="as measured"),
    _health("mailed_reports_total", "reports", "Reports that were to go out by e-mail, by outcome, one of each try; only with --report-mail.", "应以邮件发出的报告数，按每次尝试的结果；仅在 --report-mail 时。", "outcome"),
    _health("alertmanager_alerts", "alerts", "Alerts that are active at Alertmanager by our telling; only with --alertmanager.", "我们在 Alertmanager 中保持活动的告警数；仅在 --alertmanager 时。"),
    _health("alertmanager_requests_total", "requests", "Requests to Alertmanager, by outcome; only with --alertmanager.", "发往 Alertmanager 的请求数，按结果。", "outcome"),
    _health("alertmanager_overflow_total", "alerts", "Alerts not told to Alertmanager because there were too many at once.", "因同时过多而未送往 Alertmanager 的告警数。"),
)  # fmt: skip
