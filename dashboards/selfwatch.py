"""Alerts about Floorwatch itself: is it there, does it see, does it lose anything (C55).

Owns these alerts. The first always fires: who no longer hears it has lost the way by which alerts come.
"""

from __future__ import annotations

from dashboards.alert import Alert

__all__ = ["SELF"]

_LOOK = "Open /api/v1/now and the service's standard error; restart the service if it does not answer: nothing that was accepted is lost."
_LOOK_ZH = "查看 /api/v1/now 和服务的标准错误输出；若无应答则重启服务，已接收的事件不会丢失。"
_SENDER = "Find out which source sent it (the rejects in the journal name line and reason), and mend the source."
_SENDER_ZH = "查明是哪个来源发送的（日志中的拒收记录有行号和原因），修复来源。"
_ROOM = "See the table of limits in the README; raise the setting, or give the machine less to do."
_ROOM_ZH = "查看 README 的限度表；调高该设置，或减轻本机负担。"

SELF = (
    Alert("Watchdog", "vector(1)", "info", "Always fires. When it stops, alerts no longer arrive.", "始终触发；一旦停止，说明告警通路已断。",
          "Nothing while it fires. When it is missed: look after Prometheus, Alertmanager and the way to people.",
          "触发时无需处理；收不到时检查 Prometheus、Alertmanager 和通知通路。"),
    Alert("FloorwatchDown", 'up{job="floorwatch"} == 0', "critical", "Prometheus cannot scrape Floorwatch: we are blind.", "Prometheus 抓取不到 Floorwatch：我们看不见现场。",
          _LOOK, _LOOK_ZH, "1m", blind=True),
    Alert("FloorwatchAbsent", "absent(floorwatch_ready)", "critical", "Nobody tells Prometheus of Floorwatch: we are blind.", "Prometheus 中没有 Floorwatch 的指标：我们看不见现场。",
          "See whether the scrape job floorwatch is configured and its token is right.", "检查抓取任务 floorwatch 是否配置、令牌是否正确。", "2m", blind=True),
    Alert("FloorwatchNotReady", "floorwatch_ready == 0", "critical", "Floorwatch has been replaying its journal for long.", "Floorwatch 长时间仍在重放日志。", _LOOK, _LOOK_ZH, "10m", blind=True),
    Alert("WatermarkStalled", "floorwatch_watermark_lag_seconds > 60", "critical", "Figures are more than a minute behind the present: we are blind.",
          "数字落后现在超过一分钟：我们看不见现场。", "A source may hold time back, or the machine may be too busy: see floorwatch_source_event_timestamp_seconds and floorwatch_backlog_batches.",
          "可能有来源拖住时间，或机器过忙：查看 floorwatch_source_event_timestamp_seconds 与 floorwatch_backlog_batches。", "1m", blind=True),
    Alert("EventsStopped", "increase(floorwatch_events_total[10m]) == 0", "critical", "Not one event in ten minutes: we are blind.", "十分钟内没有一条事件：我们看不见现场。",
          "Ask the sources; where nothing happens at night, let them send source.heartbeat.", "检查各来源；夜间无事时应发送 source.heartbeat。", "5m", blind=True),
    Alert("Blind", "floorwatch_blind == 1", "critical", "All sources are silent, or everything that comes is refused: we are blind.", "所有来源静默，或来者全被拒收：我们看不见现场。",
          "GET /api/v1/now says under blind why, and under sources of each when it was heard; if refusing, the answers and /metrics by reason say why.",
          "GET /api/v1/now 的 blind 说明原因，sources 列出各来源最后时间；若为 refusing，看应答内容和按原因的指标。", blind=True),
    Alert("SourceOverdue", "floorwatch_source_overdue == 1", "warning",
          "The source {{ $labels.source }} is silent for longer than is usual at this hour.", "来源 {{ $labels.source }} 静默时间超过此时段的常态。",
          "Look after the source and its connection; where nothing happens at this hour, let it send source.heartbeat.", "检查该来源及其连接；此时段若无事发生，应发送 source.heartbeat。", "30s"),
    Alert("SourceRefused", "floorwatch_source_refused == 1", "warning",
          "Whoever sends as {{ $labels.source }} is refused: its token, its signature or its rights.", "以 {{ $labels.source }} 名义的发送被拒收：令牌、签名或权限有误。",
          "GET /api/v1/now says under sources since when and why; floorwatch token list shows what has expired, floorwatch token create makes a new one. Where the source itself is heard too, somebody else uses its name.",
          "GET /api/v1/now 的 sources 说明起始时间与原因；用 floorwatch token list 查看过期令牌，用 floorwatch token create 新建。若该来源本身仍在发送，则是他人冒用其名。", "1m"),
    Alert("SourceClockBehind", "floorwatch_source_skew_seconds > 60", "warning", "Events of {{ $labels.source }} are stamped more than a minute before they come.", "{{ $labels.source }} 的事件时间比到达早一分钟以上。",
          "Set its clock by NTP, or find out what holds its events up.", "用 NTP 校准其时钟，或查明事件在何处滞留。", "5m"),
    Alert("SourceStale", "time() - floorwatch_source_event_timestamp_seconds > 600", "warning", "A source has told nothing new for ten minutes.", "某来源十分钟没有新事件。",
          "Look after the source {{ $labels.source }} and its connection.", "检查来源 {{ $labels.source }} 及其连接。", "1m"),
    Alert("SourceClockAhead", "floorwatch_source_event_timestamp_seconds - time() > 5", "warning", "A source's clock is ahead of ours.", "某来源的时钟超前。",
          "Set its clock by NTP: its events will be refused as time_in_future.", "用 NTP 校准其时钟：其事件会因 time_in_future 被拒收。", "1m"),
    Alert("EventsDropped", "increase(floorwatch_dropped_events_total[10m]) > 0", "warning", "Events came too late to be counted.", "有事件来得太晚而未计入。",
          "Find the source that is late; its allowed lateness is 15 minutes.", "找出迟到的来源；允许迟到 15 分钟。"),
    Alert("EventsLate", "increase(floorwatch_late_events_total[10m]) > 0.01 * increase(floorwatch_events_total[10m])", "info", "More than one event in a hundred is late.",
          "超过百分之一的事件迟到。", "Raise --disorder, or mend the source's order.", "调大 --disorder，或修复来源的顺序。", "5m"),
    Alert("EventsRejected", "sum by (reason, instance) (increase(floorwatch_rejected_events_total[10m])) > 0", "warning", "Lines were refused: {{ $labels.reason }}.", "有行被拒收：{{ $labels.reason }}。", _SENDER, _SENDER_ZH),
    Alert("EventsIllegal", "sum without (reason) (increase(floorwatch_illegal_events_total[10m])) > 0.01 * increase(floorwatch_events_total[10m])", "info",
          "More than one event in a hundred contradicts what came before.", "超过百分之一的事件与先前状态矛盾。", _SENDER, _SENDER_ZH, "5m"),
    Alert("LimitReached", "sum by (limit, instance) (increase(floorwatch_limit_reached_total[10m])) > 0", "warning", "The limit {{ $labels.limit }} was reached.", "达到限度 {{ $labels.limit }}。", _ROOM, _ROOM_ZH),
    Alert("BacklogLarge", "floorwatch_backlog_bytes > 67108864", "warning", "Half of the backlog is full.", "积压已用掉一半。", _ROOM, _ROOM_ZH, "30s"),
    Alert("SendersTurnedAway", "increase(floorwatch_busy_answers_total[5m]) > 0", "warning", "Senders were answered 429 and have to send again.", "发送方收到 429，需要重发。", _ROOM, _ROOM_ZH),
    Alert("JournalSlow", "histogram_quantile(0.99, rate(floorwatch_journal_commit_seconds_bucket[5m])) > 0.5", "warning", "Writing the journal takes more than half a second.",
          "写日志超过半秒。", "Look after the disk of the data folder.", "检查数据目录所在磁盘。", "2m"),
    Alert("PolicyRefused", 'increase(floorwatch_policy_reloads_total{outcome="refused"}[1h]) > 0', "warning", "A policy was offered and refused; the one of before holds.", "提交的策略被拒，原策略仍生效。",
          "GET /api/v1/policy says what is wrong, with file and line.", "GET /api/v1/policy 会给出文件和行号。"),
    Alert("GroupsTogether", "floorwatch_overflow_groups > 0", "info", "Groups of {{ $labels.rollup }} are told together as (other).", "{{ $labels.rollup }} 的部分组合并为 (other)。", _ROOM, _ROOM_ZH),
    Alert("SeriesMany", "floorwatch_exported_series > 200000", "info", "A scrape has more than 200,000 samples.", "一次抓取超过 20 万个样本。", "Lower exported_groups_max, or leave out --agent-series.", "调低 exported_groups_max，或去掉 --agent-series。"),
    Alert("AlertmanagerUnreached", 'sum by (instance) (increase(floorwatch_alertmanager_requests_total{outcome!="delivered"}[5m])) > 0', "warning",
          "Floorwatch could not tell Alertmanager of its alerts.", "Floorwatch 无法把告警送到 Alertmanager。", "See whether Alertmanager runs at the address given as --alertmanager; what is active is sent again by itself.",
          "检查 --alertmanager 指定的地址；活动的告警会自动重发。", "2m"),
    Alert("ReportNotMailed", 'sum by (instance) (increase(floorwatch_mailed_reports_total{outcome=~"failed|uncertain"}[1h])) > 0', "warning",
          "A report could not be sent by e-mail.", "有报告未能以邮件发出。", "Standard error says which and why; it is tried again for a day. floorwatch report send sends it at once.",
          "标准错误输出说明是哪一份、为什么；一天之内会重试。可用 floorwatch report send 立即发送。"),
)  # fmt: skip
