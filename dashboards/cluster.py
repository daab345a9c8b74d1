"""Metrics of the processes of a cluster: what workers, gateways and hubs tell about themselves, each on its own address.

Owns these entries of the catalogue; `streams.kafka` makes the samples, and a test holds both to each other. A hub tells what one machine
tells, its backlog being the records of the log of steps that it has not merged, and has neither a journal nor bytes that wait.
"""

from __future__ import annotations

from functools import partial

from dashboards.metric import of_process

__all__ = ["CLUSTER", "HUBS"]


_of = partial(of_process, rows=("C51", "C55"))

_PARTITIONS = (
    _of("worker_topic_partitions", "partitions", "Partitions of the topic of events, whoever holds them.", "事件主题的分区总数（不论由谁持有）。"),
    _of("worker_lag_events", "records", "Records of the partition that are not read yet.", "该分区尚未读取的记录数。", "partition"),
    _of("worker_oldest_unread_seconds", "seconds", "Age of the oldest record of the partition that is not read yet, 0 for none.",
        "该分区最早未读记录的等待时长，没有则为 0。", "partition"),
    _of("worker_underway_stretches", "stretches", "Pieces of the partition that were fetched and are not counted yet.", "已拉取、尚未计入的数据段数。", "partition"),
    _of("worker_unconfirmed_steps", "steps", "Steps that the broker has not confirmed yet.", "Broker 尚未确认的步数。", "partition"),
    _of("worker_ready", "", "1 once the partition is recovered.", "分区恢复完成后为 1。", "partition"),
    _of("worker_recovery_events", "events", "Events made again so far in its recovery.", "恢复过程中已重做的事件数。", "partition"),
    _of("worker_recovery_offsets_left", "records", "Offsets that its recovery has still to come by.", "恢复过程还剩的偏移量。", "partition"),
    _of("worker_watermark_timestamp_seconds", "seconds", "How far event time has come.", "事件时间推进到何处。", "partition"),
    _of("worker_snapshot_timestamp_seconds", "seconds", "When its last snapshot was kept.", "最近一次快照的保存时间。", "partition"),
    _of("worker_snapshot_bytes", "bytes", "Size of its last snapshot.", "最近一次快照的大小。", "partition"),
    _of("worker_stalled_seconds", "seconds", "How long it has not read on although there was something to read.", "有数据可读却停滞的时长。", "partition"),
)  # fmt: skip
_WORKERS = (
    _of("worker_events_total", "events", "Events that the engine has taken.", "引擎已接收的事件数。"),
    _of("worker_rejected_total", "lines", "Lines and records that became dead letters.", "成为死信的行与记录数。"),
    _of("worker_steps_total", "steps", "Steps that were written.", "已写出的步数。"),
    _of("worker_rebalances_total", "times", "How often partitions were shared out anew.", "分区重新分配的次数。"),
    _of("worker_batch_seconds", "seconds", "How long the engine took for what one fetch brought.", "引擎处理一次拉取内容的耗时。", kind="histogram", formula="as measured"),
    _of("faust_messages_total", "stretches", "Messages that Faust has received; one is a stretch of records.", "Faust 收到的消息数；一条消息是一段记录。"),
    _of("faust_active_messages", "stretches", "Messages that Faust has received and not done with.", "Faust 收到、尚未处理完的消息数。"),
    _of("faust_event_seconds", "seconds", "What a message took, by Faust's monitor, mean of the last ones.", "Faust 监视器给出的近期单条消息平均耗时。"),
    _of("faust_commit_seconds", "seconds", "What a commit of offsets took, by Faust's monitor, mean of the last ones.", "Faust 监视器给出的近期提交偏移量平均耗时。"),
    _of("faust_rebalance_seconds", "seconds", "What sharing out anew took, by Faust's monitor, mean of the last times.", "Faust 监视器给出的近期重新分配平均耗时。"),
    _of("faust_full_buffers_total", "times", "How often a partition had to wait because the engine was behind.", "因引擎落后而使分区等待的次数。"),
)  # fmt: skip
_GATEWAYS = (
    _of("gateway_events_total", "events", "Events that the brokers have confirmed.", "Broker 已确认的事件数。"),
    _of("gateway_records_total", "records", "Records that were written for them.", "为此写出的记录数。"),
    _of("gateway_sent_bytes_total", "bytes", "Bytes of these.", "上述记录的字节数。"),
    _of("gateway_rejected_total", "lines", "Lines that were refused.", "拒收的行数。"),
    _of("gateway_busy_answers_total", "answers", "Bodies that were refused because the brokers were behind.", "因 Broker 落后而拒收的请求数。"),
    _of("gateway_unknown_answers_total", "answers", "Bodies of which it is not known whether the brokers have them.", "不知 Broker 是否已收到的请求数。"),
    _of("gateway_underway_bytes", "bytes", "Bytes on their way to the brokers.", "正在发往 Broker 的字节数。"),
)  # fmt: skip
#: Beside what a hub tells as one machine does.
HUBS = (
    _of("hub_unmerged_records", "records", "Records of the partition's steps that are not merged yet.", "该分区的步日志中尚未合并的记录数。", "partition"),
    _of("hub_merged_timestamp_seconds", "seconds", "Up to which instant the partition has told all; the oldest of them holds the figures.",
        "该分区已全部告知到的时刻；各分区中最早者决定数字的进度。", "partition"),
)  # fmt: skip

CLUSTER = (*_PARTITIONS, *_WORKERS, *_GATEWAYS, *HUBS)
