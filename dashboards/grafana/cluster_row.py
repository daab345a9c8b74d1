"""The panels of a cluster's processes, at the end of the board of Floorwatch's own health.

Owns what they show. On one machine they are empty, and say why.
"""

from __future__ import annotations

from dashboards.grafana.panel import Panel, asked
from dashboards.grafana.panel import Query as Q

__all__ = ["CLUSTER_PANELS"]

_CLUSTER = "only on a cluster"
_BY = "partition {{partition}}"

CLUSTER_PANELS = (
    Panel("timeseries", ("Cluster: unread records", "集群：未读记录"), asked("floorwatch_worker_lag_events", _BY, _CLUSTER)),
    Panel("timeseries", ("Cluster: age of the oldest unread, and standing still", "集群：最早未读的等待与停滞"),
          (Q("floorwatch_worker_oldest_unread_seconds", _BY, _CLUSTER), Q("floorwatch_worker_stalled_seconds", f"{_BY}, still", _CLUSTER)), "s",
          ((None, "green"), (10, "yellow"), (60, "red"))),
    Panel("timeseries", ("Cluster: events and steps a second", "集群：每秒事件与步数"),
          (Q("rate(floorwatch_worker_events_total[1m])", "{{instance}}", _CLUSTER), Q("rate(floorwatch_worker_steps_total[1m])", "{{instance}}, steps", _CLUSTER),
           Q("rate(floorwatch_worker_rejected_total[5m])", "{{instance}}, dead letters", _CLUSTER))),
    Panel("timeseries", ("Cluster: what is underway", "集群：处理途中"),
          (Q("floorwatch_worker_underway_stretches", f"{_BY}, fetched", _CLUSTER), Q("floorwatch_worker_unconfirmed_steps", f"{_BY}, unconfirmed", _CLUSTER),
           Q("floorwatch_faust_active_messages", "{{instance}}, in Faust", _CLUSTER), Q("rate(floorwatch_faust_messages_total[1m])", "{{instance}}, messages a second", _CLUSTER),
           Q("rate(floorwatch_faust_full_buffers_total[1m])", "{{instance}}, had to wait", _CLUSTER))),
    Panel("timeseries", ("Cluster: batches, commits, rebalances", "集群：批处理、提交与重新分配"),
          (Q("histogram_quantile(0.99, rate(floorwatch_worker_batch_seconds_bucket[5m]))", "{{instance}}, batch p99", _CLUSTER), Q("floorwatch_faust_event_seconds", "{{instance}}, message", _CLUSTER),
           Q("floorwatch_faust_commit_seconds", "{{instance}}, commit", _CLUSTER), Q("floorwatch_faust_rebalance_seconds", "{{instance}}, rebalance", _CLUSTER)), "s"),
    Panel("timeseries", ("Cluster: recovery", "集群：恢复"),
          (Q("floorwatch_worker_recovery_offsets_left", f"{_BY}, left", _CLUSTER), Q("floorwatch_worker_recovery_events", f"{_BY}, events again", _CLUSTER),
           Q("increase(floorwatch_worker_rebalances_total[5m])", "{{instance}}, rebalances", _CLUSTER))),
    Panel("table", ("Cluster: partitions", "集群：分区"),
          (Q("floorwatch_worker_ready", "", _CLUSTER), Q("floorwatch_worker_topic_partitions", "", _CLUSTER), Q("floorwatch_worker_snapshot_bytes", "", _CLUSTER),
           Q("time() - floorwatch_worker_snapshot_timestamp_seconds", "", _CLUSTER), Q("time() - floorwatch_worker_watermark_timestamp_seconds", "", _CLUSTER))),
    Panel("timeseries", ("Cluster: hubs, unmerged and how far each partition has told", "集群：hub 未合并记录与各分区进度"),
          (Q("floorwatch_hub_unmerged_records", f"{_BY}, unmerged", _CLUSTER), Q("time() - floorwatch_hub_merged_timestamp_seconds", f"{_BY}, seconds behind", _CLUSTER))),
    Panel("timeseries", ("Cluster: gateways", "集群：gateway"),
          (Q("rate(floorwatch_gateway_events_total[1m])", "{{instance}}, events", _CLUSTER), Q("rate(floorwatch_gateway_records_total[1m])", "{{instance}}, records", _CLUSTER),
           Q("rate(floorwatch_gateway_rejected_total[5m])", "{{instance}}, refused lines", _CLUSTER),
           Q("rate(floorwatch_gateway_busy_answers_total[5m])", "{{instance}}, turned away", _CLUSTER),
           Q("rate(floorwatch_gateway_unknown_answers_total[5m])", "{{instance}}, unknown", _CLUSTER))),
    Panel("timeseries", ("Cluster: bytes to the brokers", "集群：发往 Broker 的字节"),
          (Q("rate(floorwatch_gateway_sent_bytes_total[1m])", "{{instance}}, a second", _CLUSTER), Q("floorwatch_gateway_underway_bytes", "{{instance}}, underway", _CLUSTER)), "bytes"),
)  # fmt: skip
