"""Alerts about the processes of a cluster: workers that are gone, behind or at a loss, and gateways that turn senders away.

Owns these alerts. Where there is no cluster their metrics are not there either, so none of them ever fires.
"""

from __future__ import annotations

from dashboards.alert import Alert

__all__ = ["CLUSTER_ALERTS"]

_LOG = "See its standard error and floorwatch topics lag; start it again if its supervisor does not: others have taken over, and nothing is lost."
_LOG_ZH = "查看其标准错误输出和 floorwatch topics lag；若未被自动拉起则重新启动：其他 worker 已接管，数据不会丢失。"
_MORE = "Start more workers, up to one for each partition; see floorwatch topics lag."
_MORE_ZH = "增加 worker（最多每个分区一个）；查看 floorwatch topics lag。"
_BROKERS = "See whether the brokers answer and their disks have room; senders send again by themselves."
_BROKERS_ZH = "检查 Broker 是否应答、磁盘是否有空间；发送方会自动重发。"

CLUSTER_ALERTS = (
    Alert("WorkerDown", 'up{job="floorwatch-worker"} == 0', "warning", "A worker does not answer.", "有 worker 无应答。", _LOG, _LOG_ZH, "1m"),
    Alert("PartitionsUnheld", "max(floorwatch_worker_topic_partitions) - count(count by (partition) (floorwatch_worker_ready)) > 0", "critical",
          "Partitions are held by no worker; all figures stand still.", "有分区无 worker 持有，全部数字停住。", _LOG, _LOG_ZH, "1m"),
    Alert("WorkerStalled", "floorwatch_worker_stalled_seconds > 30", "critical", "Partition {{ $labels.partition }} is not read on although there is something to read.",
          "分区 {{ $labels.partition }} 有数据可读却停滞。", "See whether the brokers answer; a worker that is stuck ends by itself after two minutes, and others take over.",
          "检查 Broker 是否应答；卡住的 worker 会在两分钟后自行退出，由其他 worker 接管。", "30s"),
    Alert("WorkerBehind", "floorwatch_worker_oldest_unread_seconds > 60", "warning", "Events of partition {{ $labels.partition }} wait for more than a minute to be counted.",
          "分区 {{ $labels.partition }} 的事件等待计入超过一分钟。", _MORE, _MORE_ZH, "2m"),
    Alert("WorkerLagGrowing", "deriv(floorwatch_worker_lag_events[10m]) > 10 and floorwatch_worker_lag_events > 10000", "warning",
          "The unread records of partition {{ $labels.partition }} grow.", "分区 {{ $labels.partition }} 的未读记录持续增长。", _MORE, _MORE_ZH, "5m"),
    Alert("WorkerRecovering", "floorwatch_worker_ready == 0", "warning", "The recovery of partition {{ $labels.partition }} takes long.", "分区 {{ $labels.partition }} 恢复时间过长。",
          "See floorwatch_worker_recovery_offsets_left; save state more often (--snapshot-every), and recoveries are shorter.",
          "查看 floorwatch_worker_recovery_offsets_left；更频繁地保存状态（--snapshot-every）可缩短恢复。", "5m"),
    Alert("WorkersUnsteady", "increase(floorwatch_worker_rebalances_total[30m]) > 10", "warning", "Partitions are shared out again and again.", "分区反复重新分配。",
          "A worker comes and goes, or the machine is too busy for it to be heard: see their standard error.", "有 worker 反复进出，或机器过忙而心跳失联：查看其标准错误输出。"),
    Alert("DeadLetters", "increase(floorwatch_worker_rejected_total[10m]) > 0", "warning", "What came from Kafka could not be read, and became dead letters.", "来自 Kafka 的数据无法读取，已转为死信。",
          "floorwatch deadletter list tells reason and place; mend the source, then floorwatch deadletter resend.", "用 floorwatch deadletter list 查看原因和位置；修复来源后执行 floorwatch deadletter resend。"),
    Alert("GatewayDown", 'up{job="floorwatch-gateway"} == 0', "critical", "A gateway does not answer.", "有 gateway 无应答。",
          "Start it again; senders keep what was not acknowledged.", "重新启动；未确认的数据由发送方保留。", "1m"),
    Alert("GatewayRefusing", "increase(floorwatch_gateway_busy_answers_total[5m]) > 0", "warning", "A gateway turns senders away because the brokers are behind.", "Broker 落后，gateway 正在拒绝发送方。",
          _BROKERS, _BROKERS_ZH),
    Alert("GatewayUncertain", "increase(floorwatch_gateway_unknown_answers_total[5m]) > 0", "warning", "The brokers did not confirm in time what a gateway wrote.", "Broker 未能及时确认 gateway 的写入。",
          _BROKERS, _BROKERS_ZH),
)  # fmt: skip
