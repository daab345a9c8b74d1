"""The work in Flink's SQL, as its documentation shows: a pattern by contact, a tumbling window by queue, from and to Kafka.

What is measured: one slot of a local cluster, event time with a watermark of half a second, `MATCH_RECOGNIZE` for the first reply of each
contact, a window of a minute, results to a topic; by the broker's clock from the first window after the warm-up to the last one, since a
JVM takes seconds to start. Fair: nothing of it runs in Python, there are no checkpoints, and the object reuse that speeds it up is on.
"""

from __future__ import annotations

import json
import os
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from meter import Told
from pyflink.table import EnvironmentSettings, TableEnvironment

TOLD = Told()
JAR = sys.argv[2]
RESULTS = f"{TOLD.topic}-{TOLD.name}"

SOURCE = f"""
CREATE TABLE events (
  `type` STRING, `time` BIGINT, contact STRING, queue STRING,
  happened AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR happened AS happened - INTERVAL '0.5' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = '{TOLD.topic}', 'properties.bootstrap.servers' = '{TOLD.bootstrap}',
  'properties.group.id' = '{TOLD.name}', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
  'format' = 'json'
)"""
SINK = f"""
CREATE TABLE answers (minute_ms BIGINT, queue STRING, replies BIGINT, total_ms BIGINT) WITH (
  'connector' = 'kafka', 'topic' = '{RESULTS}', 'properties.bootstrap.servers' = '{TOLD.bootstrap}', 'format' = 'json',
  'sink.delivery-guarantee' = 'at-least-once', 'properties.linger.ms' = '0'
)"""
WORK = """
INSERT INTO answers
SELECT UNIX_TIMESTAMP(CAST(window_start AS STRING)) * 1000, queue, COUNT(*), SUM(waited_ms)
FROM TABLE(TUMBLE(
  TABLE paired, DESCRIPTOR(replied), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, queue"""
PAIRED = """
CREATE TEMPORARY VIEW paired AS
SELECT * FROM events MATCH_RECOGNIZE (
  PARTITION BY contact ORDER BY happened
  MEASURES REPLY.queue AS queue, REPLY.`time` - ASKED.`time` AS waited_ms, MATCH_ROWTIME(REPLY.happened) AS replied
  ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW
  PATTERN (BEGUN BEFORE_IT*? ASKED MEANWHILE*? REPLY)
  DEFINE BEGUN AS BEGUN.`type` = 'contact.opened', ASKED AS ASKED.`type` = 'message.customer',
         REPLY AS REPLY.`type` = 'message.agent'
) AS found"""


def main() -> None:
    settings = EnvironmentSettings.in_streaming_mode()
    table = TableEnvironment.create(settings)
    for name, value in {
        "pipeline.jars": f"file://{JAR}",
        "parallelism.default": "1",
        "pipeline.object-reuse": "true",
        "table.local-time-zone": "UTC",
    }.items():
        table.get_config().set(name, value)
    table.execute_sql(SOURCE)
    table.execute_sql(SINK)
    table.execute_sql(PAIRED)
    table.execute_sql(WORK).wait()
    tell()


def tell() -> None:
    """The windows as they were written, with the instants at which they were."""
    consumer = Consumer({"bootstrap.servers": TOLD.bootstrap, "group.id": TOLD.name, "enable.partition.eof": True})
    consumer.assign([TopicPartition(RESULTS, 0, OFFSET_BEGINNING)])
    rows = []
    while (message := consumer.poll(10)) is not None and not message.error():
        told = json.loads(message.value())
        rows.append(
            (message.timestamp()[1] / 1000, [told["minute_ms"], told["queue"], told["replies"], told["total_ms"]])
        )
    print("\nRESULT " + json.dumps({"written": [at for at, _ in rows], "answer": [row for _, row in rows]}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
